//! One file of a package, as every crate describes it.

use crate::EntryPath;
use std::collections::BTreeMap;

/// A file, directory, link or device with its metadata; contents travel beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, relative to the root.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Extended attributes by full name (`security.capability`), values raw.
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// The kind of an [`Entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file of `size` bytes.
    File {
        /// Bytes of content.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// What it says, as written: it may be absolute, or point nowhere.
        target: String,
    },
    /// Another name of a regular file that comes earlier in the same tree.
    Hardlink {
        /// The path of that file.
        target: EntryPath,
    },
    /// A character device.
    CharDevice {
        /// Driver number.
        major: u32,
        /// Device number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Driver number.
        major: u32,
        /// Device number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl Entry {
    /// An entry owned by root without extended attributes.
    pub fn new(path: EntryPath, kind: EntryKind, mode: u32) -> Self {
        Self {
            path,
            kind,
            mode: mode & 0o7777,
            uid: 0,
            gid: 0,
            xattrs: BTreeMap::new(),
        }
    }

    /// A directory with mode 0755, owned by root.
    pub fn directory(path: EntryPath) -> Self {
        Self::new(path, EntryKind::Directory, 0o755)
    }

    /// A regular file of `size` bytes owned by root.
    pub fn file(path: EntryPath, size: u64, mode: u32) -> Self {
        Self::new(path, EntryKind::File { size }, mode)
    }

    /// A symbolic link owned by root.
    pub fn symlink(path: EntryPath, target: impl Into<String>) -> Self {
        Self::new(
            path,
            EntryKind::Symlink {
                target: target.into(),
            },
            0o777,
        )
    }

    /// The first extended attribute that Linux's overlay file system takes for a mark of its own,
    /// such as `trusted.overlay.opaque`, which hides what lower layers have in a directory.
    pub fn overlay_attribute(&self) -> Option<&str> {
        let mark =
            |name: &&str| name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
        self.xattrs.keys().map(String::as_str).find(mark)
    }

    /// Bytes of content that travel beside this entry: zero for all but regular files.
    pub fn size(&self) -> u64 {
        if let EntryKind::File { size } = self.kind {
            size
        } else {
            0
        }
    }
}
