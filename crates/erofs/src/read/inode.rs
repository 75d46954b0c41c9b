//! Inodes of both sizes (`struct erofs_inode_compact`, `struct erofs_inode_extended`).

use super::{Content, ReadError, Reader, Source, u16_at, u32_at, u64_at};
use crate::format::{BLOCK_SIZE, INODE};
use std::ops::Range;

/// Bytes of `struct erofs_inode_compact`.
const COMPACT: usize = 32;
/// `EROFS_INODE_FLAT_PLAIN`: consecutive blocks.
const PLAIN: u16 = 0;
/// `EROFS_INODE_FLAT_INLINE`: consecutive blocks but for the last, which lies behind the inode.
const INLINE: u16 = 2;

/// What an inode says.
#[derive(Debug)]
pub(super) struct Inode {
    at: u64,
    inline: bool,
    pub(super) mode: u16,
    pub(super) size: u64,
    /// The first block, or a device's number.
    position: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mtime: u64,
    pub(super) links: u32,
    pub(super) attributes: Range<u64>,
}

impl Inode {
    pub(super) const fn form(&self, what: &'static str) -> ReadError {
        let offset = self.at;
        ReadError::Form { offset, what }
    }

    /// Major and minor number, as Linux's `new_decode_dev` has them.
    pub(super) const fn device(&self) -> (u32, u32) {
        let number = self.position;
        let minor = (number & 0xff) | ((number >> 12) & 0xf_ff00);
        ((number >> 8) & 0xfff, minor)
    }
}

impl<S: Source + ?Sized> Reader<'_, S> {
    pub(super) fn inode(&mut self, number: u64) -> Result<Inode, ReadError> {
        let at = self.place(number).unwrap_or(u64::MAX);
        let head: [u8; COMPACT] = self.bytes(at)?;
        let format = u16_at(&head, 0);
        let inline = match format >> 1 {
            PLAIN => false,
            INLINE => true,
            _ => return Err(ReadError::Unsupported("compressed or chunked files")),
        };
        let extended = format & 1 == 1;
        let behind = at + if extended { INODE } else { COMPACT } as u64;
        let attributes = match u64::from(u16_at(&head, 2)) {
            0 => 0,
            count => 12 + 4 * (count - 1),
        };
        let inode = Inode {
            at,
            inline,
            mode: u16_at(&head, 4),
            size: u64::from(u32_at(&head, 8)),
            position: u32_at(&head, 16),
            uid: u32::from(u16_at(&head, 24)),
            gid: u32::from(u16_at(&head, 26)),
            mtime: self.time,
            links: u32::from(u16_at(&head, 6)),
            attributes: behind..behind + attributes,
        };
        if !extended {
            return Ok(inode);
        }
        let rest: [u8; INODE - COMPACT] = self.bytes(at + COMPACT as u64)?;
        Ok(Inode {
            size: u64_at(&head, 8),
            uid: u32_at(&head, 24),
            gid: u32_at(&head, 28),
            mtime: u64_at(&rest, 0),
            links: u32_at(&rest, 12),
            ..inode
        })
    }

    /// Where an inode's data is, all of it in the image.
    pub(super) fn placed(&self, inode: &Inode) -> Result<Content, ReadError> {
        if inode.size == 0 {
            return Ok(Content::default());
        }
        // All but the last block; without inline data nothing is behind the inode.
        let tail = if inode.inline {
            (inode.size - 1) % BLOCK_SIZE + 1
        } else {
            0
        };
        let start = u64::from(inode.position) * BLOCK_SIZE;
        let blocks = start..start.saturating_add(inode.size - tail);
        let behind = inode.attributes.end;
        if behind % BLOCK_SIZE + tail > BLOCK_SIZE {
            return Err(inode.form("inline data lies in two blocks"));
        }
        let tail = behind..behind + tail;
        let inside = |range: &Range<u64>| range.is_empty() || range.end <= self.size;
        if !inside(&blocks) || !inside(&tail) {
            return Err(inode.form("data lies behind the image's end"));
        }
        Ok(Content { blocks, tail })
    }
}
