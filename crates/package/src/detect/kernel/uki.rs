//! Unified kernel images: a PE file (Microsoft's PE format) whose section `.linux` is the kernel.

use crate::tree::ContentReader;
use std::io::{self, Read, Seek, SeekFrom};

/// Where a PE file says where its headers begin.
const HEADERS_AT: u64 = 0x3c;
const SIGNATURE: &[u8] = b"PE\0\0";
/// Bytes of the COFF header after the signature.
const COFF: usize = 20;
/// Bytes of one section header.
const SECTION: usize = 40;
const NAME: &[u8] = b".linux\0\0";
/// Most sections that are looked at; the format allows 96.
const MOST_SECTIONS: usize = 96;

/// Where the kernel lies in the file, if this is such an image.
pub(super) fn kernel(mut file: ContentReader) -> io::Result<Option<(u64, u64)>> {
    let mut piece = |offset: u64, size: usize| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if offset <= file.size() {
            file.seek(SeekFrom::Start(offset))?;
            (&mut file).take(size as u64).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    let start = piece(0, 2)?;
    let headers = u64::from(number(&piece(HEADERS_AT, 4)?, 0, 4).unwrap_or(0));
    let coff = piece(headers, SIGNATURE.len() + COFF)?;
    if start != b"MZ" || !coff.starts_with(SIGNATURE) {
        return Ok(None);
    }
    let (Some(count), Some(optional)) = (number(&coff, 6, 2), number(&coff, 20, 2)) else {
        return Ok(None);
    };
    let table = headers + (SIGNATURE.len() + COFF) as u64 + u64::from(optional);
    let count = usize::try_from(count).map_or(MOST_SECTIONS, |count| count.min(MOST_SECTIONS));
    let sections = piece(table, count * SECTION)?;
    let section = sections
        .chunks_exact(SECTION)
        .find(|section| section.starts_with(NAME));
    let range =
        section.and_then(|section| Some((number(section, 20, 4)?, number(section, 16, 4)?)));
    Ok(range
        .map(|(offset, size)| (u64::from(offset), u64::from(size)))
        .filter(|(offset, size)| offset + size <= file.size()))
}

/// The little-endian number of `size` bytes at `at`.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + size)?;
    let low_first = bytes.iter().rev();
    Some(low_first.fold(0, |number, byte| number << 8 | u32::from(*byte)))
}
