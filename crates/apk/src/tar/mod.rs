//! The tar dialect of apk: USTAR, with PAX records where something does not fit or is added.
//!
//! Written as Go's `archive/tar` writes it, because that is what melange's packages look like;
//! read more widely (GNU long names, base-256 numbers), because Alpine's come from other tools.
//! Formats: POSIX.1-2017 `pax`, "ustar Interchange Format" and "pax Header Block".

mod decode;
mod encode;
mod stream;

pub(crate) use decode::RawEntry;
pub use decode::TarError;
pub(crate) use encode::{Header, padding};
pub(crate) use stream::Archive;

use flate2::{Compression, GzBuilder};
use std::io::Write;

/// Bytes in a block; headers are one, contents are padded to whole ones.
const BLOCK: usize = 512;

/// Type flag of a regular file.
pub(crate) const FILE: u8 = b'0';
/// Type flag of a hard link.
pub(crate) const HARDLINK: u8 = b'1';
/// Type flag of a symbolic link.
pub(crate) const SYMLINK: u8 = b'2';
/// Type flag of a character device.
pub(crate) const CHAR_DEVICE: u8 = b'3';
/// Type flag of a block device.
pub(crate) const BLOCK_DEVICE: u8 = b'4';
/// Type flag of a directory.
pub(crate) const DIRECTORY: u8 = b'5';
/// Type flag of a named pipe.
pub(crate) const FIFO: u8 = b'6';
/// Type flag of PAX records for the next entry.
const PAX: u8 = b'x';

/// PAX record with the SHA-1 of an entry's content or link target, in hexadecimal.
pub(crate) const CHECKSUM_RECORD: &str = "APK-TOOLS.checksum.SHA1";
/// Prefix of the PAX records that carry extended attributes.
pub(crate) const XATTR_RECORD: &str = "SCHILY.xattr.";
/// The two empty blocks that end an archive.
pub(crate) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Starts a gzip member whose header says nothing about when and where it was made.
pub(crate) fn gzip_writer<W: Write>(out: W) -> flate2::write::GzEncoder<W> {
    const UNKNOWN_SYSTEM: u8 = 255;
    GzBuilder::new()
        .mtime(0)
        .operating_system(UNKNOWN_SYSTEM)
        .write(out, Compression::new(6))
}

/// `bytes` as one gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = gzip_writer(Vec::new());
    // Writing to a vector cannot fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
