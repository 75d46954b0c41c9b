//! What became of a tree on a disk.

use bessemer_apk::EntryPath;

/// What was made, and what this process was not allowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Names that were made.
    pub entries: u64,
    /// Entries that belong to whoever ran this instead of their owner and group; their setuid and
    /// setgid bits are not set either.
    pub owners: Left,
    /// Devices that were not made.
    pub devices: Left,
    /// Entries without some of their extended attributes.
    pub attributes: Left,
}

/// What was left undone: how often, and where first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// How many entries.
    pub count: u64,
    /// The first of them.
    pub first: Option<EntryPath>,
}

impl Left {
    pub(super) fn add(&mut self, path: &EntryPath) {
        self.count += 1;
        self.first.get_or_insert_with(|| path.clone());
    }
}
