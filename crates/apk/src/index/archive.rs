//! `APKINDEX.tar.gz`, read and written.

use super::{Index, ParseIndexError, RenderIndexError};
use crate::bounded::Bounded;
use crate::signature::PREFIX;
use crate::tar::{self, Archive, FILE, Header, TarError};
use crate::{Limits, Signature};
use flate2::bufread::{GzDecoder, MultiGzDecoder};
use std::io::Read;
use std::ops::Range;

const INDEX: &str = "APKINDEX";
const DESCRIPTION: &str = "DESCRIPTION";

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
    let (files, end) = member(bytes, limits.signature, "signature", Kind::First)
        .or_else(|_| member(bytes, limits.index, "index", Kind::Rest))?;
    let signed = files
        .first()
        .is_some_and(|(name, _)| name.starts_with(PREFIX));
    let (signatures, start) = if signed {
        let signatures = files
            .into_iter()
            .filter_map(|(name, bytes)| Signature::from_entry(&name, bytes));
        (signatures.collect(), end)
    } else {
        (Vec::new(), 0)
    };
    let (files, _) = member(&bytes[start..], limits.index, "index", Kind::Rest)?;
    let index = read_files(files, limits)?;
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

#[derive(Clone, Copy)]
enum Kind {
    /// The first gzip member alone.
    First,
    /// Every gzip member to the end of the bytes.
    Rest,
}

type Files = Vec<(String, Vec<u8>)>;

/// The files of a gzip member, and how many bytes it takes.
fn member(
    mut bytes: &[u8],
    limit: u64,
    member: &'static str,
    kind: Kind,
) -> Result<(Files, usize), IndexError> {
    let all = bytes.len();
    let result = match kind {
        Kind::First => read_tar(GzDecoder::new(&mut bytes), limit),
        Kind::Rest => read_tar(MultiGzDecoder::new(&mut bytes), limit),
    };
    let files = result.map_err(|source| IndexError::Archive { member, source })?;
    Ok((files, all - bytes.len()))
}

fn read_tar(input: impl Read, limit: u64) -> Result<Files, TarError> {
    const MAX_FILES: u64 = 100;
    let mut archive = Archive::new(Bounded::new(input, limit), MAX_FILES);
    let mut files = Vec::new();
    while let Some(entry) = archive.next_entry()? {
        let mut content = Vec::new();
        archive
            .read_to_end(&mut content)
            .map_err(|source| TarError::Read {
                offset: archive.offset(),
                source,
            })?;
        files.push((entry.name, content));
    }
    archive.drain()?;
    Ok(files)
}

fn read_files(files: Files, limits: Limits) -> Result<Index, IndexError> {
    let (mut index, mut description) = (None, None);
    for (name, content) in files {
        let (slot, label) = match name.as_str() {
            INDEX => (&mut index, INDEX),
            DESCRIPTION => (&mut description, DESCRIPTION),
            _ => return Err(IndexError::File(name)),
        };
        let text = String::from_utf8(content).map_err(|_| IndexError::Encoding(label))?;
        if slot.replace(text).is_some() {
            return Err(IndexError::File(name));
        }
    }
    let mut index = Index::parse_within(&index.ok_or(IndexError::Missing)?, limits)?;
    index.description = description.unwrap_or_default();
    Ok(index)
}
