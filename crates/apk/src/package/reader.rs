//! Reading a package as a stream.

use super::checks::{check_entry, xattrs};
use super::header::read_header;
use super::tap::Tap;
use super::{Header, ReadError};
use crate::bounded::Bounded;
use crate::tar::{self, Archive, RawEntry};
use crate::{Entry, EntryKind, EntryPath, Limits, Sha1Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;
use flate2::bufread::MultiGzDecoder;
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// What was found at the end of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// SHA-256 of the compressed data member, equal to `datahash`.
    pub data_sha256: Digest,
    /// Bytes of the compressed data member.
    pub data_size: u64,
    /// SHA-256 of the whole file.
    pub file_sha256: Digest,
    /// Bytes of the whole file.
    pub file_size: u64,
}

type DataArchive<R> = Archive<Bounded<MultiGzDecoder<Tap<R>>>>;

/// A package being read: header, then entries, then [`Reader::finish`].
///
/// Content is handed out before the end of the file proves it, so a caller must not rely on any of
/// it until `finish` has returned.
pub struct Reader<R> {
    header: Header,
    archive: DataArchive<R>,
    seen: BTreeMap<EntryPath, Seen>,
    pending: Option<Pending>,
    /// Bytes of paths, link targets and attributes so far, and how many there may be.
    metadata: u64,
    metadata_limit: u64,
}

enum Seen {
    File(Option<Sha1Bytes>),
    Other,
}

/// The regular file whose content is being read.
struct Pending {
    path: EntryPath,
    expected: Option<Sha1Bytes>,
    hasher: Sha1,
}

/// One entry of the data member; [`Read`] gives the content of a regular file.
pub struct DataEntry<'a, R> {
    /// What it is.
    pub entry: Entry,
    /// SHA-1 of the content or of the link's target, as recorded in the package; it is checked
    /// when the next entry is asked for. A hard link has that of its file.
    pub sha1: Option<Sha1Bytes>,
    /// When it was changed, in seconds since 1970.
    pub mtime: u64,
    reader: &'a mut Reader<R>,
}

impl<R: BufRead> Reader<R> {
    /// Reads signature and control member.
    pub fn open(mut inner: R, limits: Limits) -> Result<Self, ReadError> {
        // What cannot be looked at will fail where it is read.
        if inner.fill_buf().is_ok_and(crate::is_adb) {
            return Err(ReadError::Adb);
        }
        let mut tap = Tap::new(inner);
        let header = read_header(&mut tap, limits)?;
        tap.start_member(limits.data, false);
        let data = Bounded::new(MultiGzDecoder::new(tap), limits.data);
        let archive = Archive::new(data, limits.entries);
        Ok(Self {
            header,
            archive,
            seen: BTreeMap::new(),
            pending: None,
            metadata: 0,
            metadata_limit: limits.metadata,
        })
    }

