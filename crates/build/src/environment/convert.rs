//! From an installed root to the tree that the image writer takes.

use super::EnvironmentError;
use bessemer_apk::install::{Contents as _, Root};
use bessemer_erofs::{DataRef, Directory, Metadata, Node};
use bessemer_install::{Image, ImageTree, image_tree};
use std::io::{Seek, Write};

/// Directories that a guest mounts over or writes to, whatever the packages bring.
const MOUNT_POINTS: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("home/build", 0o755),
    ("proc", 0o555),
    ("run", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("var/cache/melange", 0o755),
];

/// Turns the installed root into an image tree, with apk's database of installed packages in it.
pub(super) fn to_tree<W: Write + Seek>(
    root: Root<DataRef>,
    image: &mut Image<W>,
) -> Result<ImageTree, EnvironmentError> {
    let database = root.database().render()?.into_bytes();
    let mut tree = image_tree(root)?;
    let data = image.keep(&mut database.as_slice(), database.len() as u64)?;
    let node = Node::File {
        meta: Metadata::root(0o644),
        data,
        inode_id: None,
    };
    tree.insert("usr/lib/apk/db/installed", node)?;
    for (path, mode) in MOUNT_POINTS {
        let directory = Node::Directory(Directory::new(Metadata::root(*mode)));
        // A package that brings the directory has said how it wants it.
        if missing(&tree, path) {
            tree.insert(path, directory)?;
        }
    }
    Ok(tree)
}

fn missing(tree: &Directory, path: &str) -> bool {
    let mut directory = tree;
    for name in path.split('/') {
        match directory.children.get(name.as_bytes()) {
            Some(Node::Directory(child)) => directory = child,
            Some(_) => return false,
            None => return true,
        }
    }
    false
}
