//! Reading an image that a stranger may have made.
//!
//! What is read is what is needed without compression: blocks of 4096 bytes, both sizes of inodes, plain and
//! inline data, inline and shared attributes. Everything else is refused by name. Offsets, sizes and names are
//! checked before they are used, a directory is entered once, and how much is read has limits. A small image may name
//! the same blocks many times: paths together have at most 256 MiB.
//!
//! Source: the kernel's `fs/erofs/erofs_fs.h`, and `fs/erofs/data.c` for where inline data is.

mod attributes;
mod content;
mod directory;
mod inode;

pub use content::{Content, ContentReader};

use crate::format::{BLOCK_SIZE, SLOT};
use inode::Inode;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::ops::Range;

/// Most names in all directories together.
const MAX_NAMES: u64 = 4_000_000;
/// Longest path, in bytes: Linux's `PATH_MAX`.
const MAX_PATH: usize = 4096;
/// Most bytes of all paths together.
const MAX_PATHS: u64 = 256 << 20;
/// Longest target of a symbolic link, in bytes.
const MAX_TARGET: u64 = 4095;
/// Most bytes that are read beside the contents of files.
const MAX_STRUCTURE: u64 = 4 << 30;

/// `EROFS_FEATURE_INCOMPAT_ZERO_PADDING`: says how compressed data is padded, of which there must be none.
const ZERO_PADDING: u32 = 1;

/// Where an image's bytes are.
pub trait Source {
    /// Bytes in all.
    fn size(&self) -> io::Result<u64>;
    /// Fills `buffer` from `offset` on.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset)
    }
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = usize::try_from(offset).ok();
        let bytes = bytes.and_then(|start| self.get(start..)?.get(..buffer.len()));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes cannot be had.
    #[error("cannot read the image")]
    Io(#[from] io::Error),
    /// It is no image, or a damaged one.
    #[error("byte {offset} of the image: {what}")]
    Form {
        /// Where in the image.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// It is an image with something that is not read.
    #[error("the image has {0}, which is not read")]
    Unsupported(&'static str),
    /// It has more than is read.
    #[error("the image has more than {limit} {what}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// The most that is read.
        limit: u64,
    },
}

/// One name in an image, and what it is a name of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Relative to the root, components separated by `/`; empty for the root itself.
    pub path: Vec<u8>,
    /// The number of the inode, which all names of one file share.
    pub inode: u64,
    /// What it is.
    pub kind: FoundKind,
    /// Permission bits including set-uid, set-gid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// When it was changed, in seconds since 1970.
    pub mtime: u64,
    /// How many names the inode says that it has.
    pub links: u32,
    /// Where its attributes are.
    attributes: Range<u64>,
}

/// What a name is a name of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// A character device: major and minor number.
    CharDevice(u32, u32),
    /// A block device: major and minor number.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// Goes through an image name by name: a directory before what is in it, in the order of names.
#[derive(Debug)]
pub struct Reader<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
    /// When the image was made, which is the time of small inodes.
    time: u64,
    /// Where inodes begin.
    metadata: u64,
    /// Where shared attributes begin.
    shared: u64,
    /// Paths that are still to come, the next one last, each with its inode.
    pending: Vec<(Vec<u8>, u64)>,
    entered: BTreeSet<u64>,
    names: u64,
    paths: u64,
    structure: u64,
}

impl<'a, S: Source + ?Sized> Reader<'a, S> {
    /// Reads the superblock.
    pub fn open(source: &'a S) -> Result<Self, ReadError> {
        let mut reader = Self {
            source,
            size: source.size()?,
            time: 0,
            metadata: 0,
            shared: 0,
            pending: Vec::new(),
            entered: BTreeSet::new(),
            names: 0,
            paths: 0,
            structure: 0,
        };
        let root = reader.superblock()?;
        reader.pending.push((Vec::new(), root));
        Ok(reader)
    }

    /// When the image was made, in seconds since 1970.
    pub const fn time(&self) -> u64 {
        self.time
    }

