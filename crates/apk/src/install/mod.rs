//! Merging packages into one tree, by apk's rules.
//!
//! Nothing is written anywhere: [`Root`] is the description of a tree, which an image writer turns
//! into a disk or a layer. Symbolic links to directories are followed inside the tree, as if it
//! were the root of a system, so no entry can be placed outside it.
//!
//! [`Assembly`] reads and checks packages into a root, [`Root::add_system`] gives it what a system
//! has besides packages, apk's database among it, and [`write_layer`] writes it as a tar archive.
//! Until then it may be changed ([`Root::write_file`] and its neighbours).

mod assembly;
mod below;
mod database;
mod edit;
mod error;
mod files;
mod layer;
mod merge;
mod parse;
mod record;
mod resolve;
mod system;

pub use assembly::{AddError, Assembly, Contents};
pub use database::{
    Database, InstalledDirectory, InstalledFile, InstalledRecord, Owner, world_file,
};
pub use edit::EditError;
pub use error::InstallError;
pub use layer::{LayerWriter, Names, WriteLayerError, write_layer};
pub use parse::ParseDatabaseError;
pub use record::InstalledPackage;
pub use system::{System, SystemError};

use crate::{Entry, EntryKind, EntryPath, Sha1Bytes};
use files::Regular;
use resolve::Ways;
use std::collections::BTreeMap;

/// A tree made of packages. `C` stands for the content of a regular file: bytes, or where they are.
#[derive(Debug)]
pub struct Root<C> {
    packages: Vec<InstalledPackage>,
    /// Directories that each package has, by package, under the paths that the package gives them.
    directories: Vec<BTreeMap<EntryPath, Owner>>,
    nodes: BTreeMap<EntryPath, Node>,
    /// Regular files, to which nodes refer by number.
    files: Vec<Regular<C>>,
    /// Regular files of packages that others have in their place, for hard links to them.
    lost: BTreeMap<(usize, EntryPath), Node>,
    ways: Ways,
    /// What is installed below the tree.
    below: Vec<InstalledRecord>,
}

/// Something to be placed in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<C> {
    /// What it is.
    pub entry: Entry,
    /// When it was changed, in seconds since 1970.
    pub mtime: u64,
    /// SHA-1 of the content or of the link's target.
    pub sha1: Option<Sha1Bytes>,
    /// Needed for regular files, dropped for all others.
    pub content: Option<C>,
}

/// Something that has its place in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<C> {
    /// What it is and where.
    pub entry: Entry,
    /// When it was changed, in seconds since 1970.
    pub mtime: u64,
    /// There for regular files and for nothing else.
    pub content: Option<C>,
    /// The number of the package it came from; `None` for what came from none.
    pub package: Option<usize>,
}

#[derive(Debug, Clone)]
struct Node {
    /// Of a regular file without extended attributes, which the file has.
    entry: Entry,
    mtime: u64,
    sha1: Option<Sha1Bytes>,
    /// Which regular file it is a name of.
    file: Option<usize>,
    /// `None` is the system's own.
    package: Option<usize>,
    /// The path that the package gives it, where that leads through a symbolic link.
    listed: Option<EntryPath>,
    /// A directory that no package lists, only goes through.
    implied: bool,
}

impl<C> Default for Root<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C> Root<C> {
    /// An empty tree.
    pub fn new() -> Self {
        Self {
            packages: Vec::new(),
            directories: Vec::new(),
            nodes: BTreeMap::new(),
            files: Vec::new(),
            lost: BTreeMap::new(),
            ways: Ways::new(),
            below: Vec::new(),
        }
    }

    /// Starts the next package in the order of installation; gives the number to insert its
    /// entries under.
    pub fn add_package(&mut self, package: InstalledPackage) -> usize {
        self.packages.push(package);
        self.directories.push(BTreeMap::new());
        self.packages.len() - 1
    }

    /// Adds an entry of package number `package`.
    ///
    /// When another package has a file there: the first stays if both have the same content; this
    /// one takes over if both have the same origin; then the one whose package replaces the other's
    /// has it, the one with the higher priority if each does, this one if those are equal; anything
    /// else is an error. Of directories, the one with the lowest owner and group sets the mode; with
    /// equal ones, what all of them allow.
    ///
    /// A hard link must name a regular file of its own package that came before. It is that file
    /// under one more name, whatever else its entry says.
    pub fn insert(&mut self, package: usize, item: Item<C>) -> Result<(), InstallError> {
        assert!(
            package < self.packages.len(),
            "package {package} was not added"
        );
        let Item {
            mut entry,
            mtime,
            sha1,
            content,
        } = item;
        if entry.path.as_str().contains(|c: char| c.is_control()) {
            return Err(InstallError::Name(entry.path));
        }
        let path = self.place(Some(package), &entry.path)?;
        let listed = (path != entry.path).then(|| entry.path.clone());
        entry.path = path.clone();
        let mut node = Node {
            entry,
            mtime,
            sha1,
            file: None,
            package: Some(package),
            listed: None,
            implied: false,
        };
        match &node.entry.kind {
            EntryKind::Directory => {
                let listed = listed.unwrap_or(path);
                return self.insert_directory(package, node, listed);
            }
            EntryKind::File { .. } => {
                let content = content.ok_or_else(|| InstallError::Content(path.clone()))?;
                node.file = Some(self.add_file(&mut node.entry, content));
            }
            EntryKind::Hardlink { target } => node = self.link(package, &path, target)?,
            _ => {}
        }
        node.listed = listed;
        self.insert_node(package, path, node)
    }

    /// The packages, in the order they were added.
    pub fn packages(&self) -> &[InstalledPackage] {
        &self.packages
    }

    /// The entry at exactly `path`, symbolic links not followed. A hard link is a regular file, which
    /// has its extended attributes only in [`Root::into_entries`].
    pub fn get(&self, path: &EntryPath) -> Option<(&Entry, Option<&C>)> {
        let node = self.nodes.get(path)?;
        let content = node.file.map(|file| &self.files[file].content);
        Some((&node.entry, content))
    }

    /// Which package the entry at `path` came from.
    pub fn owner(&self, path: &EntryPath) -> Option<&InstalledPackage> {
        let number = self.nodes.get(path)?.package?;
        Some(&self.packages[number])
    }
}
