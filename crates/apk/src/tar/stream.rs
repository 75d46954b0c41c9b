//! Walking an archive without holding more than one header of it.

use super::decode::{self, RawEntry, TarError};
use super::{BLOCK, PAX, padding};
use std::collections::BTreeMap;
use std::io::{self, Read};

const GNU_LONG_NAME: u8 = b'L';
const GNU_LONG_LINK: u8 = b'K';
const PAX_GLOBAL: u8 = b'g';
/// The longest long name, long link or set of PAX records; xattr values are at most 64 KiB each.
const MAX_EXTENSION: u64 = 1 << 20;
/// The largest size a header may claim; far above every limit, far below overflow.
const MAX_FILE: u64 = 1 << 50;

/// A tar archive being read; [`Read`] gives the content of the current entry.
pub(crate) struct Archive<R> {
    input: R,
    offset: u64,
    /// Content of the current entry not yet read.
    remaining: u64,
    padding: u64,
    entries_left: u64,
    max_entries: u64,
    ended: bool,
}

impl<R: Read> Archive<R> {
    /// Starts reading at `input`'s position.
    pub(crate) fn new(input: R, max_entries: u64) -> Self {
        Self {
            input,
            offset: 0,
            remaining: 0,
            padding: 0,
            entries_left: max_entries,
            max_entries,
            ended: false,
        }
    }

    /// Bytes of the archive read so far.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Gives the input back.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }

    /// Moves to the next entry, past whatever is left of this one; `None` at the end, with or
    /// without the empty blocks that should be there.
    pub(crate) fn next_entry(&mut self) -> Result<Option<RawEntry>, TarError> {
        let mut records = BTreeMap::new();
        let mut long_name = None;
        let mut long_link = None;
        loop {
            let Some((mut entry, offset)) = self.next_header()? else {
                if records.is_empty() && long_name.is_none() && long_link.is_none() {
                    return Ok(None);
                }
                return Err(TarError::Truncated(self.offset));
            };
            let invalid = |what| TarError::Header { offset, what };
            match entry.kind {
                PAX => {
                    let body = self.extension()?;
                    records = decode::pax_records(&body).map_err(invalid)?;
                }
                PAX_GLOBAL => drop(self.extension()?),
                GNU_LONG_NAME => {
                    long_name = Some(decode::text(&self.extension()?).map_err(invalid)?);
                }
                GNU_LONG_LINK => {
                    long_link = Some(decode::text(&self.extension()?).map_err(invalid)?);
                }
                _ => {
                    if let Some(name) = long_name {
                        entry.name = name;
                    }
                    if let Some(link) = long_link {
                        entry.link = link;
                    }
                    decode::apply(&mut entry, records).map_err(invalid)?;
                    if entry.kind != super::FILE {
                        entry.size = 0;
                    }
                    if entry.size > MAX_FILE {
                        return Err(invalid("size is too large"));
                    }
                    self.expect(entry.size);
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Reads to the end of the input, so that its checksums are checked.
    pub(crate) fn drain(&mut self) -> Result<(), TarError> {
        while self.next_entry()?.is_some() {}
        let offset = self.offset;
        io::copy(&mut self.input, &mut io::sink())
            .map_err(|source| TarError::Read { offset, source })?;
        Ok(())
    }

    fn next_header(&mut self) -> Result<Option<(RawEntry, u64)>, TarError> {
        self.skip_rest()?;
        let offset = self.offset;
        let mut block = [0; BLOCK];
        if self.ended || !self.read_block(&mut block)? || block == [0; BLOCK] {
            self.ended = true;
            return Ok(None);
        }
        self.entries_left = self
            .entries_left
            .checked_sub(1)
            .ok_or(TarError::TooManyEntries(self.max_entries))?;
        let entry = decode::header(&block).map_err(|what| TarError::Header { offset, what })?;
        // Only these kinds have content; other tools write a size for links too.
        let has_content = matches!(
            entry.kind,
            super::FILE | PAX | PAX_GLOBAL | GNU_LONG_NAME | GNU_LONG_LINK
        );
        self.expect(if has_content { entry.size } else { 0 });
        Ok(Some((entry, offset)))
    }

    fn expect(&mut self, size: u64) {
        self.remaining = size;
        self.padding = padding(size) as u64;
    }

    fn extension(&mut self) -> Result<Vec<u8>, TarError> {
        let offset = self.offset;
        if self.remaining > MAX_EXTENSION {
            return Err(TarError::Header {
                offset,
                what: "extension is too large",
            });
        }
        let mut body = Vec::new();
        self.read_to_end(&mut body)
            .map_err(|source| TarError::Read { offset, source })?;
        Ok(body)
    }

    fn skip_rest(&mut self) -> Result<(), TarError> {
        let rest = self.remaining + self.padding;
        let skipped =
            io::copy(&mut self.input.by_ref().take(rest), &mut io::sink()).map_err(|source| {
                TarError::Read {
                    offset: self.offset,
                    source,
                }
            })?;
        self.offset += skipped;
        if skipped < rest {
            return Err(TarError::Truncated(self.offset));
        }
        self.expect(0);
        Ok(())
    }

    /// False when the input ended exactly before the block.
    fn read_block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(TarError::Truncated(self.offset + filled as u64)),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(TarError::Read {
                        offset: self.offset,
                        source,
                    });
                }
            }
        }
        self.offset += BLOCK as u64;
        Ok(true)
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.remaining)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if limit == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut buffer[..limit])?;
        if count == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "archive ends in a file",
            ));
        }
        self.remaining -= count as u64;
        self.offset += count as u64;
        Ok(count)
    }
}
