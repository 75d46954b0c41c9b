//! What can go wrong while a file system is put together.

use bessemer_apk::EntryPath;
use bessemer_apk::install::{AddError, EditError, SystemError};
use bessemer_apk::package::ReadError;
use std::io;

/// Why there is no file system.
#[derive(Debug, thiserror::Error)]
pub enum BuildTreeError {
    /// A package cannot be read.
    #[error("cannot read {package}")]
    Package {
        /// Its file's name.
        package: String,
        /// Why not.
        source: ReadError,
    },
    /// A package does not fit.
    #[error(transparent)]
    Add(#[from] AddError),
    /// apk's own files do not fit.
    #[error(transparent)]
    System(#[from] SystemError),
    /// Something cannot be made or changed.
    #[error("cannot change the image's files")]
    Edit(#[from] EditError),
    /// An entry of `paths` cannot be carried out.
    #[error("cannot carry out `paths` for {path}")]
    Path {
        /// The entry's path.
        path: String,
        /// Why not.
        source: EditError,
    },
    /// Files cannot be kept.
    #[error("cannot keep the image's files")]
    Io(#[from] io::Error),
    /// A file is larger than it can be.
    #[error("{0} is too large to be changed")]
    Large(EntryPath),
    /// A file is no text.
    #[error("{0} of the image is not UTF-8")]
    Encoding(String),
    /// A line of `etc/passwd` is none.
    #[error("line {line} of {file} in the image has {found} fields, not {expected}")]
    Line {
        /// The file.
        file: &'static str,
        /// Counted from 1.
        line: usize,
        /// Its fields.
        found: usize,
        /// What it should have.
        expected: usize,
    },
    /// A user or group has no number.
    #[error("line {line} of {file} in the image has no number where one is due")]
    Number {
        /// The file.
        file: &'static str,
        /// Counted from 1.
        line: usize,
    },
    /// Where a home should be is something else.
    #[error("the home {home} of {user} is there and is no directory")]
    Home {
        /// The user.
        user: String,
        /// The path.
        home: String,
    },
    /// A key of `runtime_keyring` has the name of another one.
    #[error("/etc/apk/keys/{0} is there already, and `runtime_keyring` names a key so")]
    RuntimeKey(String),
    /// What the image file has in it is no PEM.
    #[error("{0} is no PEM")]
    Pem(String),
    /// Java's store of certificates cannot be extended.
    #[error("{0} is in the image, and is no Java key store with the password `changeit`")]
    TrustStore(&'static str),
    /// The configuration cannot be written.
    #[error("cannot write /etc/apko.json")]
    Json(#[from] serde_json::Error),
}
