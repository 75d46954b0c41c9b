//! Turning the tree into a list of inodes with their places.

use crate::directory::{self, DirectoryEntry};
use crate::error::WriteError;
use crate::format::{self, BLOCK, BLOCK_SIZE, FileType, INODE, SLOT};
use crate::tree::{Directory, Metadata, Node};
use crate::writer::DataRef;
use crate::xattr;
use std::collections::BTreeMap;

const NAME_LIMIT: usize = 255;
const TARGET_LIMIT: usize = 4095;

/// What an inode consists of besides its metadata.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Directory(Vec<DirectoryEntry<'a>>),
    File(DataRef),
    Symlink(&'a [u8]),
    Device(FileType, u32),
    Fifo,
}

/// One inode and where it goes.
#[derive(Debug)]
pub(crate) struct Inode<'a> {
    pub(crate) meta: &'a Metadata,
    pub(crate) body: Body<'a>,
    pub(crate) xattrs: Vec<u8>,
    pub(crate) links: u32,
    /// Offset in the metadata area.
    pub(crate) offset: u64,
    /// First block of a directory or symbolic link too large for the metadata area.
    pub(crate) block: Option<u64>,
    parent: usize,
    name: &'a [u8],
}

/// The inodes, root first, each directory's children together.
#[derive(Debug)]
pub(crate) struct Layout<'a> {
    pub(crate) inodes: Vec<Inode<'a>>,
    /// First block of the metadata area.
    pub(crate) metadata_block: u64,
    /// Bytes of the metadata area.
    pub(crate) metadata_size: u64,
}

impl Inode<'_> {
    pub(crate) const fn file_type(&self) -> FileType {
        match self.body {
            Body::Directory(_) => FileType::Directory,
            Body::File(_) => FileType::Regular,
            Body::Symlink(_) => FileType::Symlink,
            Body::Device(file_type, _) => file_type,
            Body::Fifo => FileType::Fifo,
        }
    }

    /// The inode number.
    pub(crate) const fn number(&self) -> u64 {
        self.offset / SLOT
    }

    /// Bytes of content that `finish` has to write: those of directories and symbolic links.
    pub(crate) fn content_size(&self) -> usize {
        match &self.body {
            Body::Directory(entries) => directory::content_size(entries),
            Body::Symlink(target) => target.len(),
            Body::File(_) | Body::Device(..) | Body::Fifo => 0,
        }
    }
}

impl<'a> Layout<'a> {
    /// Lays out `root` behind `data_end` blocks of superblock and file content.
    pub(crate) fn new(root: &'a Directory, data_end: u64) -> Result<Self, WriteError> {
        let mut collector = Collector {
            inodes: Vec::new(),
            links: BTreeMap::new(),
            data_end,
        };
        collector.collect(root)?;
        let mut layout = Self {
            inodes: collector.inodes,
            metadata_block: data_end,
            metadata_size: 0,
        };
        layout.place();
        Ok(layout)
    }

    fn place(&mut self) {
        // Number 0 stays free: some readers of directories take it for a deleted entry.
        let mut offset = INODE as u64;
        for inode in &mut self.inodes {
            let content = inode.content_size();
            let mut size = (INODE + inode.xattrs.len()) as u64;
            if size + content as u64 > BLOCK_SIZE {
                inode.block = Some(self.metadata_block);
                self.metadata_block += content.div_ceil(BLOCK) as u64;
            } else {
                size += content as u64;
            }
            // Inline content must lie in one block; that the rest does too is only tidy.
            if offset % BLOCK_SIZE + size > BLOCK_SIZE {
                offset = offset.next_multiple_of(BLOCK_SIZE);
            }
            inode.offset = offset;
            // Inodes lie at multiples of their size, so none straddles two blocks.
            offset = (offset + size).next_multiple_of(INODE as u64);
        }
        self.metadata_size = offset;
    }
}

#[derive(Debug)]
struct Collector<'a> {
    inodes: Vec<Inode<'a>>,
    links: BTreeMap<u64, (usize, DataRef)>,
    data_end: u64,
}

