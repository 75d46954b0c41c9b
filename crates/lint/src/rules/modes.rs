//! Linters that look at permissions.

use super::{Found, counted, is_file};
use crate::{Details, FileMode, Package};

/// The bits beside the permissions.
const SPECIAL: [(u32, &str); 3] = [(0o4000, "setuid"), (0o2000, "setgid"), (0o1000, "sticky")];

pub(super) fn special(package: &Package<'_>) -> Option<Found> {
    of_files(package, "with setuid, setgid or sticky bit", |mode| {
        let set = SPECIAL.iter().filter(|(bit, _)| mode & bit != 0);
        set.map(|(_, name)| *name).collect()
    })
}

pub(super) fn world_writable(package: &Package<'_>) -> Option<Found> {
    of_files(package, "that everybody may write", |mode| {
        match (mode & 0o002 != 0, mode & 0o111 != 0) {
            (false, _) => Vec::new(),
            (true, false) => vec!["world-writable"],
            (true, true) => vec!["world-writable", "executable"],
        }
    })
}

/// The files of whose mode something is in question.
fn of_files(
    package: &Package<'_>,
    says: &str,
    in_question: impl Fn(u32) -> Vec<&'static str>,
) -> Option<Found> {
    let entries = package.tree.iter().filter(|(_, node)| is_file(node));
    let files: Vec<FileMode> = entries
        .map(|(path, node)| FileMode {
            path: path.to_string(),
            mode: format!("{:o}", node.entry.mode),
            permissions: in_question(node.entry.mode),
        })
        .filter(|file| !file.permissions.is_empty())
        .collect();
    (!files.is_empty()).then(|| {
        let message = counted(package.name, files.len(), "file", "files", says);
        Found::new(message, Details::Files { files })
    })
}
