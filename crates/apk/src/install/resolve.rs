//! Where a path leads inside the tree.

use super::{InstallError, Node, Root};
use crate::{Entry, EntryKind, EntryPath};

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;

/// What stands at the end of a walk.
enum Place {
    Directory(Vec<String>),
    NotDirectory(Vec<String>),
    Loop,
}

impl<C> Root<C> {
    /// The path without symbolic links in its directories, which are made where they are absent.
    pub(super) fn place(
        &mut self,
        package: Option<usize>,
        path: &EntryPath,
    ) -> Result<EntryPath, InstallError> {
        let Some(parent) = path.parent() else {
            return Ok(path.clone());
        };
        let directory = match self.walk(&parent) {
            Place::Directory(directory) => directory,
            Place::NotDirectory(parent) => {
                return Err(InstallError::Parent {
                    path: path.clone(),
                    parent: parent.join("/"),
                });
            }
            Place::Loop => return Err(InstallError::Loop(path.clone())),
        };
        self.imply(package, &directory);
        // The parts are components of valid paths; only their sum can be too long.
        let place = directory
            .iter()
            .map(String::as_str)
            .chain([path.file_name()]);
        EntryPath::new(place.collect::<Vec<_>>().join("/"))
            .map_err(|_| InstallError::Loop(path.clone()))
    }

    pub(super) fn resolves_to_directory(&self, path: &EntryPath) -> bool {
        match self.walk(path) {
            Place::Directory(parts) => {
                parts.is_empty() || join(&parts).is_some_and(|path| self.nodes.contains_key(&path))
            }
            Place::NotDirectory(_) | Place::Loop => false,
        }
    }

    /// Whether both lead to the same directory.
    pub(super) fn same_directory(&self, one: &EntryPath, other: &EntryPath) -> bool {
        match (self.walk(one), self.walk(other)) {
            (Place::Directory(one), Place::Directory(other)) => one == other,
            _ => false,
        }
    }

    /// The regular file that a hard link's target names.
    pub(super) fn link_target(
        &self,
        path: &EntryPath,
        target: &EntryPath,
    ) -> Result<EntryPath, InstallError> {
        let error = || InstallError::Hardlink {
            path: path.clone(),
            target: target.clone(),
        };
        let mut parts = match target.parent().map(|parent| self.walk(&parent)) {
            None => Vec::new(),
            Some(Place::Directory(parts)) => parts,
            Some(_) => return Err(error()),
        };
        parts.push(target.file_name().to_owned());
        let place = join(&parts).ok_or_else(error)?;
        match self.nodes.get(&place).map(|node| &node.entry.kind) {
            Some(EntryKind::File { .. }) if place != *path => Ok(place),
            Some(EntryKind::Hardlink { target }) if target != path => Ok(target.clone()),
            _ => Err(error()),
        }
    }

    /// Follows `path` to the directory it names, through symbolic links; what is absent counts as
    /// a directory. `..` stops at the root, as it does in a root directory.
    fn walk(&self, path: &EntryPath) -> Place {
        let mut pending: Vec<String> = path.components().rev().map(str::to_owned).collect();
        let mut place: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = pending.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    place.pop();
                    continue;
                }
                _ => place.push(part),
            }
            let node = join(&place).and_then(|path| self.nodes.get(&path));
            match node.map(|node| &node.entry.kind) {
                None | Some(EntryKind::Directory) => {}
                Some(EntryKind::Symlink { target }) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Place::Loop;
                    }
                    place.pop();
                    if target.starts_with('/') {
                        place.clear();
                    }
                    pending.extend(target.split('/').rev().map(str::to_owned));
                }
                Some(_) => return Place::NotDirectory(place),
            }
        }
        Place::Directory(place)
    }

    fn imply(&mut self, package: Option<usize>, directory: &[String]) {
        for end in 1..=directory.len() {
            let Some(path) = join(&directory[..end]) else {
                return;
            };
            self.nodes.entry(path.clone()).or_insert_with(|| Node {
                entry: Entry::directory(path),
                mtime: 0,
                sha1: None,
                content: None,
                package,
                listed: None,
                implied: true,
            });
        }
    }
}

fn join(parts: &[String]) -> Option<EntryPath> {
    EntryPath::new(parts.join("/")).ok()
}
