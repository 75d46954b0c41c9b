//! What the layers of a finished image hold together, file by file. The image may be a stranger's.
//!
//! Source: OCI image specification 1.1, `layer.md`: layers are applied from the bottom; `.wh.NAME` takes NAME away,
//! `.wh..wh..opq` everything that lower layers have in that directory. Layers that are erofs images: [`erofs`].

mod erofs;

use crate::layers::Encoding;
use bessemer_digest::{Digest, HashingReader};
use flate2::read::MultiGzDecoder;
use sha1::{Digest as _, Sha1};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read, Seek};
use tar::{Archive, Entry, EntryType};

/// Most bytes of one layer after decompression (32 GiB).
const LAYER_LIMIT: u64 = 32 << 30;
/// Most entries of all layers.
const ENTRIES_LIMIT: usize = 4_000_000;
/// Most bytes of apk's database.
const DATABASE_LIMIT: u64 = 256 << 20;
/// Most symbolic links on the way to a file.
const LINKS_LIMIT: usize = 40;
/// Where apk's database is, with `/lib` as a directory of its own and merged into `/usr`.
const DATABASES: [&str; 2] = ["usr/lib/apk/db/installed", "lib/apk/db/installed"];

/// Everything in an image, by path without the slash at its beginning.
#[derive(Debug, Default)]
pub struct Inventory {
    /// In order, so that what is below a directory stands together.
    entries: BTreeMap<String, Seen>,
    /// Headers that were read.
    count: usize,
    /// Folders that a layer emptied of what is below it.
    opaque: HashSet<(usize, String)>,
    /// What was last written to each place that is apk's database, with its digest.
    databases: HashMap<String, (Digest, Vec<u8>)>,
}

/// One thing in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The number of the layer that it is from, the lowest being 0.
    pub layer: usize,
    /// What it is.
    pub kind: SeenKind,
    /// The path of the file that it is another name of, as the layer has it.
    pub same: Option<String>,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeenKind {
    /// A regular file.
    File {
        /// Bytes.
        size: u64,
        /// Permission bits.
        mode: u32,
        /// Digest of the content.
        sha256: Digest,
        /// The digest that apk's database has.
        sha1: [u8; 20],
    },
    /// A symbolic link.
    Link(String),
    /// A directory, also one that only what is in it shows to be there.
    Directory,
    /// A device or named pipe.
    Device,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The path without symbolic links, without the slash at its beginning.
    pub path: String,
    /// What is there.
    pub seen: Seen,
}

