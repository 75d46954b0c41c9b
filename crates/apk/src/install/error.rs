//! What can be wrong while merging packages.

use crate::EntryPath;

/// Why an entry cannot be part of the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// Two packages have different files there, and neither may replace the other's.
    #[error("{path} is in {first} and in {second}, which does not replace it")]
    Conflict {
        /// Where.
        path: EntryPath,
        /// File name of the package installed first.
        first: String,
        /// File name of the package that comes later.
        second: String,
    },
    /// A package has something where the system's own files go.
    #[error("{path} is in {package}, but it is where the system has something of its own")]
    System {
        /// Where.
        path: EntryPath,
        /// File name of the package.
        package: String,
    },
    /// Its name would forge lines of apk's database.
    #[error("{0:?} has control characters in its name")]
    Name(EntryPath),
    /// What was put together is no path.
    #[error("{0:?} is no path of a tree")]
    Path(String),
    /// Its directory is something else, or a symbolic link that leads to no directory.
    #[error("{path} cannot be installed, because {parent} is not a directory")]
    Parent {
        /// The entry.
        path: EntryPath,
        /// What should be its directory.
        parent: String,
    },
    /// Symbolic links lead in a circle.
    #[error("{0} cannot be installed, because of too many levels of symbolic links")]
    Loop(EntryPath),
    /// The way to its directory, or what was to be looked up for all entries together, is too long.
    #[error("{0:?} cannot be installed, because the way to its directory is too long")]
    TooLong(EntryPath),
    /// A hard link names no regular file of its package.
    #[error("{path} is a hard link to {target}, which is not a regular file of its package")]
    Hardlink {
        /// The link.
        path: EntryPath,
        /// What it names.
        target: EntryPath,
    },
    /// A regular file came without content.
    #[error("{0} is a regular file without content")]
    Content(EntryPath),
}
