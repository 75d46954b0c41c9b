//! Layers that are erofs images.
//!
//! Source: the draft erofs-image-spec (3.6): what takes something away is as overlayfs has it, a character
//! device 0:0 in the place of what goes, and the attribute `trusted.overlay.opaque` at a directory for
//! everything that lower layers have in it. Names that begin with `.wh.` mean nothing there (8.1).

use super::{DATABASES, Inventory, InventoryError, LAYER_LIMIT, Seen, SeenKind};
use bessemer_erofs::{Found, FoundKind, Reader, Source};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

const OPAQUE: &[u8] = b"trusted.overlay.opaque";

/// A layer that is read in any order.
struct Layer<L>(RefCell<L>);

impl<L: Read + Seek> Source for Layer<L> {
    fn size(&self) -> io::Result<u64> {
        self.0.borrow_mut().seek(SeekFrom::End(0))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut layer = self.0.borrow_mut();
        layer.seek(SeekFrom::Start(offset))?;
        layer.read_exact(buffer)
    }
}

impl Inventory {
    /// Applies an image on top. A layer below is needed for something to be taken away: an image alone is
    /// mounted alone, and has what it has.
    pub(super) fn add_erofs(
        &mut self,
        number: usize,
        layer: impl Read + Seek,
    ) -> Result<(), InventoryError> {
        let layer = Layer(RefCell::new(layer));
        let mut reader = Reader::open(&layer)?;
        // By inode: what the file is, and its first name.
        let mut files: HashMap<u64, (SeenKind, String)> = HashMap::new();
        let mut bytes = 0;
        while let Some(found) = reader.next_found()? {
            self.counted()?;
            let path = String::from_utf8_lossy(&found.path).into_owned();
            let mut same = None;
            let kind = match &found.kind {
                FoundKind::Directory => {
                    let opaque = number > 0 && is_opaque(&mut reader, &found)?;
                    if opaque {
                        self.empty(&path, number);
                    }
                    if path.is_empty() {
                        continue;
                    }
                    SeenKind::Directory
                }
                FoundKind::File(content) => {
                    let known = files.get(&found.inode);
                    same = known.map(|(_, first)| first.clone());
                    // The text of the database is kept under its own name, even if that is a second one.
                    let known = known.filter(|_| !DATABASES.contains(&path.as_str()));
                    if let Some((kind, _)) = known {
                        kind.clone()
                    } else {
                        bytes += content.size();
                        if bytes > LAYER_LIMIT {
                            return Err(InventoryError::TooLarge);
                        }
                        let from = reader.content(content);
                        let kind = self.file(&path, content.size(), found.mode, from)?;
                        let first = (kind.clone(), path.clone());
                        files.entry(found.inode).or_insert(first);
                        kind
                    }
                }
                FoundKind::Symlink(target) => {
                    SeenKind::Link(String::from_utf8_lossy(target).into_owned())
                }
                FoundKind::CharDevice(0, 0) if number > 0 => {
                    self.take_away(&path, number);
                    continue;
                }
                _ => SeenKind::Device,
            };
            let layer = number;
            self.put(path, Seen { layer, kind, same });
        }
        Ok(())
    }
}

fn is_opaque<S: Source + ?Sized>(
    reader: &mut Reader<'_, S>,
    found: &Found,
) -> Result<bool, InventoryError> {
    let attributes = reader.attributes(found)?;
    Ok(attributes.get(OPAQUE).is_some_and(|value| value == b"y"))
}

#[cfg(test)]
mod tests;
