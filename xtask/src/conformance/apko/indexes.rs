//! The indexes whose packages are the worlds.

use anyhow::{Context, Result, bail};
use bessemer_apk::solver::Repository;
use bessemer_apk::{Dependency, Index, IndexEntry, Keyring, Limits, Operator, Version, read_index};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The name of an index in a repository.
pub(super) const INDEX: &str = "APKINDEX.tar.gz";

/// An index, checked.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) bytes: Vec<u8>,
    pub(super) index: Index,
}

/// The indexes of one architecture: repositories, in order.
#[derive(Debug)]
pub(super) struct Worlds {
    pub(super) arch: String,
    pub(super) indexes: Vec<Opened>,
}

impl Worlds {
    pub(super) fn repositories(&self) -> Vec<Repository<'_>> {
        let indexes = self.indexes.iter().map(|opened| &opened.index);
        indexes
            .map(|index| Repository { tag: None, index })
            .collect()
    }

    fn all(&self) -> impl Iterator<Item = &IndexEntry> {
        let indexes = self.indexes.iter();
        indexes.flat_map(|opened| &opened.index.entries)
    }

    /// A world for each package: its name, with its version where the name does not say it all.
    pub(super) fn each(&self) -> Vec<Dependency> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for entry in self.all() {
            *counts.entry(&entry.name).or_default() += 1;
        }
        let world = |entry: &IndexEntry| {
            let several = counts[entry.name.as_str()] > 1;
            let version = || Version::new(entry.version.as_str());
            Dependency {
                constraint: several.then(|| (Operator::Equal, version())),
                ..Dependency::named(entry.name.clone())
            }
        };
        self.all().map(world).collect()
    }

    /// The packages with these names and versions; of several, the earliest repository's.
    pub(super) fn entries(&self, names: &[(String, String)]) -> Result<Vec<&IndexEntry>> {
        let entry = |(name, version): &(String, String)| {
            let is = |entry: &&IndexEntry| {
                entry.name == *name && entry.version.as_str() == version.as_str()
            };
            let found = self.all().find(is);
            found.with_context(|| format!("no index has {name} {version}"))
        };
        names.iter().map(entry).collect()
    }
}

/// The indexes below a directory, sorted by path.
pub(super) fn find(tree: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if name == INDEX || name.ends_with(&format!(".{INDEX}")) {
                found.push(entry.path());
            }
        }
    }
    if found.is_empty() {
        bail!("{} has no {INDEX}", tree.display());
    }
    found.sort();
    Ok(found)
}

/// Reads the indexes, checks their signatures, and sorts them by architecture.
pub(super) fn open(paths: &[PathBuf], keys: &[PathBuf]) -> Result<Vec<Worlds>> {
    let mut keyring = Keyring::new();
    for path in keys {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        keyring
            .add(&name, &fs_err::read_to_string(path)?)
            .with_context(|| format!("cannot use the key {}", path.display()))?;
    }
    let mut by_arch: BTreeMap<String, Vec<Opened>> = BTreeMap::new();
    for path in paths {
        let bytes = fs_err::read(path)?;
        let archive = read_index(&bytes, Limits::default())
            .with_context(|| format!("{} is no index", path.display()))?;
        keyring
            .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
            .with_context(|| format!("nothing vouches for {}", path.display()))?;
        let index = archive.index;
        let mut archs = index.entries.iter().map(|entry| entry.arch.as_str());
        let arch = archs.find(|arch| !matches!(*arch, "noarch" | "all" | ""));
        let arch = arch
            .with_context(|| format!("{} is of no architecture", path.display()))?
            .to_owned();
        by_arch
            .entry(arch)
            .or_default()
            .push(Opened { bytes, index });
    }
    let worlds = |(arch, indexes)| Worlds { arch, indexes };
    Ok(by_arch.into_iter().map(worlds).collect())
}
