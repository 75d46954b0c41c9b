//! Where a tree of packages goes: a directory, a tar archive, an erofs image.
//!
//! [`bessemer_apk::install`] decides what the tree is and touches no disk. This crate keeps the
//! contents of files while packages are read ([`Spool`], [`Staging`], [`Image`], each a
//! [`Contents`]) and writes the finished [`Root`].
//!
//! Invariants: whatever an archive holds, nothing is made, changed or followed outside the directory
//! that was given: every name is made by a call relative to an open directory, which the kernel
//! looks up beneath the root and without symbolic links. Memory does not grow with the size of
//! files: a content is in a file before the next one is read.
//!
//! [`Contents`]: bessemer_apk::install::Contents
//! [`Root`]: bessemer_apk::install::Root

mod directory;
mod image;
mod spool;

pub use directory::{Left, Report, StagedFile, Staging, WriteTreeError};
pub use image::{Image, ImageError, ImageTree, image_tree};
pub use spool::{Spool, Spooled};
