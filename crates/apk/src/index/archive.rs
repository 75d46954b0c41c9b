//! `APKINDEX.tar.gz`, read and written.

use super::parse::{MAX_LINE, Parser};
use super::{Index, ParseIndexError, RenderIndexError};
use crate::bounded::Bounded;
use crate::signature::PREFIX;
use crate::tar::{self, Archive, FILE, Header, TarError};
use crate::{Limits, Signature};
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use std::io::{BufRead as _, BufReader, Read};
use std::ops::Range;

const INDEX: &str = "APKINDEX";
const DESCRIPTION: &str = "DESCRIPTION";
/// The longest description, in bytes.
const MAX_DESCRIPTION: u64 = 1 << 20;
/// The most entries of the archive, extended headers among them.
const MAX_FILES: u64 = 100;
/// Bytes of text that are decompressed at a time.
const PIECE: usize = 64 << 10;

/// An index file, read. Nothing in it is verified: pass [`IndexArchive::signatures`] and the bytes
/// of [`IndexArchive::unsigned`] to [`crate::Keyring::verify`].
#[derive(Debug, Clone)]
pub struct IndexArchive {
    /// The signatures, none when the index is not signed.
    pub signatures: Vec<Signature>,
    /// Which bytes of the file the signatures are over. [`IndexArchive::index`] comes from these
    /// alone.
    pub unsigned: Range<usize>,
    /// The packages.
    pub index: Index,
}

/// Why a file is not an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is of the format of apk-tools 3.
    #[error("apk v3 (ADB) indexes are not supported yet: this reads the v2 format")]
    Adb,
    /// One of its archives is broken.
    #[error("cannot read the {member} member of the index")]
    Archive {
        /// `signature` or `index`.
        member: &'static str,
        /// Why.
        #[source]
        source: TarError,
    },
    /// It has a file that an index does not have, or one twice.
    #[error("index has an unexpected file {0:?}")]
    File(String),
    /// The file `APKINDEX` is absent.
    #[error("index has no file APKINDEX")]
    Missing,
    /// A text is not UTF-8.
    #[error("{0} is not UTF-8")]
    Encoding(&'static str),
    /// The text form is malformed.
    #[error(transparent)]
    Parse(#[from] ParseIndexError),
}

/// Reads `APKINDEX.tar.gz`.
pub fn read_index(bytes: &[u8], limits: Limits) -> Result<IndexArchive, IndexError> {
    if crate::is_adb(bytes) {
        return Err(IndexError::Adb);
    }
    let (signatures, start) = signatures(bytes, limits);
    let index = read_files(&bytes[start..], limits)?;
    Ok(IndexArchive {
        signatures,
        unsigned: start..bytes.len(),
        index,
    })
}

/// The index as one gzip member, the same for the same index: `APKINDEX`, then `DESCRIPTION`.
/// A signature over exactly these bytes goes in front, made by [`crate::signature_member`].
pub fn write_index(index: &Index) -> Result<Vec<u8>, RenderIndexError> {
    let text = index.render()?;
    let mut archive = Vec::new();
    for (name, content) in [(INDEX, &text), (DESCRIPTION, &index.description)] {
        let size = content.len() as u64;
        let header = Header {
            mode: 0o644,
            size,
            ..Header::new(name, FILE)
        };
        archive.extend(header.with_content(content.as_bytes()));
    }
    archive.extend_from_slice(&tar::END);
    Ok(tar::gzip(&archive))
}

/// The signatures of the first gzip member, and how many bytes it takes; none where that member is
/// the index itself.
fn signatures(bytes: &[u8], limits: Limits) -> (Vec<Signature>, usize) {
    let mut rest = bytes;
    let Ok(files) = read_signatures(GzDecoder::new(&mut rest), limits.signature) else {
        return (Vec::new(), 0);
    };
    let signed = files
        .first()
        .is_some_and(|(name, _)| name.starts_with(PREFIX));
    if !signed {
        return (Vec::new(), 0);
    }
    let signatures = files
        .into_iter()
        .filter_map(|(name, bytes)| Signature::from_entry(&name, bytes));
    (signatures.collect(), bytes.len() - rest.len())
}

/// The files of a signature member, which the index continues.
fn read_signatures(input: impl Read, limit: u64) -> Result<Vec<(String, Vec<u8>)>, TarError> {
    let mut archive = Archive::cut(Bounded::new(input, limit), MAX_FILES);
    let mut files = Vec::new();
    while let Some(entry) = archive.next_entry()? {
        let content = read_content(&mut archive)?;
        files.push((entry.name, content));
    }
    archive.drain()?;
    Ok(files)
}

fn read_content<R: Read>(archive: &mut Archive<R>) -> Result<Vec<u8>, TarError> {
    let mut content = Vec::new();
    let read = archive.read_to_end(&mut content);
    read.map_err(|source| TarError::Read {
        offset: archive.offset(),
        source,
    })?;
    Ok(content)
}

/// Every gzip member to the end of the bytes. The text is parsed as it is decompressed, so that no
/// more of it than a line is ever held.
fn read_files(bytes: &[u8], limits: Limits) -> Result<Index, IndexError> {
    let broken = |source| IndexError::Archive {
        member: "index",
        source,
    };
    let input = Bounded::new(MultiGzDecoder::new(bytes), limits.index);
    let mut archive = Archive::new(input, MAX_FILES);
    let (mut index, mut description) = (None, None);
    while let Some(entry) = archive.next_entry().map_err(broken)? {
        match entry.name.as_str() {
            INDEX if index.is_none() => index = Some(read_text(&mut archive, limits)?),
            DESCRIPTION if description.is_none() && entry.size <= MAX_DESCRIPTION => {
                let content = read_content(&mut archive).map_err(broken)?;
                let text = String::from_utf8(content);
                description = Some(text.map_err(|_| IndexError::Encoding(DESCRIPTION))?);
            }
            _ => return Err(IndexError::File(entry.name)),
        }
    }
    archive.drain().map_err(broken)?;
    let mut index = index.ok_or(IndexError::Missing)?;
    index.description = description.unwrap_or_default();
    Ok(index)
}

/// Parses the current entry of the archive.
fn read_text<R: Read>(archive: &mut Archive<R>, limits: Limits) -> Result<Index, IndexError> {
    // One byte more than a line may have, and its end.
    const LIMIT: u64 = MAX_LINE as u64 + 2;
    let mut parser = Parser::new(limits);
    let mut input = BufReader::with_capacity(PIECE, &mut *archive);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LIMIT).read_until(b'\n', &mut line);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(source) => {
                drop(input);
                let offset = archive.offset();
                let source = TarError::Read { offset, source };
                return Err(IndexError::Archive {
                    member: "index",
                    source,
                });
            }
        }
        let text = line
            .strip_suffix(b"\n")
            .map_or(&line[..], |line| line.strip_suffix(b"\r").unwrap_or(line));
        if text.len() > MAX_LINE {
            return Err(parser.too_long().into());
        }
        let text = std::str::from_utf8(text).map_err(|_| IndexError::Encoding(INDEX))?;
        parser.line(text)?;
    }
    Ok(parser.finish()?)
}
