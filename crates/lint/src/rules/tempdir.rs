//! The linter of directories that a running system empties.

use super::{Found, is_directory, of_paths};
use crate::Package;

/// Files below the temporary directories, anything below `/var/run`, and what is below `/run`:
/// directories may be there if a file for `systemd-tmpfiles` makes them anew.
pub(super) fn check(package: &Package<'_>) -> Option<Found> {
    let mut entries = package.tree.iter();
    let makes_anew = entries.any(|(path, _)| path.as_str().starts_with("usr/lib/tmpfiles.d/"));
    of_paths(package, "in a temporary directory", |path, node| {
        let below = |directory| path.starts_with(directory);
        if below("tmp/") || below("var/tmp/") {
            !is_directory(node)
        } else if below("run/") {
            !is_directory(node) || !makes_anew
        } else {
            below("var/run/")
        }
    })
}
