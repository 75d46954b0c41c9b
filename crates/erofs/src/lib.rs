//! A deterministic writer of uncompressed erofs images, and a reader of strangers'.
//!
//! The environment and sources disks of a microVM are written straight from package streams: no
//! host directory, no privilege, no external program. File contents come first, in the order in
//! which they arrive; [`Writer::finish`] then takes the finished tree and writes directories,
//! inodes and, last, the superblock.
//!
//! The format is the one described in the Linux kernel's `fs/erofs/erofs_fs.h`, restricted to what
//! Linux 5.4 and later mount without any incompatible feature: 4096-byte blocks, extended inodes,
//! plain data for files, inline data for small directories and symbolic links, inline extended
//! attributes, checksummed superblock.
//!
//! [`Reader`] goes through an image of whoever made it: layers of container images.
//!
//! Invariant: equal options, equal contents in equal order and equal trees give equal bytes.

mod directory;
mod error;
mod format;
mod layout;
mod map;
mod metadata;
mod read;
mod tree;
mod writer;
mod xattr;

pub use error::WriteError;
pub use format::BLOCK_SIZE;
pub use map::{Map, MapError, MappedFile, map};
pub use read::{Content, ContentReader, Found, FoundKind, ReadError, Reader, Source};
pub use tree::{Directory, InsertError, Metadata, Node};
pub use writer::{DataRef, Options, Summary, Writer};
