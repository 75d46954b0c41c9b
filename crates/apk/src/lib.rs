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

mod entry;
mod limits;
pub mod package;
mod path;
mod signature;
mod tar;

pub use entry::{Entry, EntryKind};
pub use limits::Limits;
pub use package::PkgInfo;
pub use path::{EntryPath, EntryPathError};
pub use signature::{Algorithm, Signature, signature_member};

/// A SHA-1 as the apk format uses it: 20 raw bytes. It names contents; it is not trusted for more.
pub type Sha1Bytes = [u8; 20];
