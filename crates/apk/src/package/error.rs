//! What can be wrong with a package.

use super::PkgInfoError;
use crate::tar::TarError;
use crate::{EntryPath, EntryPathError};
use bessemer_digest::Digest;

/// Why a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is of the format of apk-tools 3.
    #[error("apk v3 (ADB) packages are not supported yet: this reads the v2 format")]
    Adb,
    /// One of its archives is broken.
    #[error("cannot read the {member} member")]
    Archive {
        /// `signature`, `control` or `data`.
        member: &'static str,
        /// Why.
        #[source]
        source: TarError,
    },
    /// The same name comes twice in the control member.
    #[error("{0:?} is in the control member twice")]
    ControlTwice(String),
    /// There is no `.PKGINFO` in the control member.
    #[error("control member has no .PKGINFO")]
    NoPkgInfo,
    /// The `.PKGINFO` is not UTF-8.
    #[error(".PKGINFO is not UTF-8")]
    PkgInfoEncoding,
    /// The `.PKGINFO` is malformed.
    #[error(transparent)]
    PkgInfo(#[from] PkgInfoError),
    /// `.PKGINFO` has no `datahash`, so that nothing ties the data to it.
    #[error(".PKGINFO has no `datahash`")]
    NoDatahash,
    /// The data member is not the one that `.PKGINFO` names.
    #[error("data member is {found}, but .PKGINFO says {expected}")]
    Datahash {
        /// What `.PKGINFO` says.
        expected: Digest,
        /// What was read.
        found: Digest,
    },
    /// An entry's name leaves the package's root.
    #[error("data member has an entry that cannot be installed")]
    Path(#[from] EntryPathError),
    /// An entry's kind is none that a package may have.
    #[error("{path} has the tar type {kind:?}, which a package may not have")]
    Kind {
        /// The entry.
        path: EntryPath,
        /// The type flag.
        kind: char,
    },
    /// Something of it that no system can have.
    #[error("{path} has {what}")]
    Entry {
        /// The entry.
        path: EntryPath,
        /// What it has.
        what: &'static str,
    },
    /// A name that apk takes for metadata, so that it would be a script or nothing at all.
    #[error("{0} is in the data member, but apk takes such names for a package's metadata")]
    Metadata(EntryPath),
    /// The limit on paths, link targets and extended attributes is exceeded.
    #[error("paths, link targets and attributes of the data member exceed {limit} bytes at {path}")]
    TooMuchMetadata {
        /// The entry that is one too many.
        path: EntryPath,
        /// Bytes that are allowed ([`crate::Limits::metadata`]).
        limit: u64,
    },
    /// The same path comes twice.
    #[error("{0} is in the data member twice")]
    Duplicate(EntryPath),
    /// A hard link names no regular file before it.
    #[error("{path} is a hard link to {target}, which is no regular file before it")]
    Hardlink {
        /// The link.
        path: EntryPath,
        /// What it names.
        target: EntryPath,
    },
    /// An entry's checksum record is not a SHA-1.
    #[error("{0} has a malformed checksum record")]
    ChecksumRecord(EntryPath),
    /// The content is not what the entry's checksum record names.
    #[error("{path} has the SHA-1 {found}, but its checksum record says {expected}")]
    Checksum {
        /// The entry.
        path: EntryPath,
        /// Hexadecimal, as recorded.
        expected: String,
        /// Hexadecimal, as read.
        found: String,
    },
}
