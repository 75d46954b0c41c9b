//! What a system has besides the files of its packages: the first directories and devices, apk's
//! configuration and its database.
//!
//! As `apk add --initdb` of apk-tools 2 makes it (`apk_db_create`), with the database below `usr`
//! and `lib/apk` as a link to it, which is how systems without a `lib` of their own need it.

use super::database::checksum;
use super::{InstallError, Node, Root, world_file};
use crate::index::RenderIndexError;
use crate::package::Script;
use crate::tar::{self, FILE, Header};
use crate::{Dependency, Entry, EntryKind, EntryPath};
use std::collections::BTreeMap;
use std::io;

/// Directories with their modes, parents first.
const DIRECTORIES: [(&str, u32); 16] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/apk", 0o755),
    ("etc/apk/keys", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/lib", 0o755),
    ("usr/lib/apk", 0o755),
    ("usr/lib/apk/db", 0o755),
    ("usr/lib/apk/exec", 0o755),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/cache/apk", 0o755),
    ("var/cache/misc", 0o755),
];

/// Character devices: major, minor, mode.
const DEVICES: [(&str, u32, u32, u32); 5] = [
    ("dev/console", 5, 1, 0o600),
    ("dev/null", 1, 3, 0o666),
    ("dev/random", 1, 8, 0o666),
    ("dev/urandom", 1, 9, 0o666),
    ("dev/zero", 1, 5, 0o666),
];

const LIB: &str = "lib";
const LIB_TARGET: &str = "usr/lib";
const LINK: &str = "lib/apk";
const LINK_TARGET: &str = "../usr/lib/apk";
const DATABASE: &str = "usr/lib/apk";

/// What is said about a system when it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// Its architecture, apk's name: `etc/apk/arch`.
    pub arch: String,
    /// What was asked for: `etc/apk/world`.
    pub world: Vec<Dependency>,
    /// Lines of `etc/apk/repositories`, in order.
    pub repositories: Vec<String>,
    /// Public keys by file name: `etc/apk/keys`.
    pub keys: BTreeMap<String, Vec<u8>>,
}

