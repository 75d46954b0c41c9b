//! An erofs image, which takes in contents as they come and the tree at the end.

use bessemer_apk::install::{Contents, Placed, Root};
use bessemer_apk::package::Content;
use bessemer_apk::{Entry, EntryKind, EntryPath};
use bessemer_erofs::{
    DataRef, Directory, InsertError, Metadata, Node, Options, Summary, WriteError, Writer,
};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};

/// The UUID of images: they have no identity beyond their content.
const UUID: [u8; 16] = *b"bessemer-erofs01";

/// An image being written.
#[derive(Debug)]
pub struct Image<W: Write + Seek> {
    writer: Writer<W>,
}

/// Why a tree cannot become an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The image writer refused.
    #[error("cannot write the image's file system")]
    Write(#[from] WriteError),
    /// A path fits nowhere in the image.
    #[error("cannot place a file in the image")]
    Place(#[from] InsertError),
    /// A content cannot be read again.
    #[error("cannot read the content of {path}")]
    Content {
        /// The file.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A tree as the image writer takes it.
pub type ImageTree = Directory;

impl<W: Write + Seek> Image<W> {
    /// Starts an image at the beginning of `output`, which is empty.
    pub fn new(output: W) -> Result<Self, WriteError> {
        Self::at(output, 0)
    }

    /// The same, with the image's time in seconds since 1970.
    pub fn at(output: W, mtime: u64) -> Result<Self, WriteError> {
        let options = Options { uuid: UUID, mtime };
        Ok(Self {
            writer: Writer::new(output, options)?,
        })
    }

    /// Writes the tree, whose contents this image took in, and completes the image.
    pub fn finish(self, tree: ImageTree) -> Result<Summary, WriteError> {
        self.writer.finish(tree)
    }

    /// Writes a tree whose contents are elsewhere, and completes the image. Contents stand in the order of
    /// paths, and symbolic links have the mode 0777, as Linux shows it.
    pub fn write<C: Content>(mut self, root: Root<C>) -> Result<Summary, ImageError> {
        let mut growing = Growing::default();
        for mut placed in root.into_entries() {
            if matches!(placed.entry.kind, EntryKind::Symlink { .. }) {
                placed.entry.mode = 0o777;
            }
            let content = self.take(&placed)?;
            growing.add(&placed.entry, placed.mtime, content)?;
        }
        Ok(self.writer.finish(growing.tree)?)
    }

    fn take<C: Content>(&mut self, placed: &Placed<C>) -> Result<Option<DataRef>, ImageError> {
        let (EntryKind::File { size }, Some(content)) = (&placed.entry.kind, &placed.content)
        else {
            return Ok(None);
        };
        let unreadable = |source| ImageError::Content {
            path: placed.entry.path.clone(),
            source,
        };
        let content = content.open().map_err(unreadable)?;
        Ok(Some(self.writer.append_file(content, *size)?))
    }
}

impl<W: Write + Seek> Contents for Image<W> {
    type Place = DataRef;

    fn keep(&mut self, content: &mut dyn Read, size: u64) -> io::Result<DataRef> {
        self.writer
            .append_file(content, size)
            .map_err(io::Error::other)
    }
}

/// The tree of an installed root.
pub fn image_tree(root: Root<DataRef>) -> Result<ImageTree, ImageError> {
    let mut growing = Growing::default();
    for placed in root.into_entries() {
        growing.add(&placed.entry, placed.mtime, placed.content)?;
    }
    Ok(growing.tree)
}

/// A tree to which entries are added in order: the first name of a file comes before its links.
#[derive(Debug)]
struct Growing {
    tree: ImageTree,
    first_names: BTreeMap<EntryPath, (Metadata, DataRef, u64)>,
}

impl Default for Growing {
    fn default() -> Self {
        Self {
            tree: Directory::new(Metadata::root(0o755)),
            first_names: BTreeMap::new(),
        }
    }
}

impl Growing {
    fn add(
        &mut self,
        entry: &Entry,
        mtime: u64,
        content: Option<DataRef>,
    ) -> Result<(), InsertError> {
        let (meta, data, inode) = match &entry.kind {
            EntryKind::Hardlink { target } => match self.first_names.get(target) {
                Some(first) => first.clone(),
                None => return Ok(()),
            },
            EntryKind::File { .. } => {
                // A file without content cannot be: its data was taken in before.
                let Some(data) = content else { return Ok(()) };
                let number = self.first_names.len() as u64 + 1;
                let first = (metadata(entry, mtime), data, number);
                self.first_names.insert(entry.path.clone(), first.clone());
                first
            }
            _ => {
                let node = other_node(entry, mtime);
                return self.tree.insert(entry.path.as_str(), node);
            }
        };
        let node = Node::File {
            meta,
            data,
            inode_id: Some(inode),
        };
        self.tree.insert(entry.path.as_str(), node)
    }
}

fn metadata(entry: &Entry, mtime: u64) -> Metadata {
    Metadata {
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        xattrs: entry.xattrs.clone(),
        mtime: Some(mtime),
    }
}

/// Everything but regular files.
fn other_node(entry: &Entry, mtime: u64) -> Node {
    let meta = metadata(entry, mtime);
    match &entry.kind {
        EntryKind::Symlink { target } => Node::Symlink {
            meta,
            target: target.clone().into_bytes(),
        },
        EntryKind::CharDevice { major, minor } => Node::CharDevice {
            meta,
            major: *major,
            minor: *minor,
        },
        EntryKind::BlockDevice { major, minor } => Node::BlockDevice {
            meta,
            major: *major,
            minor: *minor,
        },
        EntryKind::Fifo => Node::Fifo { meta },
        EntryKind::Directory | EntryKind::File { .. } | EntryKind::Hardlink { .. } => {
            Node::Directory(Directory::new(meta))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_apk::install::{InstalledPackage, Item};
    use bessemer_apk::{EntryPath, IndexEntry, Version};
    use std::io::Cursor;

    fn image() -> Vec<u8> {
        let mut output = Cursor::new(Vec::new());
        let mut image = Image::new(&mut output).unwrap();
        let mut root = Root::new();
        let entry = IndexEntry::new("a", Version::new("1-r0"));
        let package = root.add_package(InstalledPackage::new(entry));
        let path = |text: &str| EntryPath::new(text).unwrap();
        let target = path("usr/m");
        for entry in [
            Entry::file(path("usr/m"), 4, 0o4755),
            Entry::new(path("usr/a"), EntryKind::Hardlink { target }, 0o4755),
            Entry::symlink(path("usr/s"), "m"),
            Entry::new(
                path("dev/null"),
                EntryKind::CharDevice { major: 1, minor: 3 },
                0o666,
            ),
        ] {
            let item = Item {
                mtime: 7,
                content: Some(image.keep(&mut &b"text"[..], 4).unwrap()),
                ..entry.into()
            };
            root.insert(package, item).unwrap();
        }
        let tree = image_tree(root).unwrap();
        check_links(&tree);
        image.finish(tree).unwrap();
        output.into_inner()
    }

    /// The names of one file are one inode with its content and its metadata.
    fn check_links(tree: &Directory) {
        let Some(Node::Directory(usr)) = tree.children.get(b"usr".as_slice()) else {
            panic!("usr is no directory");
        };
        let (a, m) = (
            &usr.children[b"a".as_slice()],
            &usr.children[b"m".as_slice()],
        );
        assert_eq!(a, m);
        assert!(matches!(
            a,
            Node::File {
                inode_id: Some(_),
                ..
            }
        ));
        assert_eq!((a.meta().mode, a.meta().mtime), (0o4755, Some(7)));
    }

    #[test]
    fn a_tree_becomes_the_same_image_each_time() {
        let bytes = image();
        assert_eq!(bytes.len() % 4096, 0);
        assert!(bytes == image(), "two images of one tree");
    }
}
