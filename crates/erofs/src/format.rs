//! Fixed-size structures of the on-disk format (Linux `fs/erofs/erofs_fs.h`), little-endian.

/// Bytes in a block.
pub const BLOCK_SIZE: u64 = 4096;

/// `BLOCK_SIZE` as a length in memory.
pub(crate) const BLOCK: usize = 4096;
/// An inode's number is its offset in the metadata area in units of this many bytes.
pub(crate) const SLOT: u64 = 32;
/// Bytes of an extended inode.
pub(crate) const INODE: usize = 64;
/// Bytes of a directory entry without its name.
pub(crate) const DIRENT: usize = 12;

const SUPERBLOCK_OFFSET: usize = 1024;
const MAGIC: u32 = 0xE0F5_E1E2;
const BLOCK_BITS: u8 = 12;
/// `EROFS_FEATURE_COMPAT_SB_CHKSUM`.
const SUPERBLOCK_CHECKSUM: u32 = 1;
/// `EROFS_FEATURE_COMPAT_MTIME`: inode times are modification times.
const MODIFICATION_TIMES: u32 = 2;

/// `i_format` of an extended inode with plain data.
const EXTENDED_PLAIN: u16 = 1;
/// `i_format` of an extended inode with its data's tail (here: all of it) behind the inode.
const EXTENDED_INLINE: u16 = 1 | (2 << 1);

/// The type bits of a mode and the type byte of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileType {
    Regular,
    Directory,
    CharDevice,
    BlockDevice,
    Fifo,
    Symlink,
}

impl FileType {
    /// `S_IFMT` bits.
    pub(crate) const fn mode(self) -> u16 {
        match self {
            Self::Fifo => 0o010_000,
            Self::CharDevice => 0o020_000,
            Self::Directory => 0o040_000,
            Self::BlockDevice => 0o060_000,
            Self::Regular => 0o100_000,
            Self::Symlink => 0o120_000,
        }
    }

    /// `EROFS_FT_*`.
    pub(crate) const fn dirent(self) -> u8 {
        match self {
            Self::Regular => 1,
            Self::Directory => 2,
            Self::CharDevice => 3,
            Self::BlockDevice => 4,
            Self::Fifo => 5,
            Self::Symlink => 7,
        }
    }
}

/// Where an inode's data is (`i_format`'s layout and the `i_u` field).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataLayout {
    /// Consecutive blocks from this one on.
    Plain(u32),
    /// Directly behind the inode.
    Inline,
    /// No data, but a device number.
    Device(u32),
}

/// `struct erofs_inode_extended`.
#[derive(Debug)]
pub(crate) struct InodeRecord {
    pub(crate) layout: DataLayout,
    pub(crate) xattr_count: u16,
    pub(crate) mode: u16,
    pub(crate) size: u64,
    pub(crate) serial: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: u64,
    pub(crate) links: u32,
}

impl InodeRecord {
    pub(crate) fn encode(&self) -> [u8; INODE] {
        let (format, position) = match self.layout {
            DataLayout::Plain(block) => (EXTENDED_PLAIN, block),
            DataLayout::Inline => (EXTENDED_INLINE, 0),
            DataLayout::Device(number) => (EXTENDED_PLAIN, number),
        };
        let mut bytes = [0; INODE];
        put(&mut bytes, 0, &format.to_le_bytes());
        put(&mut bytes, 2, &self.xattr_count.to_le_bytes());
        put(&mut bytes, 4, &self.mode.to_le_bytes());
        put(&mut bytes, 8, &self.size.to_le_bytes());
        put(&mut bytes, 16, &position.to_le_bytes());
        put(&mut bytes, 20, &self.serial.to_le_bytes());
        put(&mut bytes, 24, &self.uid.to_le_bytes());
        put(&mut bytes, 28, &self.gid.to_le_bytes());
        put(&mut bytes, 32, &self.mtime.to_le_bytes());
        put(&mut bytes, 44, &self.links.to_le_bytes());
        bytes
    }
}

/// `struct erofs_super_block`.
#[derive(Debug)]
pub(crate) struct Superblock {
    pub(crate) root: u16,
    pub(crate) inodes: u64,
    pub(crate) mtime: u64,
    pub(crate) blocks: u32,
    pub(crate) metadata_block: u32,
    pub(crate) uuid: [u8; 16],
}

impl Superblock {
    /// The image's first block, in which the superblock lies at offset 1024.
    pub(crate) fn encode(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let bytes = &mut block[SUPERBLOCK_OFFSET..];
        put(bytes, 0, &MAGIC.to_le_bytes());
        put(
            bytes,
            8,
            &(SUPERBLOCK_CHECKSUM | MODIFICATION_TIMES).to_le_bytes(),
        );
        bytes[12] = BLOCK_BITS;
        put(bytes, 14, &self.root.to_le_bytes());
        put(bytes, 16, &self.inodes.to_le_bytes());
        put(bytes, 24, &self.mtime.to_le_bytes());
        put(bytes, 36, &self.blocks.to_le_bytes());
        put(bytes, 40, &self.metadata_block.to_le_bytes());
        put(bytes, 48, &self.uuid);
        let checksum = crc32c(bytes);
        put(bytes, 4, &checksum.to_le_bytes());
        block
    }
}

/// Linux's device number as stored: 12 bits of major, 20 of minor (`new_encode_dev`).
pub(crate) const fn device_number(major: u32, minor: u32) -> Option<u32> {
    if major >= 1 << 12 || minor >= 1 << 20 {
        return None;
    }
    Some((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

/// CRC-32C (Castagnoli) as Linux computes it: seeded with all ones, not inverted at the end.
fn crc32c(bytes: &[u8]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82F6_3B78;
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (REVERSED_POLYNOMIAL * (crc & 1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_standard_check_string() {
        assert_eq!(!crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn device_numbers() {
        let cases = [
            ((1, 3), Some(0x103)),
            ((8, 0x1_2345), Some(0x1230_0845)),
            ((4095, 0xf_ffff), Some(u32::MAX)),
            ((4096, 0), None),
            ((0, 1 << 20), None),
        ];
        for ((major, minor), number) in cases {
            assert_eq!(device_number(major, minor), number, "{major}:{minor}");
        }
    }
}
