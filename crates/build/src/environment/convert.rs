//! From an installed root to the tree that the image writer takes.

use super::EnvironmentError;
use bessemer_apk::install::Root;
use bessemer_apk::{Entry, EntryKind};
use bessemer_erofs::{DataRef, Directory, Metadata, Node, Writer};
use std::collections::BTreeMap;
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
    writer: &mut Writer<W>,
) -> Result<Directory, EnvironmentError> {
    let mut tree = Directory::new(Metadata::root(0o755));
    let database = root.installed_file()?.into_bytes();
    let mut first_names: BTreeMap<String, (Metadata, DataRef, u64)> = BTreeMap::new();
    let mut links = Vec::new();
    let mut next_inode = 1;
    for (entry, content) in root.into_entries() {
        let path = entry.path.as_str().to_owned();
        if let EntryKind::Hardlink { target } = &entry.kind {
            links.push((path, target.as_str().to_owned()));
            continue;
        }
        let Some(node) = node(&entry, content, next_inode) else {
            continue;
        };
        if let Node::File { meta, data, .. } = &node {
            first_names.insert(path.clone(), (meta.clone(), *data, next_inode));
            next_inode += 1;
        }
        tree.insert(&path, node)?;
    }
    for (path, target) in links {
        if let Some((meta, data, inode)) = first_names.get(&target) {
            let node = Node::File {
                meta: meta.clone(),
                data: *data,
                inode_id: Some(*inode),
            };
            tree.insert(&path, node)?;
        }
    }
    let data = writer.append_file(database.as_slice(), database.len() as u64)?;
    let meta = Metadata::root(0o644);
    tree.insert(
        "usr/lib/apk/db/installed",
        Node::File {
            meta,
            data,
            inode_id: None,
        },
    )?;
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

/// `None` for a file without content, which cannot be: its data was appended before.
fn node(entry: &Entry, content: Option<DataRef>, inode: u64) -> Option<Node> {
    let meta = Metadata {
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        xattrs: entry.xattrs.clone(),
    };
    Some(match &entry.kind {
        EntryKind::File { .. } => Node::File {
            meta,
            data: content?,
            inode_id: Some(inode),
        },
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
        EntryKind::Directory | EntryKind::Hardlink { .. } => Node::Directory(Directory::new(meta)),
    })
}
