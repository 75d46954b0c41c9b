//! Packages: metadata, reading and writing, always as streams.
//!
//! Read with [`Reader`]. Write with [`write_data`] first, because the control member names the data
//! member's digest, then [`control_member`], then [`crate::signature_member`] over the control
//! member; the package is the three in the opposite order.

mod checks;
mod control;
mod data;
mod error;
mod header;
mod pkginfo;
mod reader;
mod render;
mod tap;

pub use control::{Script, control_member};
pub(crate) use data::entry_header;
pub use data::{Content, DataSummary, WriteError, write_data};
pub use error::ReadError;
pub use header::{Control, Header};
pub use pkginfo::{PkgInfo, PkgInfoError};
pub use reader::{DataEntry, Reader, Summary};