impl<'a> Collector<'a> {
    /// Breadth first and without recursion: the depth of the tree may be a stranger's choice.
    fn collect(&mut self, root: &'a Directory) -> Result<(), WriteError> {
        self.push(0, b"", &root.meta, Body::Directory(Vec::new()))?;
        let mut queue = std::collections::VecDeque::from([(0, root)]);
        while let Some((index, directory)) = queue.pop_front() {
            let dots: [(&'a [u8], usize); 2] = [(b".", index), (b"..", self.inodes[index].parent)];
            let mut entries: Vec<_> = dots
                .map(|(name, inode)| DirectoryEntry {
                    name,
                    inode,
                    file_type: FileType::Directory,
                })
                .into();
            for (name, node) in &directory.children {
                let child = self.add(index, name, node)?;
                if let Node::Directory(directory) = node {
                    self.inodes[index].links += 1;
                    queue.push_back((child, directory));
                }
                let file_type = self.inodes[child].file_type();
                entries.push(DirectoryEntry {
                    name,
                    inode: child,
                    file_type,
                });
            }
            // `.` and `..` do not come first when a name starts with a byte below the dot.
            entries.sort_by_key(|entry| entry.name);
            self.inodes[index].body = Body::Directory(entries);
        }
        Ok(())
    }

    fn add(&mut self, parent: usize, name: &'a [u8], node: &'a Node) -> Result<usize, WriteError> {
        let allowed = !name.is_empty()
            && name.len() <= NAME_LIMIT
            && !matches!(name, b"." | b"..")
            && !name.iter().any(|byte| matches!(byte, 0 | b'/'));
        if !allowed {
            return Err(WriteError::Name {
                path: self.path(parent, name),
            });
        }
        let body = match node {
            Node::Directory(_) => Body::Directory(Vec::new()),
            Node::File {
                meta,
                data,
                inode_id,
            } => {
                return self.add_file(parent, name, meta, *data, *inode_id);
            }
            Node::Symlink { target, .. } => {
                if target.is_empty() || target.len() > TARGET_LIMIT || target.contains(&0) {
                    return Err(WriteError::Target {
                        path: self.path(parent, name),
                    });
                }
                Body::Symlink(target)
            }
            Node::CharDevice { major, minor, .. } => {
                self.device(parent, name, FileType::CharDevice, *major, *minor)?
            }
            Node::BlockDevice { major, minor, .. } => {
                self.device(parent, name, FileType::BlockDevice, *major, *minor)?
            }
            Node::Fifo { .. } => Body::Fifo,
        };
        self.push(parent, name, node.meta(), body)
    }

    fn add_file(
        &mut self,
        parent: usize,
        name: &'a [u8],
        meta: &'a Metadata,
        data: DataRef,
        inode_id: Option<u64>,
    ) -> Result<usize, WriteError> {
        if data.end() > self.data_end {
            return Err(WriteError::ForeignData {
                path: self.path(parent, name),
            });
        }
        let Some(id) = inode_id else {
            return self.push(parent, name, meta, Body::File(data));
        };
        let Some((index, first_data)) = self.links.get(&id).copied() else {
            let index = self.push(parent, name, meta, Body::File(data))?;
            self.links.insert(id, (index, data));
            return Ok(index);
        };
        if *self.inodes[index].meta != *meta || first_data != data {
            let first = &self.inodes[index];
            return Err(WriteError::HardLink {
                path: self.path(parent, name),
                first: self.path(first.parent, first.name),
            });
        }
        self.inodes[index].links += 1;
        Ok(index)
    }

    fn device(
        &self,
        parent: usize,
        name: &[u8],
        file_type: FileType,
        major: u32,
        minor: u32,
    ) -> Result<Body<'a>, WriteError> {
        let number = format::device_number(major, minor).ok_or_else(|| WriteError::Device {
            path: self.path(parent, name),
            major,
            minor,
        })?;
        Ok(Body::Device(file_type, number))
    }

    fn push(
        &mut self,
        parent: usize,
        name: &'a [u8],
        meta: &'a Metadata,
        body: Body<'a>,
    ) -> Result<usize, WriteError> {
        if meta.mode > 0o7777 {
            return Err(WriteError::Mode {
                path: self.path(parent, name),
                mode: meta.mode,
            });
        }
        let xattrs = xattr::encode(&meta.xattrs).map_err(|refused| WriteError::Xattr {
            path: self.path(parent, name),
            name: refused.name,
            reason: refused.reason,
        })?;
        let links = if matches!(body, Body::Directory(_)) {
            2
        } else {
            1
        };
        let inode = Inode {
            meta,
            body,
            xattrs,
            links,
            offset: 0,
            block: None,
            parent,
            name,
        };
        self.inodes.push(inode);
        Ok(self.inodes.len() - 1)
    }

    /// The path of `name` in the directory `parent`, for messages.
    fn path(&self, mut parent: usize, name: &[u8]) -> String {
        let mut components = vec![String::from_utf8_lossy(name)];
        while parent != 0 {
            let inode = &self.inodes[parent];
            components.push(String::from_utf8_lossy(inode.name));
            parent = inode.parent;
        }
        components.reverse();
        components.join("/")
    }
}
