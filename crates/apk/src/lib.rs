//! The apk v2 format: packages, indexes, versions, constraints, solver, install tree.
//!
//! An apk is two or three gzip members one after another: signature (optional), control, data.
//! [`package`] reads and writes them as streams, [`Entry`] is the one description of a file that
//! every crate shares.
//!
//! Invariants: nothing is read that is larger than its [`Limits`]; no path that leaves its root can
//! be expressed as an [`EntryPath`]; what is written depends on the arguments alone, so the same
//! input always gives the same bytes. This crate performs no IO except on readers and writers it is
//! given.

mod bounded;
mod dependency;
pub mod discovery;
mod entry;
pub mod index;
pub mod install;
mod keyring;
mod limits;
pub mod package;
mod path;
mod signature;
pub mod solver;
mod tar;
mod version;

pub use dependency::{Dependency, Operator, ParseDependencyError, Provide};
pub use entry::{Entry, EntryKind};
pub use index::{Index, IndexEntry, read_index, write_index};
pub use keyring::{Keyring, KeyringError, Verified, VerifyError};
pub use limits::Limits;
pub use package::PkgInfo;
pub use path::{EntryPath, EntryPathError};
pub use signature::{Algorithm, Signature, signature_member};
pub use tar::TarError;
pub use version::{ParseVersionError, Version};

/// A SHA-1 as the apk format uses it: 20 raw bytes. It names contents; it is not trusted for more.
pub type Sha1Bytes = [u8; 20];

/// Whether these first bytes are of the format of apk-tools 3, for packages and indexes alike:
/// `ADB` and a letter for the compression (apk-tools, `adb.h`).
fn is_adb(start: &[u8]) -> bool {
    start.starts_with(b"ADB")
}
