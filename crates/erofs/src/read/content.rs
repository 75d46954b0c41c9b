//! Contents of files, in pieces.

use super::Source;
use std::io::{self, Read};
use std::ops::Range;

/// Where the content of a file is in the image that it was found in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub(super) blocks: Range<u64>,
    /// What follows, and lies behind the inode.
    pub(super) tail: Range<u64>,
}

impl Content {
    /// Bytes of it.
    pub const fn size(&self) -> u64 {
        (self.blocks.end - self.blocks.start) + (self.tail.end - self.tail.start)
    }

    /// A part of the content, which has at least `end` bytes.
    pub(super) fn part(&self, part: Range<u64>) -> Self {
        let length = self.blocks.end - self.blocks.start;
        let (start, end) = (part.start.min(length), part.end.min(length));
        let rest = (part.start - start)..(part.end - end);
        Self {
            blocks: self.blocks.start + start..self.blocks.start + end,
            tail: self.tail.start + rest.start..self.tail.start + rest.end,
        }
    }
}

/// Reads a content from its start.
#[derive(Debug)]
pub struct ContentReader<'a, S: ?Sized> {
    source: &'a S,
    left: Content,
}

impl<'a, S: Source + ?Sized> ContentReader<'a, S> {
    pub(super) const fn new(source: &'a S, left: Content) -> Self {
        Self { source, left }
    }
}

impl<S: Source + ?Sized> Read for ContentReader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let range = if self.left.blocks.is_empty() {
            &mut self.left.tail
        } else {
            &mut self.left.blocks
        };
        let left = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let count = left.min(buffer.len());
        self.source
            .read_exact_at(&mut buffer[..count], range.start)?;
        range.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_over_the_seam() {
        let content = Content {
            blocks: 100..104,
            tail: 50..53,
        };
        let parts = [
            (0..7, 100..104, 50..53),
            (1..3, 101..103, 50..50),
            (3..5, 103..104, 50..51),
            (5..7, 104..104, 51..53),
        ];
        for (part, blocks, tail) in parts {
            assert_eq!(
                content.part(part.clone()),
                Content { blocks, tail },
                "{part:?}"
            );
        }
    }
}
