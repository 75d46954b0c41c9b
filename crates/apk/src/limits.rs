//! How much of a stranger's file is read before it is refused.

const MIB: u64 = 1 << 20;

/// Upper bounds while reading packages and indexes; all sizes in bytes, after decompression.
/// A member's compressed size is held to the same bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The signature member.
    pub signature: u64,
    /// The control member.
    pub control: u64,
    /// The data member.
    pub data: u64,
    /// The text of an index.
    pub index: u64,
    /// Entries in one archive.
    pub entries: u64,
    /// Packages in one index. Each takes about 2.5 KiB of memory until it is solved; the largest
    /// real indexes have some 100,000.
    pub packages: u64,
    /// Paths, link targets and extended attributes of a data member, summed over its entries: a
    /// reader keeps the paths until the end, to notice one that comes twice, and most callers keep
    /// all of it.
    pub metadata: u64,
}

impl Default for Limits {
    /// The bounds that apko uses for control, data and index; 1 MiB of signatures, 1,000,000
    /// entries, 500,000 packages and 64 MiB of paths, link targets and attributes.
    fn default() -> Self {
        Self {
            signature: MIB,
            control: 10 * MIB,
            data: 16 * 1024 * MIB,
            index: 300 * MIB,
            entries: 1_000_000,
            packages: 500_000,
            metadata: 64 * MIB,
        }
    }
}
