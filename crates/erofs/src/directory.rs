//! Directory contents: blocks of sorted entries, each block complete in itself.

use crate::format::{BLOCK, DIRENT, FileType};

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectoryEntry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) inode: usize,
    pub(crate) file_type: FileType,
}

/// Bytes of a directory with entries of these names. Every block but the last counts whole.
pub(crate) fn content_size(entries: &[DirectoryEntry<'_>]) -> usize {
    let mut blocks = 0;
    let mut used = 0;
    for entry in entries {
        let need = DIRENT + entry.name.len();
        if used + need > BLOCK {
            blocks += 1;
            used = 0;
        }
        used += need;
    }
    blocks * BLOCK + used
}

/// The directory's content; `number` gives the number of an entry's inode.
pub(crate) fn encode(entries: &[DirectoryEntry<'_>], number: impl Fn(usize) -> u64) -> Vec<u8> {
    let mut content = Vec::with_capacity(content_size(entries));
    let mut rest = entries;
    while !rest.is_empty() {
        let mut used = 0;
        let fitting = rest.iter().take_while(|entry| {
            used += DIRENT + entry.name.len();
            used <= BLOCK
        });
        let (block, remaining) = rest.split_at(fitting.count());
        content.resize(content.len().next_multiple_of(BLOCK), 0);
        encode_block(block, &number, &mut content);
        rest = remaining;
    }
    content
}

fn encode_block(
    block: &[DirectoryEntry<'_>],
    number: &impl Fn(usize) -> u64,
    content: &mut Vec<u8>,
) {
    let mut name_offset = DIRENT * block.len();
    for entry in block {
        content.extend(number(entry.inode).to_le_bytes());
        // Below 4096, so the upper bytes that are cut off are zero.
        content.extend(&name_offset.to_le_bytes()[..2]);
        content.extend([entry.file_type.dirent(), 0]);
        name_offset += entry.name.len();
    }
    for entry in block {
        content.extend(entry.name);
    }
}
