//! A strict reader of the written structure; it shares no code with the writer and panics on
//! anything that is out of place.

use std::collections::BTreeMap;

const BLOCK: usize = 4096;

/// What the image says about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: u64,
    pub(crate) links: u32,
    pub(crate) device: u32,
    pub(crate) content: Vec<u8>,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
    /// Distinguishes inodes: equal numbers are hard links.
    pub(crate) number: u64,
}

/// Reads a whole image: nodes by path, the root as the empty path.
pub(crate) fn read(image: &[u8]) -> BTreeMap<Vec<u8>, Found> {
    let image = Image::open(image);
    let mut nodes = BTreeMap::new();
    let mut pending = vec![(Vec::new(), image.root, image.root)];
    while let Some((path, number, parent)) = pending.pop() {
        let found = image.inode(number);
        if found.mode >> 12 == 0o4 {
            for (name, child, file_type) in entries(&found.content) {
                match name.as_slice() {
                    b"." => assert_eq!(child, number),
                    b".." => assert_eq!(child, parent),
                    name => {
                        assert_eq!(file_type, dirent_type(image.inode(child).mode));
                        let separator = if path.is_empty() { &b""[..] } else { b"/" };
                        pending.push(([&path, separator, name].concat(), child, number));
                    }
                }
            }
        }
        assert!(nodes.insert(path, found).is_none());
    }
    let inodes: std::collections::BTreeSet<_> = nodes.values().map(|node| node.number).collect();
    assert_eq!(inodes.len() as u64, image.inodes);
    nodes
}

struct Image<'a> {
    bytes: &'a [u8],
    root: u64,
    inodes: u64,
    metadata: usize,
}

impl<'a> Image<'a> {
    fn open(bytes: &'a [u8]) -> Self {
        assert!(bytes[..1024].iter().all(|byte| *byte == 0));
        let superblock = &bytes[1024..BLOCK];
        assert_eq!(u32_at(superblock, 0), 0xE0F5_E1E2);
        let mut unsigned = superblock.to_vec();
        unsigned[4..8].fill(0);
        assert_eq!(u32_at(superblock, 4), crc32c(&unsigned));
        assert_eq!(u32_at(superblock, 8), 3, "checksum and modification times");
        assert_eq!(superblock[12], 12, "block bits");
        assert_eq!(u32_at(superblock, 36) as usize * BLOCK, bytes.len());
        assert!(
            superblock[80..].iter().all(|byte| *byte == 0),
            "incompatible features"
        );
        Self {
            bytes,
            root: u16_at(superblock, 14).into(),
            inodes: u64_at(superblock, 16),
            metadata: u32_at(superblock, 40) as usize * BLOCK,
        }
    }

    fn inode(&self, number: u64) -> Found {
        let start = self.metadata + usize::try_from(number).unwrap() * 32;
        let record = &self.bytes[start..start + 64];
        let mode = u16_at(record, 4);
        let size = usize::try_from(u64_at(record, 8)).unwrap();
        let xattr_size = match usize::from(u16_at(record, 2)) {
            0 => 0,
            count => 12 + (count - 1) * 4,
        };
        let behind = start + 64 + xattr_size;
        let position = u32_at(record, 16);
        let is_device = matches!(mode >> 12, 0o2 | 0o6);
        let content_start = match u16_at(record, 0) {
            1 if is_device => 0,
            1 => position as usize * BLOCK,
            5 => {
                assert!(
                    behind % BLOCK + size <= BLOCK,
                    "inline data crosses a block"
                );
                behind
            }
            format => panic!("inode format {format}"),
        };
        if u16_at(record, 0) == 1 {
            let end = content_start + size;
            let padding = &self.bytes[end..end.next_multiple_of(BLOCK)];
            assert!(padding.iter().all(|byte| *byte == 0));
        }
        Found {
            mode,
            uid: u32_at(record, 24),
            gid: u32_at(record, 28),
            mtime: u64_at(record, 32),
            links: u32_at(record, 44),
            device: if is_device { position } else { 0 },
            content: self.bytes[content_start..content_start + size].to_vec(),
            xattrs: xattrs(&self.bytes[start + 64..behind]),
            number,
        }
    }
}

/// Entries of all blocks, checked to be sorted over all of them, as the kernel's search requires.
fn entries(content: &[u8]) -> Vec<(Vec<u8>, u64, u8)> {
    let mut all = Vec::new();
    for block in content.chunks(BLOCK) {
        let count = usize::from(u16_at(block, 8)) / 12;
        for index in 0..count {
            let record = &block[index * 12..];
            let end = match index + 1 {
                next if next < count => usize::from(u16_at(block, next * 12 + 8)),
                _ => block.len(),
            };
            let name = &block[usize::from(u16_at(record, 8))..end];
            let name = name.split(|byte| *byte == 0).next().unwrap();
            assert!(!name.is_empty() && name.len() <= 255);
            all.push((name.to_vec(), u64_at(record, 0), record[10]));
        }
    }
    assert!(all.is_sorted_by(|left, right| left.0 < right.0));
    all
}

fn xattrs(mut bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    if bytes.is_empty() {
        return found;
    }
    assert!(bytes[..12].iter().all(|byte| *byte == 0));
    bytes = &bytes[12..];
    while !bytes.is_empty() {
        let prefix = match bytes[1] {
            1 => "user.",
            2 => "system.posix_acl_access",
            3 => "system.posix_acl_default",
            4 => "trusted.",
            6 => "security.",
            index => panic!("attribute index {index}"),
        };
        let value = 4 + usize::from(bytes[0]);
        let end = value + usize::from(u16_at(bytes, 2));
        let suffix = std::str::from_utf8(&bytes[4..value]).unwrap();
        found.insert(format!("{prefix}{suffix}"), bytes[value..end].to_vec());
        bytes = &bytes[end.next_multiple_of(4)..];
    }
    found
}

fn dirent_type(mode: u16) -> u8 {
    match mode >> 12 {
        0o10 => 1,
        0o4 => 2,
        0o2 => 3,
        0o6 => 4,
        0o1 => 5,
        0o12 => 7,
        bits => panic!("type bits {bits:o}"),
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0x82F6_3B78
            } else {
                crc >> 1
            };
        }
    }
    crc
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(bytes[offset..offset + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().unwrap())
}
