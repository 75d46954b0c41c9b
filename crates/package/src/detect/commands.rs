//! Commands that a package offers.

use super::{Findings, Package, file_name, parent};
use crate::tree::Node;

/// Directories whose executables are commands (not recursive).
const DIRECTORIES: [&str; 4] = ["bin", "sbin", "usr/bin", "usr/sbin"];

/// A regular file that everybody may read and execute is a command; a link to one is none.
pub(super) fn look(package: &Package<'_>, path: &str, node: &Node, findings: &mut Findings) {
    if node.entry.mode & 0o555 == 0o555 && DIRECTORIES.contains(&parent(path)) {
        let name = format!("cmd:{}", file_name(path));
        findings.provide(&name, Some(package.version));
    }
}
