//! Indexes: the list of a repository's packages, signed as a whole.
//!
//! `APKINDEX.tar.gz` is a signature member (optional) and a member with the files `APKINDEX` and
//! `DESCRIPTION`. What is signed is every byte after the signature member.

mod archive;
mod entry;
mod parse;
mod render;

pub use archive::{IndexArchive, IndexError, read_index, write_index};
pub use entry::IndexEntry;
pub(crate) use entry::names;
pub use parse::ParseIndexError;
pub(crate) use parse::{MAX_LINE, NAMES_PER_ENTRY, checked, is_component, set_value};
pub use render::RenderIndexError;
pub(crate) use render::render_installed;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A repository's packages, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Free text about the repository.
    pub description: String,
    /// The packages.
    pub entries: Vec<IndexEntry>,
}

impl Extend<IndexEntry> for Index {
    /// Puts each entry in the place of the first with the same name and version, or at the end.
    fn extend<I: IntoIterator<Item = IndexEntry>>(&mut self, entries: I) {
        let identity = |entry: &IndexEntry| (entry.name.clone(), entry.version.as_str().to_owned());
        let mut places = HashMap::new();
        for (place, entry) in self.entries.iter().enumerate() {
            places.entry(identity(entry)).or_insert(place);
        }
        for entry in entries {
            match places.entry(identity(&entry)) {
                Entry::Occupied(place) => self.entries[*place.get()] = entry,
                Entry::Vacant(place) => {
                    place.insert(self.entries.len());
                    self.entries.push(entry);
                }
            }
        }
    }
}