    /// The next name; `None` behind the last.
    pub fn next_found(&mut self) -> Result<Option<Found>, ReadError> {
        let Some((path, number)) = self.pending.pop() else {
            return Ok(None);
        };
        let inode = self.inode(number)?;
        let kind = self.kind(&inode)?;
        if kind == FoundKind::Directory {
            if !self.entered.insert(number) {
                return Err(inode.form("a directory has two names"));
            }
            self.enter(&path, &inode)?;
        } else if path.is_empty() {
            return Err(inode.form("the root is no directory"));
        }
        Ok(Some(Found {
            path,
            inode: number,
            kind,
            mode: u32::from(inode.mode & 0o7777),
            uid: inode.uid,
            gid: inode.gid,
            mtime: inode.mtime,
            links: inode.links,
            attributes: inode.attributes,
        }))
    }

    /// The content of a file of this image.
    pub fn content(&self, content: &Content) -> ContentReader<'a, S> {
        ContentReader::new(self.source, content.clone())
    }

    /// Checks the superblock, which lies at 1024; returns the number of the root.
    fn superblock(&mut self) -> Result<u64, ReadError> {
        const AT: u64 = 1024;
        let form = |what| ReadError::Form { offset: AT, what };
        if self.size < AT + 128 {
            return Err(form("there is no superblock: the image is too short"));
        }
        let block: [u8; 128] = self.bytes(AT)?;
        if u32_at(&block, 0) != 0xE0F5_E1E2 {
            return Err(form("there is no superblock: this is no erofs"));
        }
        if block[12] != 12 || block[90] != 0 {
            return Err(ReadError::Unsupported(
                "blocks of another size than 4096 bytes",
            ));
        }
        if u32_at(&block, 80) & !ZERO_PADDING != 0 {
            return Err(ReadError::Unsupported(
                "compression, chunks or another feature of newer kernels",
            ));
        }
        self.time = u64_at(&block, 24);
        self.metadata = u64::from(u32_at(&block, 40)) * BLOCK_SIZE;
        self.shared = u64::from(u32_at(&block, 44)) * BLOCK_SIZE;
        Ok(u64::from(u16_at(&block, 14)))
    }

    fn kind(&mut self, inode: &Inode) -> Result<FoundKind, ReadError> {
        Ok(match inode.mode >> 12 {
            0o01 => FoundKind::Fifo,
            0o02 => {
                let (major, minor) = inode.device();
                FoundKind::CharDevice(major, minor)
            }
            0o04 => FoundKind::Directory,
            0o06 => {
                let (major, minor) = inode.device();
                FoundKind::BlockDevice(major, minor)
            }
            0o10 => FoundKind::File(self.placed(inode)?),
            0o12 => FoundKind::Symlink(self.target(inode)?),
            0o14 => FoundKind::Socket,
            _ => return Err(inode.form("an inode is of no known kind")),
        })
    }

    fn target(&mut self, inode: &Inode) -> Result<Vec<u8>, ReadError> {
        let content = self.placed(inode)?;
        if content.size() == 0 || content.size() > MAX_TARGET {
            return Err(inode.form("the target of a symbolic link is empty or too long"));
        }
        let target = self.whole(&content)?;
        if target.contains(&0) {
            return Err(inode.form("the target of a symbolic link has a zero in it"));
        }
        Ok(target)
    }

    /// A content that is part of the structure, and not long.
    fn whole(&mut self, content: &Content) -> Result<Vec<u8>, ReadError> {
        self.spend(content.size())?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut self.content(content), &mut bytes)?;
        Ok(bytes)
    }

    /// A few bytes of the structure.
    fn bytes<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], ReadError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn fill(&mut self, buffer: &mut [u8], offset: u64) -> Result<(), ReadError> {
        let length = buffer.len() as u64;
        if offset.checked_add(length).is_none_or(|end| end > self.size) {
            let what = "something lies behind the image's end";
            return Err(ReadError::Form { offset, what });
        }
        self.spend(length)?;
        Ok(self.source.read_exact_at(buffer, offset)?)
    }

    fn spend(&mut self, bytes: u64) -> Result<(), ReadError> {
        self.structure += bytes;
        if self.structure > MAX_STRUCTURE {
            return Err(ReadError::Limit {
                what: "bytes of directories, inodes and attributes",
                limit: MAX_STRUCTURE,
            });
        }
        Ok(())
    }

    /// Where an inode is.
    const fn place(&self, number: u64) -> Option<u64> {
        match number.checked_mul(SLOT) {
            Some(offset) => self.metadata.checked_add(offset),
            None => None,
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
