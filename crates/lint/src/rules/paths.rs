//! Linters that look at where things are.

use super::{Found, SBOM, file_name, is_directory, of_paths};
use crate::Package;
use bessemer_package::Node;
use regex::Regex;
use std::sync::LazyLock;

/// What hides the files of a merged `/usr`.
const UNMERGED: [&str; 5] = ["sbin", "bin", "usr/sbin", "lib", "lib64"];
/// Ends of the names of documentation.
const DOCUMENTATION: [&str; 9] = [
    "READ",
    "README",
    "READ.ME",
    concat!("TO", "DO"),
    "CREDITS",
    ".md",
    ".doc",
    ".docx",
    ".rst",
];

/// Pages of `info`, and its directory.
static INFO: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^usr/(local/)?share/info/(dir|[^/]+\.info(-[0-9]+)?(\.(gz|bz2|xz|lzma|Z))?)$")
});
/// Pages of `man`.
static MANUAL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^usr/((local/)?share/)?man(/man[0-9][^/]*)?(/[^/]+\.[0-9][^/]*)?$"));
static CUDA: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^usr/lib/lib(cuda|nvidia-ml)\.so(\.[0-9]+)*$"));

/// A pattern of this crate's own.
#[expect(clippy::expect_used, reason = "tests run every pattern")]
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern in this crate is well-formed")
}

pub(super) fn cuda(path: &str, _: &Node) -> bool {
    CUDA.is_match(path)
}

pub(super) fn manual(path: &str, _: &Node) -> bool {
    MANUAL.is_match(path) || INFO.is_match(path)
}

pub(super) fn sbom(path: &str, _: &Node) -> bool {
    let inside = path.strip_prefix(SBOM);
    inside.is_some_and(|name| !name.contains('/') && !name.ends_with(".spdx.json"))
}

/// Also a manual page's end: `.1x`.
pub(super) fn documentation(path: &str, _: &Node) -> bool {
    let section = matches!(path.as_bytes(), [.., b'.', b'0'..=b'9', b'a'..=b'z']);
    section
        || DOCUMENTATION
            .iter()
            .any(|end| file_name(path).ends_with(end))
}

pub(super) fn empty(package: &Package<'_>) -> Option<Found> {
    let mut entries = package.tree.iter();
    let has_file =
        entries.any(|(path, node)| !is_directory(node) && !path.as_str().starts_with(SBOM));
    (!has_file).then(|| Found {
        message: format!("{} has no files", package.name),
        details: None,
        advisory: false,
    })
}

/// melange looks for files below a folder `dir`, which never exists; the file `dir` itself is what
/// `install-info` leaves. It is reported, and fails no build.
pub(super) fn infodir(package: &Package<'_>) -> Option<Found> {
    let below =
        |path: &str, node: &Node| !is_directory(node) && path.starts_with("usr/share/info/dir/");
    if let Some(found) = of_paths(package, "below /usr/share/info/dir", below) {
        return Some(found);
    }
    let itself = |path: &str, node: &Node| !is_directory(node) && path == "usr/share/info/dir";
    let found = of_paths(
        package,
        "in the place of the directory of info pages",
        itself,
    );
    found.map(|found| Found {
        advisory: true,
        ..found
    })
}

/// The directories themselves, too, and links in their places.
pub(super) fn usrmerge(package: &Package<'_>) -> Option<Found> {
    of_paths(package, "outside of the merged /usr", |path, _| {
        UNMERGED.iter().any(|directory| {
            path.strip_prefix(directory)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    })
}
