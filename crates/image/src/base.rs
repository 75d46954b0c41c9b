//! Base images: finished images that new layers go on top of.
//!
//! A base is an image of an OCI layout and, beside it, apk's database of what is installed in it. Both are
//! strangers' bytes: every digest is checked, everything has a limit, and nothing is unpacked anywhere. Its
//! layers become part of the new image as they are.

mod error;
mod layers;
mod layout;

pub use error::OpenBaseError;

use crate::layers::Layer;
use crate::oci::{BaseConfig, Blob};
use crate::{Architecture, BaseImage};
use bessemer_apk::install::Database;
use bessemer_apk::{Dependency, Index, Limits};
use bessemer_digest::Digest;
use bessemer_store::Store;
use layout::Layout;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Largest database of a base, in bytes.
const MAX_DATABASE: u64 = 256 << 20;

/// A base for each architecture; none where an image has no base.
pub type Bases = BTreeMap<Architecture, Base>;

/// The base of an image of one architecture.
#[derive(Debug, Clone)]
pub struct Base {
    /// The layout that it is in.
    pub layout: PathBuf,
    /// The index that lists it.
    pub listing: Blob,
    /// Its manifest, whose digest names it.
    pub manifest: Blob,
    /// Its configuration.
    pub configuration: Blob,
    /// Digest of the file with its database.
    pub apkindex: Digest,
    /// Its layers, the lowest first, in the store.
    pub layers: Vec<Layer>,
    /// What is installed in it.
    pub database: Database,
    /// The same for the solver.
    pub(crate) index: Index,
    pub(crate) config: BaseConfig,
}

impl Base {
    /// Opens the base for one architecture. Its folders are looked for as they are named, then in each of
    /// `include_paths`; its layers are taken into the store.
    pub fn open(
        base: &BaseImage,
        arch: Architecture,
        include_paths: &[PathBuf],
        store: &Store,
    ) -> Result<Self, OpenBaseError> {
        let place = find(&base.image, include_paths);
        let layout = Layout::open(place.clone())?;
        let image = layout.image(arch)?;
        let layers = layers::take(&layout, &image, store)?;
        let folder = find(&base.apkindex, include_paths).join(arch.apk());
        let (database, apkindex) = database(&folder.join("APKINDEX"))?;
        let entries = database.records.iter().map(|record| record.entry.clone());
        Ok(Self {
            layout: place,
            listing: layout.index,
            manifest: image.manifest,
            configuration: image.config_document,
            apkindex,
            layers,
            index: Index {
                description: String::new(),
                entries: entries.collect(),
            },
            database,
            config: image.config,
        })
    }

    /// Opens the base for each architecture.
    pub fn open_all(
        base: &BaseImage,
        archs: &[Architecture],
        include_paths: &[PathBuf],
        store: &Store,
    ) -> Result<Bases, OpenBaseError> {
        let mut bases = Bases::new();
        for arch in archs {
            bases.insert(*arch, Self::open(base, *arch, include_paths, store)?);
        }
        Ok(bases)
    }

    /// Its packages, each in its version: they cannot be taken out or replaced.
    pub fn world(&self) -> impl Iterator<Item = Dependency> + '_ {
        let entries = self.index.entries.iter();
        entries.map(|entry| Dependency::on_version(&entry.name, &entry.version))
    }

    /// Whether a package of this name is installed in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.index.entries.iter().any(|entry| entry.name == name)
    }
}

/// The folder as it is named, else in the first of the directories that has it.
fn find(folder: &str, include_paths: &[PathBuf]) -> PathBuf {
    let places = include_paths.iter().map(|directory| directory.join(folder));
    let mut places = std::iter::once(PathBuf::from(folder)).chain(places);
    let found = places.find(|place| place.is_dir());
    found.unwrap_or_else(|| PathBuf::from(folder))
}

/// Conditions as apk has them: apko writes `i:[a b]` for `i:a b`, and `i:[]` for none.
fn conditions(written: &[Dependency]) -> Vec<Dependency> {
    let words: Vec<String> = written.iter().map(ToString::to_string).collect();
    let text = words.join(" ");
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let Some(inner) = inner else {
        return written.to_vec();
    };
    let words = inner.split_whitespace();
    let condition = |word: &str| word.parse().unwrap_or_else(|_| Dependency::named(word));
    words.map(condition).collect()
}

fn database(path: &Path) -> Result<(Database, Digest), OpenBaseError> {
    let bytes = layout::read(path, MAX_DATABASE)?;
    let digest = Digest::of(&bytes);
    let text = String::from_utf8(bytes).map_err(|_| OpenBaseError::Encoding(path.to_owned()))?;
    let database = Database::parse(&text, Limits::default());
    let mut database = database.map_err(|source| OpenBaseError::Database {
        path: path.to_owned(),
        source,
    })?;
    let mut names = BTreeSet::new();
    for record in &mut database.records {
        record.entry.install_if = conditions(&record.entry.install_if);
        if !names.insert(&record.entry.name) {
            return Err(OpenBaseError::Twice {
                path: path.to_owned(),
                package: record.entry.name.clone(),
            });
        }
    }
    Ok((database, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_apko_wrote_are_read() {
        for (written, meant) in [
            ("i:a b=1", "i:a b=1\n"),
            ("i:[a b=1]", "i:a b=1\n"),
            ("i:[]", ""),
            ("i:", ""),
        ] {
            let text = format!("P:x\nV:1-r0\n{written}\n");
            let mut database = Database::parse(&text, Limits::default()).unwrap();
            let entry = &mut database.records[0].entry;
            entry.install_if = conditions(&entry.install_if);
            let again = database.render().unwrap();
            let line = again
                .split_inclusive('\n')
                .find(|line| line.starts_with("i:"));
            assert_eq!(line.unwrap_or_default(), meant, "{written}");
        }
    }
}
