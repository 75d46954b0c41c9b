//! Tar archives. Formats: POSIX.1-2017 `pax`; GNU tar manual, "Basic Tar Format".
//!
//! Extension headers are read here, because the `tar` crate would read them without a bound.

use super::unpack::{Bounded, TooMuch};
use super::{ArchiveError, Take};
use crate::collect::Limits;
use std::io::{self, Read};
use tar::{EntryType, Header};

/// Bytes of a header.
const BLOCK: usize = 512;
/// Most bytes of an extension header; real ones have some hundred.
const EXTENSION: u64 = 1 << 20;

/// Hands every regular file to `take`; whether the stream is a tar archive at all.
pub(super) fn read(
    mut stream: Bounded,
    limits: &Limits,
    take: &mut Take<'_>,
) -> Result<bool, ArchiveError> {
    let mut first = Vec::new();
    (&mut stream)
        .take(BLOCK as u64)
        .read_to_end(&mut first)
        .map_err(refused)?;
    if !is_header(&first) {
        return Ok(false);
    }
    let mut archive = tar::Archive::new(first.chain(stream));
    let mut name: Option<Vec<u8>> = None;
    let entries = archive.entries().map_err(refused)?.raw(true);
    for (count, entry) in (1..).zip(entries) {
        let mut entry = entry.map_err(refused)?;
        if count > limits.entries {
            return Err(ArchiveError::limit("entries", limits.entries));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut bytes = extension(&mut entry)?;
                let end = bytes.iter().position(|byte| *byte == 0);
                bytes.truncate(end.unwrap_or(bytes.len()));
                name = Some(bytes);
            }
            EntryType::XHeader => name = pax_path(&extension(&mut entry)?).or(name),
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            kind => {
                let path = match name.take() {
                    Some(path) => path,
                    None => entry.path_bytes().into_owned(),
                };
                let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
                if let Ok(path) = std::str::from_utf8(&path)
                    && is_file
                {
                    take(path, &mut entry).map_err(bounded)?;
                }
            }
        }
    }
    Ok(true)
}

/// Whether a block is a header: its checksum holds.
fn is_header(block: &[u8]) -> bool {
    let Ok(bytes) = <&[u8; BLOCK]>::try_from(block) else {
        return false;
    };
    let header = Header::from_byte_slice(bytes);
    // The field itself counts as blanks.
    let sum = |from: usize, to: usize| bytes[from..to].iter().map(|byte| u32::from(*byte)).sum();
    let (before, after): (u32, u32) = (sum(0, 148), sum(156, BLOCK));
    header
        .cksum()
        .is_ok_and(|stated| stated == before + after + 8 * u32::from(b' '))
        && bytes[0] != 0
}

fn extension(entry: &mut impl Read) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    let read = entry.take(EXTENSION + 1).read_to_end(&mut bytes);
    read.map_err(refused)?;
    if bytes.len() as u64 > EXTENSION {
        return Err(ArchiveError::limit("an extension header", EXTENSION));
    }
    Ok(bytes)
}

/// The path that a pax header gives the next entry; the last one counts.
fn pax_path(bytes: &[u8]) -> Option<Vec<u8>> {
    let records = tar::PaxExtensions::new(bytes).filter_map(Result::ok);
    let paths = records.filter(|record| record.key_bytes() == b"path");
    paths.last().map(|record| record.value_bytes().to_vec())
}

fn refused(error: io::Error) -> ArchiveError {
    bounded(ArchiveError::Read(error))
}

/// Takes the bound of the stream out of an error that came through other readers.
fn bounded(error: ArchiveError) -> ArchiveError {
    let ArchiveError::Read(source) = &error else {
        return error;
    };
    let mut cause: Option<&(dyn std::error::Error + 'static)> =
        source.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if let Some(TooMuch(limit)) = inner.downcast_ref() {
            return ArchiveError::limit("bytes of an archive", *limit);
        }
        cause = match inner
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(deeper) => Some(deeper),
            None => inner.source(),
        };
    }
    error
}