    /// Signature and control.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The next entry of the data member, after checking the one before. Names that apk
    /// takes for metadata (the first component starts with a dot) are an error: apk-tools would run
    /// one called `.post-install` and install none, so the caller would see another package.
    pub fn next_entry(&mut self) -> Result<Option<DataEntry<'_, R>>, ReadError> {
        self.check_pending()?;
        loop {
            let Some(raw) = self.archive.next_entry().map_err(data_error)? else {
                return Ok(None);
            };
            let Some(path) = EntryPath::from_archive_name(&raw.name)? else {
                continue;
            };
            if path.is_package_metadata() {
                return Err(ReadError::Metadata(path));
            }
            let (entry, sha1) = self.take(path, &raw)?;
            return Ok(Some(DataEntry {
                entry,
                sha1,
                mtime: raw.mtime,
                reader: self,
            }));
        }
    }

    /// Reads what is left, checks it against `datahash`, and says what the file was.
    pub fn finish(mut self) -> Result<(Header, Summary), ReadError> {
        while self.next_entry()?.is_some() {}
        self.archive.drain().map_err(data_error)?;
        let data = self.archive.into_inner();
        let tap = data.get_ref().get_ref();
        let (data_sha256, data_size) = tap.member();
        let (file_sha256, file_size) = tap.file();
        let expected = self
            .header
            .control
            .pkginfo
            .datahash
            .ok_or(ReadError::NoDatahash)?;
        if expected != data_sha256 {
            return Err(ReadError::Datahash {
                expected,
                found: data_sha256,
            });
        }
        Ok((
            self.header,
            Summary {
                data_sha256,
                data_size,
                file_sha256,
                file_size,
            },
        ))
    }

    fn check_pending(&mut self) -> Result<(), ReadError> {
        if self.pending.is_none() {
            return Ok(());
        }
        let mut buffer = [0; 16 << 10];
        while self.read_content(&mut buffer).map_err(|source| {
            data_error(tar::TarError::Read {
                offset: self.archive.offset(),
                source,
            })
        })? > 0
        {}
        let Some(Pending {
            path,
            expected: Some(expected),
            hasher,
        }) = self.pending.take()
        else {
            return Ok(());
        };
        check(path, expected, hasher.finalize().into())
    }

    fn read_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(pending) = &mut self.pending else {
            return Ok(0);
        };
        let count = self.archive.read(buffer)?;
        pending.hasher.update(&buffer[..count]);
        Ok(count)
    }

    fn count_metadata(
        &mut self,
        path: &EntryPath,
        raw: &RawEntry,
        xattrs: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ReadError> {
        let attributes: usize = xattrs
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        let bytes = path.as_str().len() + raw.link.len() + attributes;
        self.metadata = self.metadata.saturating_add(bytes as u64);
        if self.metadata <= self.metadata_limit {
            return Ok(());
        }
        Err(ReadError::TooMuchMetadata {
            path: path.clone(),
            limit: self.metadata_limit,
        })
    }

    fn take(
        &mut self,
        path: EntryPath,
        raw: &RawEntry,
    ) -> Result<(Entry, Option<Sha1Bytes>), ReadError> {
        if self.seen.contains_key(&path) {
            return Err(ReadError::Duplicate(path));
        }
        let xattrs = xattrs(raw);
        self.count_metadata(&path, raw, &xattrs)?;
        let mut sha1 = checksum_record(&path, raw)?;
        let kind = entry_kind(&path, raw)?;
        check_entry(&path, &kind, raw, &xattrs)?;
        match &kind {
            EntryKind::File { .. } => {
                self.pending = Some(Pending {
                    path: path.clone(),
                    expected: sha1,
                    hasher: Sha1::new(),
                });
            }
            EntryKind::Symlink { target } => {
                if let Some(expected) = sha1 {
                    check(path.clone(), expected, Sha1::digest(target).into())?;
                }
            }
            EntryKind::Hardlink { target } => {
                let Some(Seen::File(of_target)) = self.seen.get(target) else {
                    return Err(ReadError::Hardlink {
                        path,
                        target: target.clone(),
                    });
                };
                sha1 = *of_target;
            }
            _ => {}
        }
        let seen = match kind {
            EntryKind::File { .. } => Seen::File(sha1),
            _ => Seen::Other,
        };
        self.seen.insert(path.clone(), seen);
        let entry = Entry {
            path,
            kind,
            mode: raw.mode,
            uid: raw.uid,
            gid: raw.gid,
            xattrs,
        };
        Ok((entry, sha1))
    }
}

impl<R: BufRead> Read for DataEntry<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read_content(buffer)
    }
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reader")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl<R> std::fmt::Debug for DataEntry<'_, R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DataEntry")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

fn entry_kind(path: &EntryPath, raw: &RawEntry) -> Result<EntryKind, ReadError> {
    let (major, minor) = raw.device;
    Ok(match raw.kind {
        tar::DIRECTORY => EntryKind::Directory,
        tar::FILE => EntryKind::File { size: raw.size },
        tar::SYMLINK => EntryKind::Symlink {
            target: raw.link.clone(),
        },
        tar::HARDLINK => {
            let target = EntryPath::from_archive_name(&raw.link)?;
            EntryKind::Hardlink {
                target: target.ok_or(crate::EntryPathError::Empty)?,
            }
        }
        tar::CHAR_DEVICE => EntryKind::CharDevice { major, minor },
        tar::BLOCK_DEVICE => EntryKind::BlockDevice { major, minor },
        tar::FIFO => EntryKind::Fifo,
        kind => {
            return Err(ReadError::Kind {
                path: path.clone(),
                kind: char::from(kind),
            });
        }
    })
}

/// The recorded SHA-1: hexadecimal, or `Q1` and base64.
fn checksum_record(path: &EntryPath, raw: &RawEntry) -> Result<Option<Sha1Bytes>, ReadError> {
    let Some(record) = raw.records.get(tar::CHECKSUM_RECORD) else {
        return Ok(None);
    };
    let bytes = match record.strip_prefix(b"Q1") {
        Some(base64) => STANDARD.decode(base64).ok(),
        None => hex::decode(record).ok(),
    };
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(Some)
        .ok_or_else(|| ReadError::ChecksumRecord(path.clone()))
}

fn check(path: EntryPath, expected: Sha1Bytes, found: Sha1Bytes) -> Result<(), ReadError> {
    if expected == found {
        return Ok(());
    }
    Err(ReadError::Checksum {
        path,
        expected: hex::encode(expected),
        found: hex::encode(found),
    })
}

fn data_error(source: tar::TarError) -> ReadError {
    ReadError::Archive {
        member: "data",
        source,
    }
}
