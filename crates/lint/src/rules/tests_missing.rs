//! Linters that look for a test of what is there.

use super::paths::pattern;
use super::{Found, is_directory, of_paths};
use crate::Package;
use bessemer_package::Node;
use regex::Regex;
use std::sync::LazyLock;

/// What shared objects are called, with their version or without.
static LIBRARY: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.so(\.[0-9]+)*$"));

/// Shared objects want `ldd` to find what they need.
pub(super) fn libraries(package: &Package<'_>) -> Option<Found> {
    let pipelines = ["test/ldd-check", "test/tw/ldd-check"];
    untested(package, &pipelines, "with shared objects", |path| {
        LIBRARY.is_match(path)
    })
}

/// pkg-config files want `pkgconf` to read them.
pub(super) fn pkgconf(package: &Package<'_>) -> Option<Found> {
    untested(package, &["test/pkgconf"], "for pkg-config", |path| {
        path.starts_with("usr/lib/pkgconfig/") || path.starts_with("usr/share/pkgconfig/")
    })
}

fn untested(
    package: &Package<'_>,
    pipelines: &[&str],
    what: &str,
    is_it: impl Fn(&str) -> bool,
) -> Option<Found> {
    let configuration = package.configuration;
    if configuration.is_some_and(|found| found.tests_with(package.name, pipelines)) {
        return None;
    }
    let says = match configuration {
        Some(_) => format!("{what}, and no test uses {}", pipelines.join(" or ")),
        None => format!("{what}, and no compiled recipe that says how they are tested"),
    };
    of_paths(package, &says, |path, node: &Node| {
        !is_directory(node) && is_it(path)
    })
}
