//! What each byte of an image is, read back from the image alone.
//!
//! The reader shares nothing with the writer but the numbers of the format, so that it can be held
//! against it. It takes what [`Writer`](crate::Writer) makes and refuses everything else, such as
//! bytes that belong to nothing.

use crate::format::{BLOCK, BLOCK_SIZE, DIRENT, INODE, SLOT};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

/// Type bits of a mode.
const KIND: u16 = 0o170_000;
const DIRECTORY: u16 = 0o040_000;
const REGULAR: u16 = 0o100_000;
const SYMLINK: u16 = 0o120_000;
/// Largest directory that is read, in bytes: some hundred thousand names.
const MAX_DIRECTORY: u64 = 64 << 20;

/// Why an image has no map.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The image cannot be read, or ends too early.
    #[error("cannot read the image")]
    Io(#[from] io::Error),
    /// Something is not as the writer makes it.
    #[error("byte {offset}: {what}")]
    Form {
        /// Where in the image.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Two things lie in the same place.
    #[error("byte {offset}: `{path}` lies where something else does")]
    Overlap {
        /// Where in the image.
        offset: u64,
        /// The later one.
        path: String,
    },
}

/// The content of a regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedFile {
    /// All its names, relative to the root, sorted.
    pub paths: Vec<String>,
    /// Where its bytes are in the image.
    pub content: Range<u64>,
}

/// Every byte of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// The regular files, in the order of their contents in the image.
    pub files: Vec<MappedFile>,
    /// Bytes of superblock, inodes, directories, links and attributes.
    pub structure: u64,
    /// Bytes of zero between things.
    pub zeros: u64,
    /// Where something else than zero lies to which no name leads.
    pub unreached: Vec<Range<u64>>,
}

/// Reads the map of an image.
pub fn map(image: &File) -> Result<Map, MapError> {
    let size = image.metadata()?.len();
    let mut reading = Reading {
        image,
        taken: BTreeMap::from([(0, BLOCK_SIZE)]),
        files: BTreeMap::new(),
        structure: BLOCK_SIZE,
        metadata: 0,
    };
    let root = reading.superblock(size)?;
    reading.walk(root)?;
    let mut map = Map {
        files: Vec::new(),
        structure: reading.structure,
        zeros: 0,
        unreached: Vec::new(),
    };
    let mut at = 0;
    for (start, end) in std::mem::take(&mut reading.taken) {
        reading.gap(at..start, &mut map)?;
        at = end;
    }
    reading.gap(at..size, &mut map)?;
    map.files = reading.files.into_values().collect();
    map.files.sort_by_key(|file| file.content.start);
    Ok(map)
}

struct Reading<'a> {
    image: &'a File,
    /// Start and end of everything found so far.
    taken: BTreeMap<u64, u64>,
    /// By inode number.
    files: BTreeMap<u64, MappedFile>,
    structure: u64,
    /// Where inodes begin.
    metadata: u64,
}

/// The fields of an inode that say where its bytes are.
struct Inode {
    at: u64,
    kind: u16,
    inline: bool,
    attributes: u64,
    size: u64,
    block: u64,
}

impl Inode {
    fn behind(&self) -> u64 {
        self.at + INODE as u64 + self.attributes
    }

    fn content(&self) -> Range<u64> {
        let start = if self.inline {
            self.behind()
        } else {
            self.block * BLOCK_SIZE
        };
        start..start.saturating_add(self.size)
    }
}

