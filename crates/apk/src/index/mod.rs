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
pub use parse::ParseIndexError;
pub(crate) use parse::{MAX_LINE, NAMES_PER_ENTRY, checked, set_value};
pub use render::RenderIndexError;
pub(crate) use render::render_installed;

/// A repository's packages, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    /// Free text about the repository.
    pub description: String,
    /// The packages.
    pub entries: Vec<IndexEntry>,
}

impl Index {
    /// Puts `entry` in the place of the one with the same name and version, or at the end.
    pub fn merge(&mut self, entry: IndexEntry) {
        let same = |other: &&mut IndexEntry| {
            other.name == entry.name && other.version.as_str() == entry.version.as_str()
        };
        match self.entries.iter_mut().find(same) {
            Some(previous) => *previous = entry,
            None => self.entries.push(entry),
        }
    }
}
