//! Zip archives, by their central directory. Format: PKWARE's APPNOTE.TXT 6.3, sections 4.3 and 4.4.
//!
//! Entry by entry, so that a directory of any size takes no memory. Zip64, encryption, and methods
//! other than stored and deflated are left out: the entry is passed over.

use super::{ArchiveError, Take};
use crate::collect::Limits;
use flate2::bufread::DeflateDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;

/// The end record without its comment, and the longest comment.
const END: usize = 22;
const COMMENT: usize = 0xffff;
/// Fixed parts of an entry of the directory and of a file's own header.
const CENTRAL: usize = 46;
const LOCAL: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// General purpose bit: the content is encrypted.
const ENCRYPTED: u16 = 1;
/// `version made by`: the attributes are Unix's.
const UNIX: u8 = 3;
/// File type in Unix's mode.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// Hands every regular file to `take`.
pub(super) fn read(file: &File, limits: &Limits, take: &mut Take<'_>) -> Result<(), ArchiveError> {
    let (entries, offset) = directory(file)?;
    let mut left = limits.archive;
    let mut headers = BufReader::new(At { file, offset });
    for count in 0..u64::from(entries) {
        if count >= limits.entries {
            return Err(ArchiveError::limit("entries", limits.entries));
        }
        let Some(entry) = entry(&mut headers)? else {
            continue;
        };
        let mut content = entry.content(file)?.take(left);
        let before = content.limit();
        take(&entry.path, &mut content)?;
        left = left.saturating_sub(before - content.limit());
        if left == 0 {
            return Err(ArchiveError::limit("bytes of an archive", limits.archive));
        }
    }
    Ok(())
}

/// The number of entries, and where the directory starts.
fn directory(file: &File) -> Result<(u16, u64), ArchiveError> {
    let length = file.metadata()?.len();
    let tail = length.min((END + COMMENT) as u64);
    let mut bytes = Vec::new();
    At {
        file,
        offset: length - tail,
    }
    .take(tail)
    .read_to_end(&mut bytes)?;
    let found = (0..bytes.len().saturating_sub(END - 1))
        .rev()
        .find(|at| bytes[*at..].starts_with(b"PK\x05\x06"));
    let end = found.ok_or(ArchiveError::Malformed("a zip archive without its end"))?;
    let end = &bytes[end..];
    let (entries, offset) = (u16_at(end, 10), u32_at(end, 16));
    if offset == u32::MAX || entries == u16::MAX {
        return Err(ArchiveError::Malformed("zip64 is not read"));
    }
    Ok((entries, u64::from(offset)))
}

/// A file that can be read.
#[derive(Debug)]
struct Entry {
    path: String,
    method: u16,
    compressed: u64,
    offset: u64,
}

/// The next entry of the directory; `None` for one that is passed over.
fn entry(headers: &mut impl Read) -> Result<Option<Entry>, ArchiveError> {
    let mut fixed = [0; CENTRAL];
    headers.read_exact(&mut fixed)?;
    if !fixed.starts_with(b"PK\x01\x02") {
        return Err(ArchiveError::Malformed("a zip entry without its mark"));
    }
    let mut name = vec![0; usize::from(u16_at(&fixed, 28))];
    headers.read_exact(&mut name)?;
    let rest = u64::from(u16_at(&fixed, 30)) + u64::from(u16_at(&fixed, 32));
    io::copy(&mut headers.take(rest), &mut io::sink())?;
    let (flags, method) = (u16_at(&fixed, 8), u16_at(&fixed, 10));
    let mode = u32_at(&fixed, 38) >> 16;
    let is_file = fixed[5] != UNIX || matches!(mode & TYPE, 0 | REGULAR);
    let readable = is_file && flags & ENCRYPTED == 0 && matches!(method, STORED | DEFLATED);
    let path = String::from_utf8(name).ok();
    let path = path.filter(|path| readable && !path.ends_with('/'));
    Ok(path.map(|path| Entry {
        path,
        method,
        compressed: u64::from(u32_at(&fixed, 20)),
        offset: u64::from(u32_at(&fixed, 42)),
    }))
}

impl Entry {
    fn content<'a>(&self, file: &'a File) -> Result<Box<dyn Read + 'a>, ArchiveError> {
        let mut local = [0; LOCAL];
        file.read_exact_at(&mut local, self.offset)?;
        if !local.starts_with(b"PK\x03\x04") {
            return Err(ArchiveError::Malformed("a zip file without its mark"));
        }
        let skip = LOCAL as u64 + u64::from(u16_at(&local, 26)) + u64::from(u16_at(&local, 28));
        let content = At {
            file,
            offset: self.offset + skip,
        };
        let content = BufReader::new(content.take(self.compressed));
        Ok(match self.method {
            DEFLATED => Box::new(DeflateDecoder::new(content)),
            _ => Box::new(content),
        })
    }
}

/// A file from some place on, whoever else reads it.
#[derive(Debug)]
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}
