//! Bounds on what a hostile archive may make us read, keep or allocate.

/// Bounds applied while an archive is scanned; exceeding one is an error, never a truncation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most entries, headers of extensions (PAX, GNU long names) included.
    pub entries: u64,
    /// Most bytes of file contents, summed over all entries.
    pub total_size: u64,
    /// Most bytes of names and attributes kept in memory, summed over all entries and over the
    /// directories they imply.
    pub metadata: u64,
    /// Most bytes in one path or one link target.
    pub path: usize,
    /// Most bytes in one component of a path.
    pub name: usize,
    /// Most bytes in one extension header (PAX records or a GNU long name).
    pub extension: u64,
}

impl Default for Limits {
    /// A million entries, 64 GiB of contents, 1 GiB of names and attributes, Linux's `PATH_MAX` and
    /// `NAME_MAX`, 1 MiB of extension headers for one entry.
    fn default() -> Self {
        Self {
            entries: 1_000_000,
            total_size: 64 << 30,
            metadata: 1 << 30,
            path: 4095,
            name: 255,
            extension: 1 << 20,
        }
    }
}
