//! Writing the archives of layers.

use super::LayersError;
use super::groups::groups;
use crate::tree::Tree;
use bessemer_apk::install::{Contents as _, Database, InstalledRecord, LayerWriter, Names, Placed};
use bessemer_apk::{Entry, EntryKind, EntryPath};
use bessemer_digest::{Digest, HashingWriter};
use bessemer_install::{Spool, Spooled};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use tempfile::NamedTempFile;

/// apk's database, of which every layer has the part that is about its packages.
const INSTALLED: &str = "usr/lib/apk/db/installed";

/// An archive that is written.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) diff_id: Digest,
    pub(super) file: NamedTempFile,
}

/// The whole tree as one archive.
pub(super) fn single(tree: Tree, scratch: &Path) -> Result<Vec<Archive>, LayersError> {
    let mut writer = Writer::new(Names::of(&tree.root), scratch)?;
    for placed in tree.root.into_entries() {
        writer.archive.write(&placed)?;
    }
    Ok(vec![writer.finish()?])
}

/// The tree as one archive for each group of packages, and one on top for everything else.
pub(super) fn by_origin(
    tree: Tree,
    budget: usize,
    scratch: &Path,
) -> Result<Vec<Archive>, LayersError> {
    let names = Names::of(&tree.root);
    let groups = groups(tree.root.packages(), budget);
    let database = tree.root.database();
    let mut layer_of = HashMap::new();
    for (layer, group) in groups.iter().enumerate() {
        layer_of.extend(group.iter().map(|package| (*package, layer)));
    }
    let mut layers = Vec::new();
    for _ in 0..=groups.len() {
        layers.push(Writer::new(names.clone(), scratch)?);
    }
    let mut split = Split {
        top: groups.len(),
        layer_of,
        layers,
        records: records(&database, &groups),
        directories: HashMap::new(),
        files: HashMap::new(),
    };
    let mut spool = tree.spool;
    for placed in tree.root.into_entries() {
        split.place(placed, &mut spool)?;
    }
    split.layers.into_iter().map(Writer::finish).collect()
}

/// The records of each group, in the order of its packages.
fn records(database: &Database, groups: &[Vec<usize>]) -> Vec<Vec<InstalledRecord>> {
    let of_group = |group: &Vec<usize>| {
        let records = group.iter();
        records
            .map(|package| database.records[*package].clone())
            .collect()
    };
    groups.iter().map(of_group).collect()
}

/// A tree on its way into several archives.
struct Split {
    /// The layer for what is of no package.
    top: usize,
    /// By number of package.
    layer_of: HashMap<usize, usize>,
    layers: Vec<Writer>,
    records: Vec<Vec<InstalledRecord>>,
    /// Directories that were passed, for the layers that need them.
    directories: HashMap<EntryPath, Placed<Spooled>>,
    /// Of each file, by its first name, what it is and its first name in each layer that has it.
    files: HashMap<EntryPath, (Placed<Spooled>, HashMap<usize, EntryPath>)>,
}

impl Split {
    fn place(&mut self, mut placed: Placed<Spooled>, spool: &mut Spool) -> Result<(), LayersError> {
        let path = placed.entry.path.clone();
        let owned = matches!(
            placed.entry.kind,
            EntryKind::File { .. } | EntryKind::Hardlink { .. } | EntryKind::Symlink { .. }
        );
        let package = placed.package.filter(|_| owned);
        let layer = package.map_or(self.top, |package| self.layer_of[&package]);
        match &placed.entry.kind {
            EntryKind::Directory => {
                self.directories.insert(path.clone(), placed.clone());
            }
            EntryKind::File { .. } => {
                let names = HashMap::from([(layer, path.clone())]);
                self.files.insert(path.clone(), (placed.clone(), names));
            }
            EntryKind::Hardlink { target } => {
                if let Some((file, names)) = self.files.get_mut(target) {
                    placed.entry = link(&placed.entry, file, names.get(&layer));
                    if matches!(placed.entry.kind, EntryKind::File { .. }) {
                        placed.content.clone_from(&file.content);
                        names.insert(layer, path.clone());
                    }
                }
            }
            _ => {}
        }
        self.write(layer, &placed)?;
        if path.as_str() == INSTALLED {
            self.write_records(&placed, spool)?;
        }
        Ok(())
    }

    fn write(&mut self, layer: usize, placed: &Placed<Spooled>) -> Result<(), LayersError> {
        let writer = &mut self.layers[layer];
        writer.enter(placed, &self.directories)?;
        writer.archive.write(placed)?;
        if placed.entry.kind == EntryKind::Directory {
            writer.open.push(placed.entry.path.clone());
        }
        Ok(())
    }

    /// Gives each layer of packages its part of the database, for those who look into single layers.
    fn write_records(
        &mut self,
        whole: &Placed<Spooled>,
        spool: &mut Spool,
    ) -> Result<(), LayersError> {
        for layer in 0..self.top {
            let records = std::mem::take(&mut self.records[layer]);
            let text = Database { records }.render()?;
            let size = text.len() as u64;
            let content = spool.keep(&mut text.as_bytes(), size)?;
            let mut part = whole.clone();
            part.entry.kind = EntryKind::File { size };
            part.content = Some(content);
            self.write(layer, &part)?;
        }
        Ok(())
    }
}

/// A further name of a file in a layer: a link to its first name there. A link cannot lead into another
/// layer, so the first one is the file itself.
fn link(entry: &Entry, file: &Placed<Spooled>, first: Option<&EntryPath>) -> Entry {
    match first {
        Some(target) => Entry {
            kind: EntryKind::Hardlink {
                target: target.clone(),
            },
            ..entry.clone()
        },
        None => Entry {
            path: entry.path.clone(),
            ..file.entry.clone()
        },
    }
}

/// An archive being written.
struct Writer {
    archive: LayerWriter<HashingWriter<BufWriter<File>>>,
    file: NamedTempFile,
    /// The directories, each in the one before, that the last entry is in and that are written.
    open: Vec<EntryPath>,
}

impl Writer {
    fn new(names: Names, scratch: &Path) -> Result<Self, LayersError> {
        let file = NamedTempFile::new_in(scratch)?;
        let out = BufWriter::with_capacity(1 << 20, file.reopen()?);
        Ok(Self {
            archive: LayerWriter::new(names, HashingWriter::new(out)),
            file,
            open: Vec::new(),
        })
    }

    /// Writes the directories that lead to an entry, where the archive has none of them yet. They have
    /// the entry's time, so that a layer does not depend on what other layers have in them; the top
    /// layer has them with their own.
    fn enter(
        &mut self,
        placed: &Placed<Spooled>,
        directories: &HashMap<EntryPath, Placed<Spooled>>,
    ) -> Result<(), LayersError> {
        let mut needed = Vec::new();
        let mut next = placed.entry.path.parent();
        while let Some(directory) = next {
            next = directory.parent();
            needed.push(directory);
        }
        needed.reverse();
        let same = needed.iter().zip(&self.open);
        let same = same.take_while(|(one, other)| one == other).count();
        self.open.truncate(same);
        for directory in needed.split_off(same) {
            if let Some(known) = directories.get(&directory) {
                let mut known = known.clone();
                known.mtime = placed.mtime;
                self.archive.write(&known)?;
            }
            self.open.push(directory);
        }
        Ok(())
    }

    fn finish(self) -> Result<Archive, LayersError> {
        let out = self.archive.finish()?;
        Ok(Archive {
            diff_id: out.digest(),
            file: self.file,
        })
    }
}
