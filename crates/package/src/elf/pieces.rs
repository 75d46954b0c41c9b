//! Bounded reads.

use crate::tree::ContentReader;
use object::pod::slice_from_bytes;
use object::read::elf::FileHeader;
use object::{Endianness, Pod};
use std::io::{self, Read, Seek, SeekFrom};

/// Most bytes of a table of headers or of the dynamic section; real ones have a few hundred.
pub(super) const TABLE_LIMIT: u64 = 64 << 10;
/// Most bytes in a library's name, a section's or an interpreter's path.
pub(super) const NAME_LIMIT: usize = 4096;
/// Bytes of an ELF identification.
const IDENTIFICATION: u64 = 16;

/// The bytes before the first NUL, if they are text.
pub(super) fn string_at(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some(std::str::from_utf8(&bytes[..end]).ok()?.to_owned())
}

/// Bounded reads at offsets that the file itself chose.
pub(super) struct Pieces {
    file: ContentReader,
}

impl Pieces {
    pub(super) const fn new(file: ContentReader) -> Self {
        Self { file }
    }

    /// The class byte of an ELF file; `None` for any other file.
    pub(super) fn class(&mut self) -> io::Result<Option<u8>> {
        let identification = self.piece(0, IDENTIFICATION)?;
        let identification = identification.filter(|bytes| bytes.starts_with(b"\x7fELF"));
        Ok(identification.map(|bytes| bytes[super::CLASS]))
    }

    /// The file header with the order of its bytes, if it is well-formed.
    pub(super) fn header<Elf>(&mut self) -> io::Result<Option<(Elf, Endianness)>>
    where
        Elf: FileHeader<Endian = Endianness>,
    {
        let bytes = self.piece(0, size_of::<Elf>() as u64)?.unwrap_or_default();
        let Ok(header) = Elf::parse(&bytes[..]) else {
            return Ok(None);
        };
        Ok(header.endian().ok().map(|endian| (*header, endian)))
    }

    /// `size` bytes at `offset`; `None` when they are not all there or too many.
    pub(super) fn piece(&mut self, offset: u64, size: u64) -> io::Result<Option<Vec<u8>>> {
        let inside = offset
            .checked_add(size)
            .is_some_and(|end| end <= self.file.size());
        if !inside || size > TABLE_LIMIT {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// The string at `index` of the string table of `size` bytes at `offset`.
    pub(super) fn string(
        &mut self,
        offset: u64,
        size: u64,
        index: u64,
    ) -> io::Result<Option<String>> {
        let Some(left) = size.checked_sub(index) else {
            return Ok(None);
        };
        let Some(start) = offset.checked_add(index) else {
            return Ok(None);
        };
        let rest = self.file.size().saturating_sub(start);
        let bytes = self.piece(start, left.min(rest).min(NAME_LIMIT as u64))?;
        Ok(bytes.and_then(|bytes| string_at(&bytes)))
    }

    pub(super) fn table<T: Pod>(&mut self, offset: u64, count: u64) -> io::Result<Option<Vec<T>>> {
        let Some(size) = count.checked_mul(size_of::<T>() as u64) else {
            return Ok(None);
        };
        let Some(bytes) = self.piece(offset, size)? else {
            return Ok(None);
        };
        let count = usize::try_from(count).map_err(io::Error::other)?;
        Ok(slice_from_bytes(&bytes, count)
            .ok()
            .map(|(items, _)| items.to_vec()))
    }
}
