//! How far a search goes, and what it says when that is not far enough.

use std::io;

/// Streams within streams: a `.gz` in a `.tar.xz` in a jar in a `.tar.gz` has four.
const DEPTH: u8 = 5;
/// Bytes that all streams of all files of one search may become.
const TOTAL: u64 = 32 << 30;
/// Bytes of result for each byte of a stream: deflate cannot do more.
const RATIO: u64 = 1100;
/// Bytes that any stream may become, however small it is: images of empty disks do.
const RATIO_FROM: u64 = 1 << 30;

/// What bounds one [`Search`](crate::Search).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streams within streams that are looked into.
    pub depth: u8,
    /// Bytes unpacked, all files together. What looks like a stream costs some kibibytes of them,
    /// and a try of passwords one kibibyte for each round.
    pub total: u64,
    /// Bytes of result for each byte of a stream.
    pub ratio: u64,
    /// Bytes of result from which on `ratio` counts.
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: DEPTH,
            total: TOTAL,
            ratio: RATIO,
            ratio_from: RATIO_FROM,
        }
    }
}

/// Why nobody can say whether a file has the certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The file cannot be read, or what is unpacked cannot be kept.
    #[error("cannot read or unpack it")]
    Io(#[from] io::Error),
    /// Streams within streams, beyond [`Limits::depth`].
    #[error("more than {0} compressed streams are in one another")]
    Depth(u8),
    /// The files of the search become more than [`Limits::total`].
    #[error("what is packed takes more work than unpacking {0} bytes")]
    Total(u64),
    /// A stream becomes more than [`Limits::ratio`] times its size.
    #[error("a compressed stream becomes more than {0} times its size")]
    Ratio(u64),
    /// A stream wants more memory than any usual setting of its program does.
    #[error("a compressed stream needs a window of more than {0} bytes")]
    Window(u64),
}