impl Reading<'_> {
    fn bytes<const N: usize>(&self, at: u64) -> Result<[u8; N], MapError> {
        let mut bytes = [0; N];
        self.image.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    /// Checks the first block, of which nothing but the superblock's fields is other than zero;
    /// returns the number of the root.
    fn superblock(&mut self, size: u64) -> Result<u64, MapError> {
        let block: [u8; BLOCK] = self.bytes(0)?;
        let form = |what| MapError::Form { offset: 1024, what };
        if block[..1024].iter().any(|byte| *byte != 0) {
            return Err(form("something lies before the superblock"));
        }
        // 0x80 bytes of `struct erofs_super_block`, and nothing behind them.
        if block[1024 + 64..].iter().any(|byte| *byte != 0) {
            return Err(form("something lies behind the superblock"));
        }
        let number = |at: usize| u32::from_le_bytes(quarter(&block[1024 + at..]));
        if number(0) != 0xE0F5_E1E2 || block[1024 + 12] != 12 {
            return Err(form("there is no superblock with blocks of 4096 bytes"));
        }
        if u64::from(number(36)) * BLOCK_SIZE != size {
            return Err(form("the image is not as long as its superblock says"));
        }
        self.metadata = u64::from(number(40)) * BLOCK_SIZE;
        Ok(u64::from(u16::from_le_bytes([
            block[1024 + 14],
            block[1024 + 15],
        ])))
    }

    /// Breadth first, as the depth of a tree may be a stranger's choice. A directory that is met again
    /// lies where it lay before, and is refused.
    fn walk(&mut self, root: u64) -> Result<(), MapError> {
        let mut queue = VecDeque::from([(root, String::new())]);
        while let Some((number, path)) = queue.pop_front() {
            let inode = self.inode(number, &path)?;
            match inode.kind {
                DIRECTORY => {
                    for (name, child) in self.directory(&inode, &path)? {
                        let slash = if path.is_empty() { "" } else { "/" };
                        queue.push_back((child, format!("{path}{slash}{name}")));
                    }
                }
                REGULAR => self.file(number, &inode, path)?,
                SYMLINK => self.take(inode.content(), &path, true)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, number: u64, inode: &Inode, path: String) -> Result<(), MapError> {
        if let Some(file) = self.files.get_mut(&number) {
            file.paths.push(path);
            file.paths.sort();
            return Ok(());
        }
        self.take(inode.content(), &path, false)?;
        let file = MappedFile {
            paths: vec![path],
            content: inode.content(),
        };
        self.files.insert(number, file);
        Ok(())
    }

    fn inode(&mut self, number: u64, path: &str) -> Result<Inode, MapError> {
        let at = self.metadata + number.saturating_mul(SLOT);
        let bytes: [u8; INODE] = self.bytes(at)?;
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let inline = match short(0) {
            1 => false,
            5 => true,
            _ => {
                let what = "an inode of another kind";
                return Err(MapError::Form { offset: at, what });
            }
        };
        let mut size = [0; 8];
        size.copy_from_slice(&bytes[8..16]);
        let inode = Inode {
            at,
            kind: short(4) & KIND,
            inline,
            attributes: match u64::from(short(2)) {
                0 => 0,
                count => 12 + 4 * (count - 1),
            },
            size: u64::from_le_bytes(size),
            block: u64::from(u32::from_le_bytes(quarter(&bytes[16..]))),
        };
        // The further names of a file lead here again.
        if !self.files.contains_key(&number) {
            self.take(at..inode.behind(), path, true)?;
        }
        Ok(inode)
    }

    /// The names in a directory and their inodes, without `.` and `..`.
    fn directory(&mut self, inode: &Inode, path: &str) -> Result<Vec<(String, u64)>, MapError> {
        let content = inode.content();
        if inode.size > MAX_DIRECTORY {
            let what = "a directory is too large";
            return Err(MapError::Form {
                offset: inode.at,
                what,
            });
        }
        self.take(content.clone(), path, true)?;
        let mut entries = Vec::new();
        let mut at = content.start;
        while at < content.end {
            let length = (content.end - at).min(BLOCK_SIZE);
            let mut block = vec![0; usize::try_from(length).unwrap_or(BLOCK)];
            self.image.read_exact_at(&mut block, at)?;
            let form = |what| MapError::Form { offset: at, what };
            let names = names(&block).ok_or_else(|| form("a directory cannot be read"))?;
            for (name, child) in names {
                if !matches!(name, b"." | b"..") {
                    let name = String::from_utf8_lossy(name).into_owned();
                    entries.push((name, child));
                }
            }
            at += length;
        }
        Ok(entries)
    }

    /// Marks a range as belonging to `path`; nothing else may lie there.
    fn take(&mut self, range: Range<u64>, path: &str, structure: bool) -> Result<(), MapError> {
        if range.is_empty() {
            return Ok(());
        }
        let before = self.taken.range(..range.end).next_back();
        if before.is_some_and(|(_, end)| *end > range.start) {
            return Err(MapError::Overlap {
                offset: range.start,
                path: path.to_owned(),
            });
        }
        if structure {
            self.structure += range.end - range.start;
        }
        self.taken.insert(range.start, range.end);
        Ok(())
    }

    /// Looks at what lies between two things, block by block.
    fn gap(&self, range: Range<u64>, map: &mut Map) -> Result<(), MapError> {
        let mut at = range.start;
        while at < range.end {
            let end = (at + 1).next_multiple_of(BLOCK_SIZE).min(range.end);
            let mut bytes = vec![0; usize::try_from(end - at).unwrap_or(BLOCK)];
            self.image.read_exact_at(&mut bytes, at)?;
            if bytes.iter().all(|byte| *byte == 0) {
                map.zeros += end - at;
            } else {
                match map.unreached.last_mut() {
                    Some(last) if last.end == at => last.end = end,
                    _ => map.unreached.push(at..end),
                }
            }
            at = end;
        }
        Ok(())
    }
}

/// The entries of one block of a directory; `None` when it is not one.
fn names(block: &[u8]) -> Option<Vec<(&[u8], u64)>> {
    let offset = |index: usize| {
        let at = index * DIRENT + 8;
        let bytes = block.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    let count = offset(0)? / DIRENT;
    let mut found = Vec::with_capacity(count);
    for index in 0..count {
        let start = offset(index)?;
        let end = if index + 1 < count {
            offset(index + 1)?
        } else {
            block.len()
        };
        let name = block.get(start..end)?;
        // The last name of a block that is not the directory's last one ends at the first zero.
        let name = name.split(|byte| *byte == 0).next()?;
        let mut number = [0; 8];
        number.copy_from_slice(block.get(index * DIRENT..index * DIRENT + 8)?);
        found.push((name, u64::from_le_bytes(number)));
    }
    Some(found)
}

fn quarter(bytes: &[u8]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}