/// Why a layer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// No archive of a known kind.
    #[error("the layer cannot be read")]
    Read(#[from] io::Error),
    /// A kind that is not known.
    #[error("a layer of the media type `{0}` cannot be read")]
    MediaType(String),
    /// More than is read.
    #[error("the image has more than {ENTRIES_LIMIT} entries")]
    TooMany,
    /// More than is read.
    #[error("the layer has more than {LAYER_LIMIT} bytes")]
    TooLarge,
    /// No erofs image, or one with what is not read.
    #[error("the layer cannot be read")]
    Erofs(#[from] bessemer_erofs::ReadError),
}

impl Inventory {
    /// Applies the next layer on top, which begins where `layer` stands.
    pub fn add(
        &mut self,
        number: usize,
        media_type: &str,
        layer: impl Read + Seek,
    ) -> Result<(), InventoryError> {
        if Encoding::of(media_type) == Some(Encoding::Erofs) {
            return self.add_erofs(number, layer);
        }
        let unpacked: Box<dyn Read + '_> = match media_type.rsplit_once(['+', '.']) {
            Some((_, "gzip")) => Box::new(MultiGzDecoder::new(layer)),
            Some((_, "zstd")) => Box::new(zstd::Decoder::new(layer)?),
            Some((_, "tar")) => Box::new(layer),
            _ => {
                return Err(InventoryError::MediaType(
                    media_type.chars().take(100).collect(),
                ));
            }
        };
        let mut archive = Archive::new(unpacked.take(LAYER_LIMIT));
        for entry in archive.entries()? {
            self.counted()?;
            self.enter(number, entry?)?;
        }
        if archive.into_inner().limit() == 0 {
            return Err(InventoryError::TooLarge);
        }
        Ok(())
    }

    fn counted(&mut self) -> Result<(), InventoryError> {
        self.count += 1;
        if self.count > ENTRIES_LIMIT {
            return Err(InventoryError::TooMany);
        }
        Ok(())
    }

    fn enter(&mut self, layer: usize, entry: Entry<'_, impl Read>) -> Result<(), InventoryError> {
        let Some(path) = plain(&String::from_utf8_lossy(&entry.path_bytes())) else {
            return Ok(());
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == ".wh..wh..opq" {
            // Once is enough: a layer takes nothing of its own away.
            if self.opaque.insert((layer, folder.to_owned())) {
                self.empty(folder, layer);
            }
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(".wh.") {
            self.take_away(&joined(folder, name), layer);
            return Ok(());
        }
        let Some((kind, same)) = self.kind(&path, entry)? else {
            // No unpacker makes another name of what is not there.
            self.entries.remove(&path);
            return Ok(());
        };
        self.put(path, Seen { layer, kind, same });
        Ok(())
    }

    fn put(&mut self, path: String, seen: Seen) {
        if seen.kind != SeenKind::Directory {
            // What takes the place of a directory takes away what was in it.
            self.empty(&path, usize::MAX);
        }
        self.entries.insert(path, seen);
    }

    /// Takes away what layers below this one have at a path, and everything in it.
    fn take_away(&mut self, path: &str, layer: usize) {
        self.empty(path, layer);
        let seen = self.entries.get(path);
        if seen.is_some_and(|seen| seen.layer < layer) {
            self.entries.remove(path);
        }
    }

    /// Takes away everything in a directory that layers below this one have.
    fn empty(&mut self, folder: &str, layer: usize) {
        let below = self.below(folder);
        let below = below.filter(|(_, seen)| seen.layer < layer);
        let gone: Vec<String> = below.map(|(path, _)| path.clone()).collect();
        for path in gone {
            self.entries.remove(&path);
        }
    }

    /// Everything in a directory, the root being the empty path.
    fn below(&self, folder: &str) -> impl Iterator<Item = (&String, &Seen)> {
        let start = joined(folder, "");
        let from = self.entries.range(start.clone()..);
        from.take_while(move |(path, _)| path.starts_with(&start))
    }

    /// What an entry is, and what it is another name of; nothing for another name of nothing.
    fn kind(
        &mut self,
        path: &str,
        mut entry: Entry<'_, impl Read>,
    ) -> io::Result<Option<(SeenKind, Option<String>)>> {
        let target = |entry: &Entry<'_, _>| {
            let target = entry.link_name_bytes();
            String::from_utf8_lossy(&target.unwrap_or_default()).into_owned()
        };
        let kind = match entry.header().entry_type() {
            EntryType::Symlink => SeenKind::Link(target(&entry)),
            EntryType::Link => return Ok(self.same(&target(&entry))),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let (size, mode) = (entry.size(), entry.header().mode()?);
                self.file(path, size, mode, &mut entry)?
            }
            EntryType::Directory => SeenKind::Directory,
            _ => SeenKind::Device,
        };
        Ok(Some((kind, None)))
    }

    /// What a hard link shares with its target. The target stays what it is when a later entry takes its name.
    fn same(&self, target: &str) -> Option<(SeenKind, Option<String>)> {
        let target = plain(target)?;
        let (folder, name) = target.rsplit_once('/').unwrap_or(("", &target));
        let path = joined(&self.resolve(folder)?, name);
        let kind = self.entries.get(&path)?.kind.clone();
        (kind != SeenKind::Directory).then_some((kind, Some(path)))
    }

    fn file(
        &mut self,
        path: &str,
        size: u64,
        mode: u32,
        content: impl Read,
    ) -> io::Result<SeenKind> {
        let mut hashing = HashingReader::new(content);
        let mut sha1 = Sha1::new();
        let mut text = None;
        if DATABASES.contains(&path) && size <= DATABASE_LIMIT {
            let text = text.insert(Vec::new());
            hashing.read_to_end(text)?;
            sha1.update(text);
        } else {
            io::copy(&mut hashing, &mut sha1)?;
        }
        let sha256 = hashing.digest();
        if let Some(text) = text {
            self.databases.insert(path.to_owned(), (sha256, text));
        }
        Ok(SeenKind::File {
            size,
            mode,
            sha256,
            sha1: sha1.finalize().into(),
        })
    }

    /// apk's database of installed packages, where the finished image has one: in `/usr` first, as apk reads it.
    pub fn database(&self) -> Option<&[u8]> {
        let reached = DATABASES.iter().find_map(|path| self.reach(path))?;
        let SeenKind::File { sha256, .. } = reached.seen.kind else {
            return None;
        };
        let mut texts = self.databases.values();
        let (_, text) = texts.find(|(digest, _)| *digest == sha256)?;
        Some(text)
    }

    /// What a path leads to, symbolic links followed within the image; nothing if it leads nowhere.
    pub fn reach(&self, path: &str) -> Option<Reached> {
        let path = self.resolve(path)?;
        let seen = self.entries.get(&path).cloned();
        let seen = seen.or_else(|| self.implied(&path))?;
        Some(Reached { path, seen })
    }

    /// A directory that only what is in it shows to be there; the root always is.
    fn implied(&self, path: &str) -> Option<Seen> {
        let lowest = self.below(path).map(|(_, seen)| seen.layer).min();
        Some(Seen {
            layer: lowest.or(path.is_empty().then_some(0))?,
            kind: SeenKind::Directory,
            same: None,
        })
    }

    /// Where a path leads, symbolic links followed within the image, whether or not anything is there: without the
    /// slash at its beginning, empty for the root. Nothing if links lead in a circle.
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut rest: Vec<String> = parts(path);
        rest.reverse();
        let (mut here, mut links): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(part) = rest.pop() {
            if part == ".." {
                here.pop();
                continue;
            }
            here.push(part);
            let seen = self.entries.get(&here.join("/"));
            let Some(SeenKind::Link(target)) = seen.map(|seen| &seen.kind) else {
                continue;
            };
            links += 1;
            if links > LINKS_LIMIT {
                return None;
            }
            here.pop();
            if target.starts_with('/') {
                here.clear();
            }
            rest.extend(parts(target).into_iter().rev());
        }
        Some(here.join("/"))
    }
}

fn joined(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

fn parts(path: &str) -> Vec<String> {
    let parts = path.split('/');
    let parts = parts.filter(|part| !part.is_empty() && *part != ".");
    parts.map(str::to_owned).collect()
}

/// A path in an archive, without `./` and slashes at its ends; nothing for the root and for what leads out.
fn plain(path: &str) -> Option<String> {
    let parts = parts(path);
    let inside = !parts.is_empty() && !parts.iter().any(|part| part == "..");
    inside.then(|| parts.join("/"))
}

#[cfg(test)]
mod tests;