/// Why a system cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// It does not fit what the packages bring.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The database cannot be written.
    #[error("cannot write apk's database")]
    Database(#[from] RenderIndexError),
    /// A key's file name is no name.
    #[error("{0:?} cannot be the name of a key")]
    Key(String),
    /// A line would be two.
    #[error("{0:?} cannot be a line of etc/apk/repositories")]
    Repository(String),
    /// The contents cannot be kept.
    #[error("cannot keep {path}")]
    Keep {
        /// The file.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl<C> Root<C> {
    /// Adds what a system has besides its packages, all of it at time 0 and owned by root. `keep`
    /// takes in the contents of files. Directories and devices that packages bring stay as they
    /// are; files of packages in places of apk's own are replaced. Nothing may be inserted
    /// afterwards.
    pub fn add_system(
        &mut self,
        system: &System,
        mut keep: impl FnMut(&[u8]) -> io::Result<C>,
    ) -> Result<(), SystemError> {
        self.settle_with_below()?;
        for (path, mode) in DIRECTORIES {
            self.ensure(Entry::new(fixed(path)?, EntryKind::Directory, mode))?;
        }
        for (path, major, minor, mode) in DEVICES {
            let kind = EntryKind::CharDevice { major, minor };
            self.ensure(Entry::new(fixed(path)?, kind, mode))?;
        }
        self.link_database()?;
        self.check_own_directories()?;
        for (path, mode, bytes) in self.system_files(system)? {
            let content = keep(&bytes).map_err(|source| SystemError::Keep {
                path: path.clone(),
                source,
            })?;
            let entry = Entry::file(path, bytes.len() as u64, mode);
            self.put_own(entry, Some(content))?;
        }
        Ok(())
    }

    /// Path, mode and content of every file of apk's own.
    fn system_files(&self, system: &System) -> Result<Vec<(EntryPath, u32, Vec<u8>)>, SystemError> {
        let mut repositories = String::new();
        for line in &system.repositories {
            if line.contains(|c: char| c.is_control()) {
                return Err(SystemError::Repository(line.clone()));
            }
            repositories.push_str(line);
            repositories.push('\n');
        }
        let installed = self.database().render()?;
        let mut files = vec![
            ("etc/apk/arch", 0o644, format!("{}\n", system.arch).into()),
            ("etc/apk/repositories", 0o644, repositories.into()),
            ("etc/apk/world", 0o644, world_file(&system.world).into()),
            ("usr/lib/apk/db/installed", 0o644, installed.into()),
            ("usr/lib/apk/db/lock", 0o600, Vec::new()),
            ("usr/lib/apk/db/scripts.tar", 0o644, self.scripts_tar()),
            ("usr/lib/apk/db/triggers", 0o644, self.triggers().into()),
        ]
        .into_iter()
        .map(|(path, mode, bytes)| Ok((fixed(path)?, mode, bytes)))
        .collect::<Result<Vec<_>, SystemError>>()?;
        for (name, bytes) in &system.keys {
            let bad = || SystemError::Key(name.clone());
            if name.contains('/') || name.contains(|c: char| c.is_control()) {
                return Err(bad());
            }
            let path = fixed("etc/apk/keys")?.join(name).map_err(|_| bad())?;
            files.push((path, 0o644, bytes.clone()));
        }
        Ok(files)
    }

    /// `scripts.tar`: the scripts of all packages (apk-tools, `apk_db_scriptdb_write`).
    fn scripts_tar(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        for package in &self.packages {
            let entry = &package.entry;
            for script in Script::ALL {
                let Some(content) = package.scripts.get(&script) else {
                    continue;
                };
                let sha1 = entry.checksum.as_ref().map(checksum).unwrap_or_default();
                let suffix = script.file_name();
                let name = format!("{}-{}.{sha1}{suffix}", entry.name, entry.version);
                let header = Header {
                    mode: 0o755,
                    size: content.len() as u64,
                    mtime: entry.build_time.unwrap_or(0),
                    ..Header::new(&name, FILE)
                };
                archive.extend(header.with_content(content));
            }
        }
        archive.extend(tar::END);
        archive
    }

    /// `triggers`: a line for each package with any (apk-tools, `apk_db_triggers_write`).
    fn triggers(&self) -> String {
        let with_any = self.packages.iter().filter(|one| !one.triggers.is_empty());
        let line = |package: &super::InstalledPackage| {
            let sha1 = package.entry.checksum.as_ref();
            let sha1 = sha1.map(checksum).unwrap_or_default();
            format!("{sha1} {}\n", package.triggers.join(" "))
        };
        with_any.map(line).collect()
    }

    /// Makes `lib/apk` lead to the database, where it does not already.
    fn link_database(&mut self) -> Result<(), SystemError> {
        let (link, database) = (fixed(LINK)?, fixed(DATABASE)?);
        let lib = fixed(LIB)?;
        if self.has_merged_lib() {
            // The same link as below; a directory would take its place.
            if let Some(node) = self.nodes.get(&lib) {
                return Err(self.in_the_way(lib, node).into());
            }
            return Ok(self.put_own(Entry::symlink(lib, LIB_TARGET), None)?);
        }
        if self.place(None, &link)? == database || self.same_directory(&link, &database) {
            return Ok(());
        }
        self.remove_empty(&link);
        let place = self.place(None, &link)?;
        if let Some(node) = self.nodes.get(&place) {
            return Err(self.in_the_way(place.clone(), node).into());
        }
        self.put_own(Entry::symlink(link, LINK_TARGET), None)?;
        Ok(())
    }

    /// Removes a directory that holds nothing but directories.
    fn remove_empty(&mut self, path: &EntryPath) {
        let within = |other: &EntryPath| other == path || other.strip_prefix(path).is_some();
        let only_directories = self
            .nodes
            .iter()
            .filter(|(other, _)| within(other))
            .all(|(_, node)| node.entry.kind == EntryKind::Directory);
        if only_directories {
            self.nodes.retain(|other, _| !within(other));
            self.ways.forget();
        }
    }

    /// Adds a directory or device, unless something stands there that serves as one.
    fn ensure(&mut self, entry: Entry) -> Result<(), InstallError> {
        let place = self.place(None, &entry.path)?;
        if !self.nodes.contains_key(&place) {
            return self.put_own(entry, None);
        }
        if entry.kind != EntryKind::Directory || self.resolves_to_directory(&place) {
            return Ok(());
        }
        Err(self.in_the_way(place.clone(), &self.nodes[&place]))
    }

    /// Puts something of the system's own in its place, instead of a package's file there.
    fn put_own(&mut self, mut entry: Entry, content: Option<C>) -> Result<(), InstallError> {
        let place = self.place(None, &entry.path)?;
        entry.path = place.clone();
        let file = content.map(|content| self.add_file(&mut entry, content));
        let node = Node {
            mtime: 0,
            sha1: None,
            file,
            package: None,
            listed: None,
            implied: false,
            entry,
        };
        match self.nodes.get(&place) {
            None => {
                self.nodes.insert(place, node);
            }
            Some(existing) if existing.file.is_some() => self.replace(place, node),
            Some(existing) => return Err(self.in_the_way(place.clone(), existing)),
        }
        Ok(())
    }

    fn in_the_way(&self, path: EntryPath, node: &Node) -> InstallError {
        let package = match node.package {
            Some(number) => self.packages[number].entry.file_name(),
            None => "the system itself".to_owned(),
        };
        InstallError::System { path, package }
    }
}

/// A path that stands in this file.
fn fixed(path: &str) -> Result<EntryPath, InstallError> {
    EntryPath::new(path).map_err(|_| InstallError::Path(path.to_owned()))
}
