//! The files of a package: entries by path, contents where they already are.

use bessemer_apk::{Entry, EntryKind, EntryPath};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Most links followed before a chain of them counts as a loop (Linux's own limit).
const LINK_HOPS: usize = 40;

/// Where the bytes of a node are.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// The node has no bytes of its own.
    None,
    /// At `offset` in a file that stays open; the length is the entry's size.
    At { file: Arc<File>, offset: u64 },
    /// In memory (files that the control side adds).
    Bytes(Arc<[u8]>),
}

/// One entry and where its contents are.
#[derive(Debug, Clone)]
pub struct Node {
    /// Path, kind, mode, owner and extended attributes.
    pub entry: Entry,
    pub(crate) content: Content,
}

impl Node {
    /// The size in bytes of a regular file, 0 for everything else.
    pub fn size(&self) -> u64 {
        match self.entry.kind {
            EntryKind::File { size } => size,
            _ => 0,
        }
    }
}

/// A file tree by path, sorted; contents stay in the scanned archive until they are read.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: BTreeMap<EntryPath, Node>,
}

impl Tree {
    /// A tree without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every node, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&EntryPath, &Node)> {
        self.nodes.iter()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node at exactly `path`; links are not followed.
    pub fn get(&self, path: &EntryPath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// The node at exactly `path`, given as text; links are not followed.
    pub fn find(&self, path: &str) -> Option<&Node> {
        self.nodes.get(&EntryPath::new(path).ok()?)
    }

    /// Puts a node at its own path; returns the one it replaces.
    pub fn insert(&mut self, node: Node) -> Option<Node> {
        self.nodes.insert(node.entry.path.clone(), node)
    }

    /// Takes the node at `path` out.
    pub fn remove(&mut self, path: &EntryPath) -> Option<Node> {
        self.nodes.remove(path)
    }

    /// Puts an entry without contents (directory, link, device) at its own path.
    pub fn insert_entry(&mut self, entry: Entry) -> Option<Node> {
        self.insert(Node {
            entry,
            content: Content::None,
        })
    }

    /// Puts a regular file with `bytes` at `path`, owned by root.
    pub fn insert_file(&mut self, path: EntryPath, mode: u32, bytes: Vec<u8>) -> Option<Node> {
        let kind = EntryKind::File {
            size: bytes.len() as u64,
        };
        let entry = Entry {
            path,
            kind,
            mode,
            uid: 0,
            gid: 0,
            xattrs: BTreeMap::new(),
        };
        self.insert(Node {
            entry,
            content: Content::Bytes(bytes.into()),
        })
    }

    /// What lies below the directory `prefix`, with paths relative to it. Hard links whose target
    /// lies outside become links to nothing and are refused when the tree is emitted.
    #[must_use]
    pub fn subtree(&self, prefix: &EntryPath) -> Self {
        let mut tree = Self::new();
        for (path, node) in &self.nodes {
            let Some(path) = path.strip_prefix(prefix) else {
                continue;
            };
            let mut node = node.clone();
            if let EntryKind::Hardlink { target } = &node.entry.kind
                && let Some(target) = target.strip_prefix(prefix)
            {
                node.entry.kind = EntryKind::Hardlink { target };
            }
            node.entry.path = path;
            tree.insert(node);
        }
        tree
    }

    /// Reads the contents of a regular file or of what a hard link names; empty for other kinds.
    pub fn open(&self, node: &Node) -> io::Result<ContentReader> {
        let file = match &node.entry.kind {
            EntryKind::Hardlink { target } => self.get(target).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("hard link target `{target}`"),
                )
            })?,
            _ => node,
        };
        Ok(ContentReader {
            content: file.content.clone(),
            position: 0,
            size: file.size(),
        })
    }

    /// Reads a whole file of at most `limit` bytes; `None` when it is larger.
    pub fn read(&self, node: &Node, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let mut reader = self.open(node)?;
        if reader.size > limit {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Follows symbolic and hard links from `node` within this tree, at every component, to
    /// something that is not a link. `None` when the way leaves the tree, loops or ends nowhere.
    pub fn resolve(&self, node: &Node) -> Option<&Node> {
        let mut at = node.entry.path.to_string();
        for _ in 0..LINK_HOPS {
            let (link, rest) = self.first_link(&at)?;
            let target = match &link.entry.kind {
                EntryKind::Symlink { target } => {
                    join_lexically(parent(link.entry.path.as_str()), target)?
                }
                EntryKind::Hardlink { target } => target.to_string(),
                _ => return Some(link),
            };
            at = if rest.is_empty() {
                target
            } else {
                format!("{target}/{rest}")
            };
        }
        None
    }

    /// The first component of `path` that is a link, with the rest of the path; or the node at
    /// `path` itself with an empty rest.
    fn first_link(&self, path: &str) -> Option<(&Node, String)> {
        for (index, _) in path.match_indices('/') {
            if let Some(node) = self.find(&path[..index])
                && matches!(node.entry.kind, EntryKind::Symlink { .. })
            {
                return Some((node, path[index + 1..].to_owned()));
            }
        }
        Some((self.find(path)?, String::new()))
    }
}

/// The directory part of a relative path, empty at the top.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last component of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Joins `target` to the directory `base` by text alone; `None` above the root.
pub(crate) fn join_lexically(base: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        base.split('/').collect()
    };
    parts.retain(|part| !part.is_empty());
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Reads one file's contents; positioned reads only, so any number may be open at once.
#[derive(Debug)]
pub struct ContentReader {
    content: Content,
    position: u64,
    size: u64,
}

impl ContentReader {
    /// The number of bytes from start to end.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The same file from its start.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            content: self.content.clone(),
            position: 0,
            size: self.size,
        }
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..wanted];
        let count = match &self.content {
            Content::None => 0,
            Content::At { file, offset } => file.read_at(buffer, offset + self.position)?,
            Content::Bytes(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                (&bytes[start..]).read(buffer)?
            }
        };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for ContentReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.size.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = target
            .filter(|offset| *offset <= self.size)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "outside the file"))?;
        Ok(self.position)
    }
}
