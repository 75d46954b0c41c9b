//! Merging packages into one tree, by apk's rules.
//!
//! Nothing is written anywhere: [`Root`] is the description of a tree, which an image writer turns
//! into a disk or a layer. Symbolic links to directories are followed inside the tree, as if it
//! were the root of a system, so no entry can be placed outside it.

mod database;
mod error;
mod links;
mod resolve;

pub use database::{InstalledPackage, world_file};
pub use error::InstallError;

use crate::{Dependency, Entry, EntryKind, EntryPath, Sha1Bytes, Version};
use std::collections::BTreeMap;

/// A tree made of packages. `C` stands for the content of a regular file: bytes, or where they are.
#[derive(Debug)]
pub struct Root<C> {
    packages: Vec<InstalledPackage>,
    /// Directories that each package has, by package.
    directories: Vec<BTreeMap<EntryPath, Owner>>,
    nodes: BTreeMap<EntryPath, Node<C>>,
}

/// Owner and permissions of a directory.
#[derive(Debug, Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
    mode: u32,
}

#[derive(Debug)]
struct Node<C> {
    entry: Entry,
    sha1: Option<Sha1Bytes>,
    content: Option<C>,
    package: usize,
    /// A directory that no package lists, only goes through.
    implied: bool,
}

/// What becomes of a file whose path is taken.
enum Verdict {
    KeepFirst,
    Overwrite,
    Conflict,
}

impl<C> Default for Root<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> Root<C> {
    /// An empty tree.
    pub const fn new() -> Self {
        Self {
            packages: Vec::new(),
            directories: Vec::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// Starts the next package in the order of installation; gives the number to insert its
    /// entries under.
    pub fn add_package(&mut self, package: InstalledPackage) -> usize {
        self.packages.push(package);
        self.directories.push(BTreeMap::new());
        self.packages.len() - 1
    }

    /// Adds an entry of package number `package`. `sha1` is that of the content or link target;
    /// `content` is needed for regular files and dropped for all others.
    ///
    /// When another package has a file there: the first stays if their SHA-1 are the same or its
    /// package replaces this one; this one takes over if its package replaces the other or both
    /// have the same origin; anything else is an error.
    pub fn insert(
        &mut self,
        package: usize,
        entry: Entry,
        sha1: Option<Sha1Bytes>,
        content: Option<C>,
    ) -> Result<(), InstallError> {
        assert!(
            package < self.packages.len(),
            "package {package} was not added"
        );
        let path = self.place(package, &entry.path)?;
        let mut entry = Entry {
            path: path.clone(),
            ..entry
        };
        let content = match entry.kind {
            EntryKind::Directory => return self.insert_directory(package, entry),
            EntryKind::File { .. } if content.is_none() => return Err(InstallError::Content(path)),
            EntryKind::File { .. } => content,
            EntryKind::Hardlink { ref target } => {
                let target = self.link_target(&path, target)?;
                entry.kind = EntryKind::Hardlink { target };
                None
            }
            _ => None,
        };
        let node = Node {
            entry,
            sha1,
            content,
            package,
            implied: false,
        };
        let Some(existing) = self.nodes.get(&path) else {
            self.nodes.insert(path, node);
            return Ok(());
        };
        match self.verdict(existing, &node) {
            Verdict::KeepFirst => {}
            Verdict::Overwrite => self.replace(path, node),
            Verdict::Conflict => return Err(self.conflict(existing, path, package)),
        }
        Ok(())
    }

    /// The packages, in the order they were added.
    pub fn packages(&self) -> &[InstalledPackage] {
        &self.packages
    }

    /// The entry at exactly `path`, symbolic links not followed.
    pub fn get(&self, path: &EntryPath) -> Option<(&Entry, Option<&C>)> {
        self.nodes
            .get(path)
            .map(|node| (&node.entry, node.content.as_ref()))
    }

    /// Which package the entry at `path` came from.
    pub fn owner(&self, path: &EntryPath) -> Option<&InstalledPackage> {
        self.nodes
            .get(path)
            .map(|node| &self.packages[node.package])
    }

    /// All entries in order, each directory before its contents and each file before its hard
    /// links; the content is there for regular files and for nothing else.
    pub fn into_entries(mut self) -> impl Iterator<Item = (Entry, Option<C>)> {
        self.order_links();
        self.nodes
            .into_values()
            .map(|node| (node.entry, node.content))
    }

    fn insert_directory(&mut self, package: usize, entry: Entry) -> Result<(), InstallError> {
        let owner = Owner {
            uid: entry.uid,
            gid: entry.gid,
            mode: entry.mode,
        };
        let path = entry.path.clone();
        match self.nodes.get_mut(&path) {
            Some(node) if node.implied => {
                *node = Node {
                    entry,
                    sha1: None,
                    content: None,
                    package,
                    implied: false,
                };
            }
            Some(node) if node.entry.kind == EntryKind::Directory => {}
            Some(node) => {
                // A link to a directory serves as one; what is behind it belongs to others.
                if matches!(node.entry.kind, EntryKind::Symlink { .. })
                    && self.resolves_to_directory(&path)
                {
                    return Ok(());
                }
                let existing = &self.nodes[&path];
                return Err(self.conflict(existing, path, package));
            }
            None => {
                let node = Node {
                    entry,
                    sha1: None,
                    content: None,
                    package,
                    implied: false,
                };
                self.nodes.insert(path.clone(), node);
            }
        }
        self.directories[package].insert(path, owner);
        Ok(())
    }

    fn verdict(&self, existing: &Node<C>, new: &Node<C>) -> Verdict {
        if existing.entry.kind == EntryKind::Directory {
            return Verdict::Conflict;
        }
        let same_kind =
            std::mem::discriminant(&existing.entry.kind) == std::mem::discriminant(&new.entry.kind);
        if same_kind && existing.sha1.is_some() && existing.sha1 == new.sha1 {
            return Verdict::KeepFirst;
        }
        if existing.package == new.package {
            return Verdict::Conflict;
        }
        let (old, new) = (
            &self.packages[existing.package],
            &self.packages[new.package],
        );
        let same_origin = !old.entry.origin.is_empty() && old.entry.origin == new.entry.origin;
        match (replaces(old, new), replaces(new, old)) {
            (true, true) if new.replaces_priority > old.replaces_priority => Verdict::Overwrite,
            (true, _) => Verdict::KeepFirst,
            (false, true) => Verdict::Overwrite,
            (false, false) if same_origin => Verdict::Overwrite,
            (false, false) => Verdict::Conflict,
        }
    }

    fn conflict(&self, existing: &Node<C>, path: EntryPath, package: usize) -> InstallError {
        InstallError::Conflict {
            path,
            first: self.packages[existing.package].entry.file_name(),
            second: self.packages[package].entry.file_name(),
        }
    }
}

/// Whether `package` may have the files of `other`.
fn replaces(package: &InstalledPackage, other: &InstalledPackage) -> bool {
    let version: &Version = &other.entry.version;
    let names = |wanted: &Dependency| wanted.name == other.entry.name;
    package
        .replaces
        .iter()
        .any(|wanted| names(wanted) && wanted.accepts(Some(version)))
}
