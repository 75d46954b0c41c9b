//! Regular files and their names.
//!
//! Names of one file are equal: each is a node that refers to the file, which has the content and
//! the attributes. So a name may be taken away without telling the others, and owner, mode and time
//! are the same under all of them. Which name is written as the file, and which as links to it, is
//! said at the end.

use super::{InstallError, Node, Owner, Placed, Root};
use crate::{Entry, EntryKind, EntryPath};
use std::collections::BTreeMap;

/// What the names of a file share.
#[derive(Debug)]
pub(super) struct Regular<C> {
    pub(super) content: C,
    pub(super) xattrs: BTreeMap<String, Vec<u8>>,
    pub(super) owner: Owner,
}

impl<C> Root<C> {
    /// Takes in a file; gives its number. Its attributes are no longer in the entry.
    pub(super) fn add_file(&mut self, entry: &mut Entry, content: C) -> usize {
        let owner = Owner::of(entry);
        self.files.push(Regular {
            content,
            xattrs: std::mem::take(&mut entry.xattrs),
            owner,
        });
        self.files.len() - 1
    }

    /// A further name of the package's own file `target`, with what that file is: the header of a
    /// hard link says nothing of its own.
    ///
    /// A file that another package has kept in its place is still there for the links of this one.
    /// apk-tools 2.14 has no target for such a link and leaves it out
    /// (`apk_db_install_archive_entry`).
    pub(super) fn link(
        &mut self,
        package: usize,
        path: &EntryPath,
        target: &EntryPath,
    ) -> Result<Node, InstallError> {
        let error = || InstallError::Hardlink {
            path: path.clone(),
            target: target.clone(),
        };
        let place = self.find(target).ok_or_else(error)?;
        let own = self.nodes.get(&place);
        let own = own.filter(|node| node.package == Some(package) && node.file.is_some());
        let lost = || self.lost.get(&(package, place.clone()));
        let source = own.or_else(lost).filter(|_| place != *path);
        let source = source.ok_or_else(error)?;
        Ok(Node {
            entry: Entry {
                path: path.clone(),
                ..source.entry.clone()
            },
            listed: None,
            ..source.clone()
        })
    }

    /// Who owns what a node is.
    pub(super) fn owner_of(&self, node: &Node) -> Owner {
        node.file
            .map_or_else(|| Owner::of(&node.entry), |file| self.files[file].owner)
    }

    /// All entries in order, each directory before its contents and each file before its hard
    /// links, which have no extended attributes: those are its own.
    pub fn into_entries(self) -> impl Iterator<Item = Placed<C>> {
        let mut files: Vec<Name<C>> = self.files.into_iter().map(Name::Unwritten).collect();
        self.nodes.into_values().map(move |node| {
            let Node {
                mut entry,
                mtime,
                package,
                file,
                ..
            } = node;
            let content = file.and_then(|file| files[file].write(&mut entry));
            Placed {
                entry,
                mtime,
                content,
                package,
            }
        })
    }
}

/// A file on its way out.
enum Name<C> {
    Unwritten(Regular<C>),
    /// The first of its names.
    Written(EntryPath),
}

impl<C> Name<C> {
    /// Makes `entry`, a name of this file, the file or a link to it; gives the content once.
    fn write(&mut self, entry: &mut Entry) -> Option<C> {
        if let Self::Written(first) = self {
            let target = first.clone();
            entry.kind = EntryKind::Hardlink { target };
            return None;
        }
        match std::mem::replace(self, Self::Written(entry.path.clone())) {
            Self::Unwritten(file) => {
                entry.xattrs = file.xattrs;
                Some(file.content)
            }
            Self::Written(_) => None,
        }
    }
}
