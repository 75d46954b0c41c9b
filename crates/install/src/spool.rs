//! Contents in one file without a name, for archives, which want them in another order than they
//! come in.

use bessemer_apk::install::Contents;
use bessemer_apk::package::Content;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// Bytes that are read and written at a time.
const PIECE: usize = 256 << 10;

/// A temporary file that takes in contents one after another.
#[derive(Debug)]
pub struct Spool {
    file: Arc<File>,
    end: u64,
    buffer: Vec<u8>,
}

/// A content in a [`Spool`].
#[derive(Debug, Clone)]
pub struct Spooled {
    file: Arc<File>,
    offset: u64,
    size: u64,
}

impl Spool {
    /// An empty one on the file system of `directory`; it is gone when nothing refers to it, however
    /// the process ends.
    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            file: Arc::new(tempfile::tempfile_in(directory)?),
            end: 0,
            buffer: vec![0; PIECE],
        })
    }
}

impl Contents for Spool {
    type Place = Spooled;

    fn keep(&mut self, content: &mut dyn Read, size: u64) -> io::Result<Spooled> {
        let offset = self.end;
        let (file, end) = (&self.file, &mut self.end);
        copy_exactly(content, size, &mut self.buffer, |bytes| {
            file.write_all_at(bytes, *end)?;
            *end += bytes.len() as u64;
            Ok(())
        })?;
        let file = Arc::clone(&self.file);
        Ok(Spooled { file, offset, size })
    }
}

impl Content for Spooled {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Piece {
            file: &self.file,
            offset: self.offset,
            end: self.offset + self.size,
        }))
    }
}

/// Reads from one offset to another.
struct Piece<'a> {
    file: &'a File,
    offset: u64,
    end: u64,
}

impl Read for Piece<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
        let limit = left.min(buffer.len());
        let count = self.file.read_at(&mut buffer[..limit], self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Hands on exactly `size` bytes in pieces of the buffer.
pub(crate) fn copy_exactly(
    content: &mut dyn Read,
    size: u64,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let limit = usize::try_from(left).unwrap_or(usize::MAX);
        let limit = limit.min(buffer.len());
        match content.read(&mut buffer[..limit]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                take(&buffer[..count])?;
                left -= count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_come_back_in_any_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_directory(directory.path()).unwrap();
        let large = vec![7; PIECE * 2 + 1];
        let mut places = Vec::new();
        for content in [&b"first"[..], b"", &large, b"last"] {
            let size = content.len() as u64;
            places.push((spool.keep(&mut &*content, size).unwrap(), content));
        }
        drop(spool);
        for (place, content) in places.iter().rev() {
            let mut bytes = Vec::new();
            place.open().unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(&bytes, content);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_content_that_ends_early_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_directory(directory.path()).unwrap();
        let error = spool.keep(&mut &b"short"[..], 6).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
