//! What is sent: bytes, or a file.

use bessemer_digest::Digest;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Content that can be read from anywhere in it, by several threads at a time.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bytes(Arc<[u8]>),
    /// A file, and its bytes when it was opened.
    File(Arc<File>, u64),
}

/// Reads a part of a content.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    content: &'a Content,
    position: u64,
    end: u64,
}

impl Content {
    pub(crate) fn file(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self::File(Arc::new(file), size))
    }

    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(_, size) => *size,
        }
    }

    /// From `start` to `end`, or less where the content is less.
    pub(crate) fn part(&self, start: u64, end: u64) -> Part<'_> {
        Part {
            content: self,
            position: start,
            end: end.min(self.size()),
        }
    }

    pub(crate) fn digest(&self) -> io::Result<Digest> {
        let (digest, _) = Digest::of_reader(self.part(0, u64::MAX))?;
        Ok(digest)
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let count = match self.content {
            Content::Bytes(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                let mut rest = bytes.get(start..).unwrap_or_default();
                rest.read(&mut buffer[..most])?
            }
            Content::File(file, _) => file.read_at(&mut buffer[..most], self.position)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn reads_parts_of_both_kinds() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let kinds = [
            Content::file(file).unwrap(),
            Content::Bytes(Arc::from(&b"0123456789"[..])),
        ];
        for content in kinds {
            for (start, end, expected) in [
                (0, 10, "0123456789"),
                (3, 5, "34"),
                (8, 20, "89"),
                (10, 20, ""),
                (11, 9, ""),
            ] {
                let mut text = String::new();
                content.part(start, end).read_to_string(&mut text).unwrap();
                assert_eq!(text, expected);
            }
            assert_eq!(content.digest().unwrap(), Digest::of(b"0123456789"));
        }
    }
}
