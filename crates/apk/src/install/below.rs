//! Trees that go on top of an installed system, of which only apk's database is known.
//!
//! The rules between packages hold for those of the system below, too: by paths, kinds and checksums, which
//! is what a database says of files. Where a symbolic link of the system below leads is not known, so a
//! directory in the place of one of its files is an error.

use super::merge::{Claim, Verdict};
use super::{Database, InstallError, InstalledRecord, Root};
use crate::{EntryKind, EntryPath};
use std::collections::HashMap;

/// What the system below has at a path.
#[derive(Clone, Copy)]
enum Found {
    Directory(usize),
    /// Record, directory of the record, file of the directory.
    File(usize, usize, usize),
}

impl<C> Root<C> {
    /// Says what is installed below, before anything is inserted. Its records come first in apk's database,
    /// less the files that packages of this tree take over.
    pub fn put_on(&mut self, below: Database) {
        self.below = below.records;
    }

    /// The records of what is below.
    pub fn below(&self) -> &[InstalledRecord] {
        &self.below
    }

    /// Whether what is below says that its `lib` is a link to `usr/lib`, as apko knows it.
    pub(super) fn has_merged_lib(&self) -> bool {
        let names = self.below.iter().flat_map(|record| &record.entry.provides);
        names.into_iter().any(|name| name.name == "merged-lib")
    }

    /// Decides about every path that is here and below: a file that is the same below is not here, and one
    /// that takes another's place is no longer that other's.
    pub(super) fn settle_with_below(&mut self) -> Result<(), InstallError> {
        let known = paths(&self.below);
        let (mut kept, mut taken) = (Vec::new(), Vec::new());
        for (path, node) in &self.nodes {
            let (Some(package), Some(found)) = (node.package, known.get(path)) else {
                continue;
            };
            let here = &self.packages[package];
            let is_directory = node.entry.kind == EntryKind::Directory;
            let (record, same) = match *found {
                Found::Directory(_) if is_directory => continue,
                Found::Directory(record) => (record, None),
                Found::File(record, ..) if is_directory => (record, None),
                Found::File(record, directory, file) => {
                    let file = &self.below[record].directories[directory].files[file];
                    (record, Some(file.sha1.is_some() && file.sha1 == node.sha1))
                }
            };
            let claim = Claim::from(&self.below[record]);
            let verdict = match same {
                Some(true) => Verdict::KeepFirst,
                Some(false) => claim.against(Claim::from(here)),
                None => Verdict::Conflict,
            };
            match verdict {
                Verdict::KeepFirst => kept.push(path.clone()),
                Verdict::Overwrite => taken.push(*found),
                Verdict::Conflict => {
                    return Err(InstallError::Conflict {
                        path: path.clone(),
                        first: self.below[record].entry.file_name(),
                        second: here.entry.file_name(),
                    });
                }
            }
        }
        for path in kept {
            self.nodes.remove(&path);
            self.ways.forget();
        }
        self.give_up(taken);
        Ok(())
    }

    /// Checks that no directory of the system's own is in the place of a file below.
    pub(super) fn check_own_directories(&self) -> Result<(), InstallError> {
        let known = paths(&self.below);
        for (path, node) in &self.nodes {
            let own = node.package.is_none() && node.entry.kind == EntryKind::Directory;
            if let (true, Some(Found::File(record, ..))) = (own, known.get(path)) {
                return Err(InstallError::System {
                    path: path.clone(),
                    package: self.below[*record].entry.file_name(),
                });
            }
        }
        Ok(())
    }

    /// Takes files out of the records of what is below.
    fn give_up(&mut self, mut taken: Vec<Found>) {
        // From the last to the first, so that numbers stay right.
        taken.sort_by_key(|found| match *found {
            Found::File(record, directory, file) => (record, directory, file),
            Found::Directory(record) => (record, 0, 0),
        });
        for found in taken.into_iter().rev() {
            if let Found::File(record, directory, file) = found {
                let files = &mut self.below[record].directories[directory].files;
                files.remove(file);
            }
        }
    }
}

/// Everything that records list, by path; of a path that several list, the last.
fn paths(records: &[InstalledRecord]) -> HashMap<EntryPath, Found> {
    let mut known = HashMap::new();
    for (record, one) in records.iter().enumerate() {
        for (number, directory) in one.directories.iter().enumerate() {
            if let Some(path) = &directory.path {
                known.insert(path.clone(), Found::Directory(record));
            }
            for (file, named) in directory.files.iter().enumerate() {
                let path = match &directory.path {
                    Some(parent) => parent.join(&named.name),
                    None => EntryPath::new(named.name.as_str()),
                };
                // The database was read, and holds only names that are paths.
                if let Ok(path) = path {
                    known.insert(path, Found::File(record, number, file));
                }
            }
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::{InstalledPackage, Item, System};
    use crate::{Dependency, Entry, IndexEntry, Limits, Version};

    const BELOW: &str = "\
P:base\nV:1-r0\nF:etc\nR:os-release\nZ:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nR:other\nF:srv\nR:data\n";

    fn file(path: &str, sum: u8) -> Item<Vec<u8>> {
        Item {
            sha1: Some([sum; 20]),
            content: Some(Vec::new()),
            ..Item::from(Entry::file(EntryPath::new(path).unwrap(), 0, 0o644))
        }
    }

    fn tree(items: Vec<Item<Vec<u8>>>, replaces: &str) -> Result<String, String> {
        let mut root = Root::new();
        root.put_on(Database::parse(BELOW, Limits::default()).unwrap());
        let mut package = InstalledPackage::new(IndexEntry::new("top", Version::new("1-r0")));
        let names = replaces.split_whitespace();
        package.replaces = names.map(Dependency::from_index).collect();
        let number = root.add_package(package);
        for item in items {
            root.insert(number, item).unwrap();
        }
        let keep = |bytes: &[u8]| Ok(bytes.to_vec());
        let system = root.add_system(&System::default(), keep);
        system.map_err(|error| error.to_string())?;
        let database = root.database().render().unwrap();
        let files = database
            .lines()
            .filter(|line| line.starts_with(['P', 'F', 'R']));
        Ok(files.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn packages_below_are_packages() {
        // The same file is the system's below, and not in this tree.
        assert_eq!(
            tree(vec![file("etc/os-release", 0)], "").unwrap(),
            "P:base F:etc R:os-release R:other F:srv R:data P:top"
        );
        assert_eq!(
            tree(vec![file("etc/os-release", 1)], "base<2").unwrap(),
            "P:base F:etc R:other F:srv R:data P:top F:etc R:os-release"
        );
        let conflict =
            "etc/os-release is in base-1-r0.apk and in top-1-r0.apk, which does not replace it";
        assert_eq!(
            tree(vec![file("etc/os-release", 1)], "base<1").unwrap_err(),
            conflict
        );
        assert!(tree(vec![file("etc", 1)], "base").is_err());
        // What `srv/data` is below is not known: it may be a link.
        assert!(tree(vec![file("srv/data/x", 1)], "base").is_err());
    }
}
