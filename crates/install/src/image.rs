//! An erofs image, which takes in contents as they come and the tree at the end.

use bessemer_apk::install::{Contents, Placed, Root};
use bessemer_apk::{Entry, EntryKind};
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
}

/// A tree as the image writer takes it.
pub type ImageTree = Directory;

impl<W: Write + Seek> Image<W> {
    /// Starts an image at the beginning of `output`, which is empty.
    pub fn new(output: W) -> Result<Self, WriteError> {
        let options = Options {
            uuid: UUID,
            mtime: 0,
        };
        Ok(Self {
            writer: Writer::new(output, options)?,
        })
    }

    /// Writes the tree, whose contents this image took in, and completes the image.
    pub fn finish(self, tree: ImageTree) -> Result<Summary, WriteError> {
        self.writer.finish(tree)
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
    let mut tree = Directory::new(Metadata::root(0o755));
    let mut first_names: BTreeMap<String, (Metadata, DataRef, u64)> = BTreeMap::new();
    let mut next_inode = 1;
    for Placed {
        entry,
        mtime,
        content,
        ..
    } in root.into_entries()
    {
        let path = entry.path.as_str();
        let (meta, data, inode) = match &entry.kind {
            // The first name of a file comes before its links.
            EntryKind::Hardlink { target } => match first_names.get(target.as_str()) {
                Some(first) => first.clone(),
                None => continue,
            },
            EntryKind::File { .. } => {
                // A file without content cannot be: its data was taken in before.
                let Some(data) = content else { continue };
                let first = (metadata(&entry, mtime), data, next_inode);
                next_inode += 1;
                first_names.insert(path.to_owned(), first.clone());
                first
            }
            _ => {
                tree.insert(path, other_node(&entry, mtime))?;
                continue;
            }
        };
        let node = Node::File {
            meta,
            data,
            inode_id: Some(inode),
        };
        tree.insert(path, node)?;
    }
    Ok(tree)
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
