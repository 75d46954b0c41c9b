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
    /// Whether another archive continues this one, so that nothing may end it.
    cut: bool,
}

impl<R: Read> Archive<R> {
    /// Starts reading at `input`'s position.
    pub(crate) fn new(input: R, max_entries: u64) -> Self {
        Self::start(input, max_entries, false)
    }

    /// Starts reading a piece of an archive that the next gzip member continues: empty blocks in it
    /// would end all of it for apk-tools (`apk_tar_parse`), and are an error.
    pub(crate) fn cut(input: R, max_entries: u64) -> Self {
        Self::start(input, max_entries, true)
    }

    fn start(input: R, max_entries: u64, cut: bool) -> Self {
        Self {
            input,
            offset: 0,
            remaining: 0,
            padding: 0,
            entries_left: max_entries,
            max_entries,
            ended: false,
            cut,
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
    /// without the empty blocks that should be there. Nothing but zeros may follow the first of
    /// them: apk-tools passes over one that stands alone, other readers stop at it.
    pub(crate) fn next_entry(&mut self) -> Result<Option<RawEntry>, TarError> {
        let mut records = BTreeMap::new();
        let mut long_name = None;
        loop {
            let Some((mut entry, offset)) = self.next_header()? else {
                if records.is_empty() && long_name.is_none() {
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
                // `apk_tar_parse` passes over it, and links to the first 100 bytes.
                GNU_LONG_LINK => return Err(invalid("GNU long link, which apk-tools ignores")),
                _ => {
                    if let Some(name) = long_name {
                        if entry.has_prefix {
                            return Err(invalid("long name and a prefix"));
                        }
                        entry.name = name;
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
        if self.ended || !self.read_block(&mut block)? {
            self.ended = true;
            return Ok(None);
        }
        if block == [0; BLOCK] {
            self.ended = true;
            self.only_zeros(offset)?;
            return Ok(None);
        }
        self.entries_left = self
            .entries_left
            .checked_sub(1)
            .ok_or(TarError::TooManyEntries(self.max_entries))?;
        let entry = decode::header(&block).map_err(|what| TarError::Header { offset, what })?;
        let has_content = matches!(
            entry.kind,
            super::FILE | PAX | PAX_GLOBAL | GNU_LONG_NAME | GNU_LONG_LINK
        );
        if !has_content && entry.size != 0 {
            // Content for apk-tools, which it passes over; no content for POSIX.
            let what = "size of something that has no content";
            return Err(TarError::Header { offset, what });
        }
        self.expect(entry.size);
        Ok(Some((entry, offset)))
    }

    /// Reads what follows the first empty block, which starts at `offset`.
    fn only_zeros(&mut self, offset: u64) -> Result<(), TarError> {
        let bad = |what| TarError::Header { offset, what };
        if self.cut {
            return Err(bad(
                "end of the archive, which only the last member of a package has",
            ));
        }
        let mut block = [0; BLOCK];
        while self.read_block(&mut block)? {
            if block != [0; BLOCK] {
                return Err(bad("empty block, but more follows"));
            }
        }
        Ok(())
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
