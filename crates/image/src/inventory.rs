//! What the layers of a finished image hold together, file by file. The image may be a stranger's.
//!
//! Source: OCI image specification 1.1, `layer.md`: layers are applied from the bottom; `.wh.NAME` takes NAME away,
//! `.wh..wh..opq` everything that lower layers have in that directory.

use bessemer_digest::{Digest, HashingReader};
use flate2::read::MultiGzDecoder;
use sha1::{Digest as _, Sha1};
use std::collections::HashMap;
use std::io::{self, Read};
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
    entries: HashMap<String, Seen>,
    database: Option<Vec<u8>>,
}

/// One thing in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The number of the layer that it is from, the lowest being 0.
    pub layer: usize,
    /// What it is.
    pub kind: SeenKind,
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
    /// Another name of a file.
    Same(String),
    /// A directory or device.
    Other,
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
}

impl Inventory {
    /// Applies the next layer on top.
    pub fn add(
        &mut self,
        number: usize,
        media_type: &str,
        layer: impl Read,
    ) -> Result<(), InventoryError> {
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
            self.enter(number, entry?)?;
            if self.entries.len() > ENTRIES_LIMIT {
                return Err(InventoryError::TooMany);
            }
        }
        if archive.into_inner().limit() == 0 {
            return Err(InventoryError::TooLarge);
        }
        Ok(())
    }

    fn enter(&mut self, layer: usize, entry: Entry<'_, impl Read>) -> Result<(), InventoryError> {
        let Some(path) = plain(&String::from_utf8_lossy(&entry.path_bytes())) else {
            return Ok(());
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == ".wh..wh..opq" {
            let below = |path: &str| folder.is_empty() || is_below(path, folder);
            self.entries
                .retain(|path, seen| seen.layer == layer || !below(path));
            return Ok(());
        }
        if let Some(name) = name.strip_prefix(".wh.") {
            let gone = match folder {
                "" => name.to_owned(),
                folder => format!("{folder}/{name}"),
            };
            self.entries
                .retain(|path, _| *path != gone && !is_below(path, &gone));
            return Ok(());
        }
        let kind = self.kind(&path, entry)?;
        if !matches!(kind, SeenKind::Other) {
            // What takes the place of a directory takes away what was in it; that is rare, so it is looked for
            // only where there was one.
            let was = self.entries.get(&path);
            if was.is_some_and(|was| was.kind == SeenKind::Other) {
                self.entries.retain(|other, _| !is_below(other, &path));
            }
        }
        self.entries.insert(path, Seen { layer, kind });
        Ok(())
    }

    fn kind(&mut self, path: &str, mut entry: Entry<'_, impl Read>) -> io::Result<SeenKind> {
        let target = |entry: &Entry<'_, _>| {
            let target = entry.link_name_bytes();
            String::from_utf8_lossy(&target.unwrap_or_default()).into_owned()
        };
        match entry.header().entry_type() {
            EntryType::Symlink => Ok(SeenKind::Link(target(&entry))),
            EntryType::Link => Ok(SeenKind::Same(plain(&target(&entry)).unwrap_or_default())),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let (size, mode) = (entry.size(), entry.header().mode()?);
                let mut hashing = HashingReader::new(&mut entry);
                let mut sha1 = Sha1::new();
                if DATABASES.contains(&path) && size <= DATABASE_LIMIT {
                    let mut text = Vec::new();
                    hashing.read_to_end(&mut text)?;
                    sha1.update(&text);
                    self.database = Some(text);
                } else {
                    io::copy(&mut hashing, &mut sha1)?;
                }
                Ok(SeenKind::File {
                    size,
                    mode,
                    sha256: hashing.digest(),
                    sha1: sha1.finalize().into(),
                })
            }
            _ => Ok(SeenKind::Other),
        }
    }

    /// apk's database of installed packages, as the topmost layer has it that has one.
    pub fn database(&self) -> Option<&[u8]> {
        self.database.as_deref()
    }

    /// What a path leads to, symbolic links followed within the image; nothing if it leads nowhere.
    pub fn reach(&self, path: &str) -> Option<Reached> {
        let mut rest: Vec<String> = parts(path);
        rest.reverse();
        let (mut here, mut links): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(part) = rest.pop() {
            if part == ".." {
                here.pop();
                continue;
            }
            here.push(part);
            let at = here.join("/");
            match self.entries.get(&at).map(|seen| &seen.kind) {
                Some(SeenKind::Link(target)) => {
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
                Some(SeenKind::Same(target)) if rest.is_empty() => {
                    links += 1;
                    if links > LINKS_LIMIT {
                        return None;
                    }
                    here.clear();
                    rest.extend(parts(target).into_iter().rev());
                }
                // A directory that only files in it show to be there.
                _ => {}
            }
        }
        let path = here.join("/");
        let seen = self.entries.get(&path)?.clone();
        Some(Reached { path, seen })
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

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write as _;
    use tar::{Builder, Header};

    const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

    /// `path` with content, `path -> target`, `path => target` (hard link), `path/`.
    fn layer(lines: &[&str]) -> Vec<u8> {
        let mut archive = Builder::new(Vec::new());
        for line in lines {
            let mut header = Header::new_gnu();
            header.set_mode(0o755);
            header.set_size(0);
            if let Some((path, target)) = line.split_once(" -> ") {
                header.set_entry_type(EntryType::Symlink);
                archive.append_link(&mut header, path, target).unwrap();
            } else if let Some((path, target)) = line.split_once(" => ") {
                header.set_entry_type(EntryType::Link);
                archive.append_link(&mut header, path, target).unwrap();
            } else if line.ends_with('/') {
                header.set_entry_type(EntryType::Directory);
                archive.append_data(&mut header, line, io::empty()).unwrap();
            } else {
                let (path, content) = line.split_once(' ').unwrap_or((line, ""));
                header.set_size(content.len() as u64);
                archive
                    .append_data(&mut header, path, content.as_bytes())
                    .unwrap();
            }
        }
        archive.into_inner().unwrap()
    }

    fn inventory(layers: &[&[&str]]) -> Inventory {
        let mut inventory = Inventory::default();
        for (number, lines) in layers.iter().enumerate() {
            inventory.add(number, TAR, &layer(lines)[..]).unwrap();
        }
        inventory
    }

    /// `PATH@LAYER` and the content that is expected there.
    fn reached(inventory: &Inventory, path: &str) -> Option<(String, Option<Digest>)> {
        let reached = inventory.reach(path)?;
        let digest = match reached.seen.kind {
            SeenKind::File { sha256, .. } => Some(sha256),
            _ => None,
        };
        Some((format!("{}@{}", reached.path, reached.seen.layer), digest))
    }

    #[test]
    fn upper_layers_replace_and_take_away() {
        let found = inventory(&[
            &[
                "etc/",
                "etc/a one",
                "etc/b two",
                "opt/x/y old",
                "var/z old",
                "bin/sh first",
            ],
            &[
                "etc/a three",
                "etc/.wh.b",
                "opt/.wh.x",
                "var/.wh..wh..opq",
                "var/new new",
            ],
        ]);
        let file = |path: &str, content: &str| Some((path.to_owned(), Some(Digest::of(content))));
        assert_eq!(reached(&found, "/etc/a"), file("etc/a@1", "three"));
        assert_eq!(reached(&found, "/bin/sh"), file("bin/sh@0", "first"));
        assert_eq!(reached(&found, "/var/new"), file("var/new@1", "new"));
        for gone in ["/etc/b", "/opt/x/y", "/var/z", "/etc/.wh.b", "/nothing"] {
            assert_eq!(reached(&found, gone), None, "{gone}");
        }
    }

    #[test]
    fn links_are_followed_within_the_image() {
        let found = inventory(&[&[
            "usr/bin/tool content",
            "bin -> usr/bin",
            "usr/bin/other -> /bin/tool",
            "usr/bin/up -> ../../../../usr/bin/tool",
            "same => usr/bin/tool",
            "loop -> loop",
            "self => self",
        ]]);
        let expected = Some(("usr/bin/tool@0".to_owned(), Some(Digest::of("content"))));
        for path in [
            "/bin/tool",
            "bin/other",
            "/usr/bin/up",
            "/same",
            "/./bin//tool",
        ] {
            assert_eq!(reached(&found, path), expected, "{path}");
        }
        assert_eq!(reached(&found, "/loop"), None);
        assert_eq!(reached(&found, "/self"), None);
    }

    #[test]
    fn compressed_layers_and_the_database_are_read() {
        let plain = layer(&["usr/lib/apk/db/installed P:a", "lib -> usr/lib"]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        let layers = [
            ("gzip", gzip.finish().unwrap()),
            ("zstd", zstd::encode_all(&plain[..], 1).unwrap()),
        ];
        for (kind, bytes) in layers {
            let mut found = Inventory::default();
            found.add(0, &format!("{TAR}+{kind}"), &bytes[..]).unwrap();
            assert_eq!(found.database(), Some(&b"P:a"[..]));
            assert!(found.reach("/lib/apk/db/installed").is_some());
        }
        let error = Inventory::default().add(0, "application/octet-stream", io::empty());
        assert!(matches!(error, Err(InventoryError::MediaType(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut found = Inventory::default();
            let _ = found.add(0, TAR, &bytes[..]);
        }

        #[test]
        fn no_path_panics(path in "[a./]{0,12}", target in "[a./]{0,6}") {
            let found = inventory(&[&["a/a x", &format!("a/b -> {}", if target.is_empty() { "." } else { &target })]]);
            let _ = found.reach(&path);
            let _ = found.reach(&format!("{path}/a/b/{path}"));
        }
    }
}
