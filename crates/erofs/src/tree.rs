//! The tree that an image holds.

use crate::writer::DataRef;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Ownership, permissions, extended attributes and time of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits including set-uid, set-gid and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Extended attributes by full name, such as `security.capability`.
    pub xattrs: BTreeMap<String, Vec<u8>>,
    /// When it was changed, in seconds since 1970; `None` is the time of the image.
    pub mtime: Option<u64>,
}

impl Metadata {
    /// Metadata of a node that root owns and that has no extended attributes.
    pub const fn root(mode: u32) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
            xattrs: BTreeMap::new(),
            mtime: None,
        }
    }
}

/// A directory: its metadata and its children by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Metadata of the directory itself.
    pub meta: Metadata,
    /// Children by name: 1 to 255 bytes, no `/`, no NUL, neither `.` nor `..`.
    pub children: BTreeMap<Vec<u8>, Node>,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory(Directory),
    /// A regular file.
    File {
        /// Metadata.
        meta: Metadata,
        /// The content, as [`crate::Writer::append_file`] returned it.
        data: DataRef,
        /// Names that carry the same id are hard links to one inode; they must agree in `meta`
        /// and `data`. `None` is a file with one name.
        inode_id: Option<u64>,
    },
    /// A symbolic link.
    Symlink {
        /// Metadata; Linux ignores the mode and shows `0o777`.
        meta: Metadata,
        /// The target: 1 to 4095 bytes, no NUL.
        target: Vec<u8>,
    },
    /// A character device.
    CharDevice {
        /// Metadata.
        meta: Metadata,
        /// Major number, 12 bits.
        major: u32,
        /// Minor number, 20 bits.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Metadata.
        meta: Metadata,
        /// Major number, 12 bits.
        major: u32,
        /// Minor number, 20 bits.
        minor: u32,
    },
    /// A named pipe.
    Fifo {
        /// Metadata.
        meta: Metadata,
    },
}

/// Why a node could not be inserted at a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InsertError {
    /// A component of the path is empty, `.` or `..`.
    #[error("`{0}` is not a plain relative path")]
    Path(String),
    /// A component before the last is a node, but not a directory.
    #[error("a parent of `{0}` is not a directory")]
    Parent(String),
    /// Something else already has the path.
    #[error("`{0}` is there already")]
    Occupied(String),
}

impl Directory {
    /// An empty directory.
    pub const fn new(meta: Metadata) -> Self {
        Self {
            meta,
            children: BTreeMap::new(),
        }
    }

    /// Inserts `node` at `path`, components separated by `/`. Missing parents are made as
    /// root-owned directories with mode 0755. A directory inserted where a directory is already
    /// replaces its metadata and keeps its children, provided that it brings none of its own.
    pub fn insert(&mut self, path: impl AsRef<[u8]>, node: Node) -> Result<(), InsertError> {
        let path = path.as_ref();
        let shown = || String::from_utf8_lossy(path).into_owned();
        let mut components: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        if components
            .iter()
            .any(|name| matches!(*name, b"" | b"." | b".."))
        {
            return Err(InsertError::Path(shown()));
        }
        let name = components.pop().unwrap_or_default();
        let mut parent = self;
        for component in components {
            let child = parent
                .children
                .entry(component.to_vec())
                .or_insert_with(|| Node::Directory(Self::new(Metadata::root(0o755))));
            let Node::Directory(directory) = child else {
                return Err(InsertError::Parent(shown()));
            };
            parent = directory;
        }
        match (parent.children.entry(name.to_vec()), node) {
            (Entry::Vacant(vacant), node) => {
                vacant.insert(node);
                Ok(())
            }
            (Entry::Occupied(mut occupied), Node::Directory(new)) if new.children.is_empty() => {
                match occupied.get_mut() {
                    Node::Directory(old) => {
                        old.meta = new.meta;
                        Ok(())
                    }
                    _ => Err(InsertError::Occupied(shown())),
                }
            }
            _ => Err(InsertError::Occupied(shown())),
        }
    }
}

impl Node {
    /// The node's metadata.
    pub const fn meta(&self) -> &Metadata {
        match self {
            Self::Directory(directory) => &directory.meta,
            Self::File { meta, .. }
            | Self::Symlink { meta, .. }
            | Self::CharDevice { meta, .. }
            | Self::BlockDevice { meta, .. }
            | Self::Fifo { meta } => meta,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(mode: u32) -> Node {
        Node::Directory(Directory::new(Metadata::root(mode)))
    }

    fn fifo() -> Node {
        Node::Fifo {
            meta: Metadata::root(0o644),
        }
    }

    #[test]
    fn insert_makes_parents_and_takes_later_metadata() {
        let mut root = Directory::new(Metadata::root(0o755));
        root.insert("a/b/c", fifo()).unwrap();
        root.insert("a/b", directory(0o700)).unwrap();
        let Some(Node::Directory(a)) = root.children.get(b"a".as_slice()) else {
            panic!()
        };
        let Some(Node::Directory(b)) = a.children.get(b"b".as_slice()) else {
            panic!()
        };
        assert_eq!(
            (a.meta.mode, b.meta.mode, b.children.len()),
            (0o755, 0o700, 1)
        );
    }

    #[test]
    fn insert_refuses() {
        let mut root = Directory::new(Metadata::root(0o755));
        root.insert("file", fifo()).unwrap();
        let cases = [
            ("", InsertError::Path(String::new())),
            ("/a", InsertError::Path("/a".into())),
            ("a/../b", InsertError::Path("a/../b".into())),
            ("file/x", InsertError::Parent("file/x".into())),
            ("file", InsertError::Occupied("file".into())),
        ];
        for (path, error) in cases {
            assert_eq!(root.insert(path, fifo()), Err(error), "{path}");
        }
        assert!(root.insert("file", directory(0o755)).is_err());
    }
}
