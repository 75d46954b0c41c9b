//! Linters that look for a test of what is there.

use super::{Found, is_directory, of_paths};
use crate::Package;
use bessemer_package::Node;
use std::io;

/// Shared objects want `ldd` to find what they need.
pub(super) fn libraries(package: &Package<'_>) -> io::Result<Option<Found>> {
    let pipelines = ["test/ldd-check", "test/tw/ldd-check"];
    Ok(untested(
        package,
        &pipelines,
        "that are shared objects",
        |path| {
            let version = path.trim_end_matches(|char: char| char.is_ascii_digit() || char == '.');
            version.ends_with(".so") && !path.ends_with('.') && !path.contains("..")
        },
    ))
}

/// pkg-config files want `pkgconf` to read them.
pub(super) fn pkgconf(package: &Package<'_>) -> io::Result<Option<Found>> {
    Ok(untested(
        package,
        &["test/pkgconf"],
        "for pkg-config",
        |path| path.starts_with("usr/lib/pkgconfig/") || path.starts_with("usr/share/pkgconfig/"),
    ))
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
