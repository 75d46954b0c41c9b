//! Archives of sources, as streams.

mod tar_stream;
mod unpack;
mod zip;

use crate::collect::Limits;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};

/// Why an archive was not read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file cannot be read, or is damaged.
    #[error("cannot read the archive")]
    Read(#[source] io::Error),
    /// A bound of [`Limits`] is exceeded.
    #[error("the source exceeds the limit on {what} ({limit})")]
    Limit {
        /// What is bounded.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A header that no archive has.
    #[error("the archive is malformed: {0}")]
    Malformed(&'static str),
}

impl ArchiveError {
    pub(crate) const fn limit(what: &'static str, limit: u64) -> Self {
        Self::Limit { what, limit }
    }
}

/// Takes the path and the content of each regular file.
pub(crate) type Take<'a> = dyn FnMut(&str, &mut dyn Read) -> Result<(), ArchiveError> + 'a;

/// Hands every regular file of an archive to `take`; whether it is an archive.
pub(crate) fn read(file: File, limits: &Limits, take: &mut Take<'_>) -> Result<bool, ArchiveError> {
    let mut file = file;
    let mut start = Vec::new();
    (&mut file).take(6).read_to_end(&mut start)?;
    file.rewind()?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        zip::read(&file, limits, take)?;
        return Ok(true);
    }
    let stream = unpack::stream(BufReader::with_capacity(1 << 16, file), &start, limits)?;
    tar_stream::read(stream, limits, take)
}

#[cfg(test)]
mod tests;
