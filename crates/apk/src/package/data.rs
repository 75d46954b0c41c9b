//! Writing the data member.

use crate::tar::{self, CHECKSUM_RECORD, Header, XATTR_RECORD};
use crate::{Entry, EntryKind, EntryPath, Sha1Bytes};
use bessemer_digest::{Digest, HashingWriter};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// Where the bytes of a regular file come from. Opened twice, because the format puts the content's
/// SHA-1 before the content; both readings must give the same bytes.
pub trait Content {
    /// Starts reading at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;
}

impl Content for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.as_slice()))
    }
}

impl Content for [u8] {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(self))
    }
}

impl<C: Content + ?Sized> Content for &C {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        (**self).open()
    }
}

impl<C: Content + ?Sized> Content for Box<C> {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        (**self).open()
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataSummary {
    /// SHA-256 of the compressed member: `datahash`.
    pub sha256: Digest,
    /// Bytes of the compressed member.
    pub size: u64,
    /// Bytes of all regular files and link targets: `size` in `.PKGINFO`. Directories count
    /// nothing, because what they take depends on the file system.
    pub installed_size: u64,
}

/// Why a data member cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Entries must come in the order of [`EntryPath`], each once.
    #[error("{path} comes after {previous}, which is not the order of a package")]
    Order {
        /// The entry before.
        previous: EntryPath,
        /// The entry in the wrong place.
        path: EntryPath,
    },
    /// A hard link names no regular file before it.
    #[error("{path} is a hard link to {target}, which is no regular file before it")]
    Hardlink {
        /// The link.
        path: EntryPath,
        /// What it names.
        target: EntryPath,
    },
    /// The content cannot be read.
    #[error("cannot read the content of {path}")]
    Content {
        /// The file.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content is not as long as the entry says, or changed between the two readings.
    #[error("the content of {path} is not the {size} bytes that were announced")]
    Changed {
        /// The file.
        path: EntryPath,
        /// The size in its entry.
        size: u64,
    },
    /// The output cannot be written.
    #[error("cannot write the data member")]
    Output(#[from] io::Error),
}

/// Writes the data member to `out`: each entry with its content (used for regular files only), at
/// `mtime` (seconds since 1970), with the checksums apk needs, and the end blocks.
pub fn write_data<C: Content, W: Write>(
    entries: impl IntoIterator<Item = (Entry, C)>,
    mtime: u64,
    out: W,
) -> Result<DataSummary, WriteError> {
    let mut writer = DataWriter {
        out: tar::gzip_writer(HashingWriter::new(out)),
        mtime,
        installed_size: 0,
        files: BTreeMap::new(),
    };
    let mut previous: Option<EntryPath> = None;
    for (entry, content) in entries {
        if let Some(previous) = previous.filter(|previous| *previous >= entry.path) {
            return Err(WriteError::Order {
                previous,
                path: entry.path,
            });
        }
        writer.entry(&entry, &content)?;
        previous = Some(entry.path);
    }
    writer.out.write_all(&tar::END)?;
    let mut out = writer.out.finish()?;
    out.flush()?;
    Ok(DataSummary {
        sha256: out.digest(),
        size: out.written(),
        installed_size: writer.installed_size,
    })
}

struct DataWriter<W: Write> {
    out: flate2::write::GzEncoder<HashingWriter<W>>,
    mtime: u64,
    installed_size: u64,
    /// SHA-1 of every regular file so far, for hard links.
    files: BTreeMap<EntryPath, Sha1Bytes>,
}

impl<W: Write> DataWriter<W> {
    fn entry(&mut self, entry: &Entry, content: &impl Content) -> Result<(), WriteError> {
        let mut header = entry_header(entry, self.mtime);
        let sha1 = match &entry.kind {
            EntryKind::File { size } => {
                let sha1 = copy(entry, *size, content, &mut io::sink())?;
                self.files.insert(entry.path.clone(), sha1);
                self.installed_size += size;
                Some(sha1)
            }
            EntryKind::Symlink { target } => {
                self.installed_size += target.len() as u64;
                Some(Sha1::digest(target).into())
            }
            EntryKind::Hardlink { target } => {
                let hardlink = || WriteError::Hardlink {
                    path: entry.path.clone(),
                    target: target.clone(),
                };
                Some(*self.files.get(target).ok_or_else(hardlink)?)
            }
            _ => None,
        };
        if let Some(sha1) = sha1 {
            header
                .records
                .insert(CHECKSUM_RECORD.to_owned(), hex::encode(sha1).into_bytes());
        }
        self.out.write_all(&header.encode())?;
        if let EntryKind::File { size } = entry.kind {
            if Some(copy(entry, size, content, &mut self.out)?) != sha1 {
                return Err(WriteError::Changed {
                    path: entry.path.clone(),
                    size,
                });
            }
            self.out.write_all(&[0; 512][..tar::padding(size)])?;
        }
        Ok(())
    }
}

/// The tar header of an entry, without a checksum.
pub(crate) fn entry_header(entry: &Entry, mtime: u64) -> Header<'_> {
    let (kind, link, device) = match &entry.kind {
        EntryKind::Directory => (tar::DIRECTORY, "", (0, 0)),
        EntryKind::File { .. } => (tar::FILE, "", (0, 0)),
        EntryKind::Symlink { target } => (tar::SYMLINK, target.as_str(), (0, 0)),
        EntryKind::Hardlink { target } => (tar::HARDLINK, target.as_str(), (0, 0)),
        EntryKind::CharDevice { major, minor } => (tar::CHAR_DEVICE, "", (*major, *minor)),
        EntryKind::BlockDevice { major, minor } => (tar::BLOCK_DEVICE, "", (*major, *minor)),
        EntryKind::Fifo => (tar::FIFO, "", (0, 0)),
    };
    let records = entry
        .xattrs
        .iter()
        .map(|(name, value)| (format!("{XATTR_RECORD}{name}"), value.clone()))
        .collect();
    Header {
        link,
        mode: entry.mode & 0o7777,
        uid: entry.uid,
        gid: entry.gid,
        size: entry.size(),
        mtime,
        device,
        records,
        ..Header::new(entry.path.as_str(), kind)
    }
}

/// Copies exactly `size` bytes of content; returns their SHA-1.
fn copy(
    entry: &Entry,
    size: u64,
    content: &impl Content,
    out: &mut impl Write,
) -> Result<Sha1Bytes, WriteError> {
    let unreadable = |source| WriteError::Content {
        path: entry.path.clone(),
        source,
    };
    let mut input = content.open().map_err(unreadable)?;
    let mut hasher = Sha1::new();
    let mut buffer = vec![0; 64 << 10];
    let mut copied = 0;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        copied += count as u64;
        if copied > size {
            break;
        }
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count])?;
    }
    if copied != size {
        return Err(WriteError::Changed {
            path: entry.path.clone(),
            size,
        });
    }
    Ok(hasher.finalize().into())
}
