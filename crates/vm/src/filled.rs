//! What is not zero on a disk: the way to measure a writable disk, which is large and nearly empty.

use bessemer_digest::{Digest, HashingWriter};
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of a block.
const BLOCK: usize = 4096;

/// The blocks of a disk that are not all zero. Where an image has holes is no matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// The disk's size in bytes.
    pub size: u64,
    /// How many blocks of 4096 bytes are not all zero.
    pub count: u64,
    /// Digest over each one's number (64 bits, the highest byte first) and its bytes, in order. A
    /// last block that is shorter counts as if zeros followed.
    pub sha256: Digest,
}

impl Filled {
    /// Reads an image; holes are passed over.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut hashing = HashingWriter::new(io::sink());
        let mut count = 0;
        let mut position = 0;
        while let Some(data) = next_data(&file, position)? {
            let number = data / BLOCK as u64;
            let mut block = [0; BLOCK];
            read_block(&file, &mut block, number * BLOCK as u64)?;
            if block.iter().any(|byte| *byte != 0) {
                hashing.write_all(&number.to_be_bytes())?;
                hashing.write_all(&block)?;
                count += 1;
            }
            position = (number + 1) * BLOCK as u64;
        }
        Ok(Self {
            size,
            count,
            sha256: hashing.digest(),
        })
    }
}

/// Where the next byte is, from `position` on, that is in no hole.
fn next_data(file: &File, position: u64) -> io::Result<Option<u64>> {
    match seek(file, SeekFrom::Data(position)) {
        Ok(data) => Ok(Some(data)),
        // Behind the last data, or behind the end.
        Err(Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_block(file: &File, block: &mut [u8], at: u64) -> io::Result<()> {
    let mut read = 0;
    while read < block.len() {
        match file.read_at(&mut block[read..], at + read as u64)? {
            0 => break,
            count => read += count,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{create_output, create_scratch};
    use std::fs;

    #[test]
    fn a_scratch_disk_follows_from_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let made = |name: &str, size| {
            let path = folder.path().join(name);
            create_scratch(&path, size).unwrap();
            Filled::of(&path).unwrap()
        };
        let (one, two) = (made("one", 512 << 20), made("two", 512 << 20));
        assert_eq!(one, two);
        assert!(one.count > 3, "{one:?}");
        assert_ne!(one.sha256, made("larger", 513 << 20).sha256);
    }

    #[test]
    fn zeros_count_as_holes_and_every_byte_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        create_output(&path, 1 << 20).unwrap();
        let empty = Filled::of(&path).unwrap();
        assert_eq!((empty.count, empty.sha256), (0, Digest::of("")));
        // Written zeros are zeros.
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&[0; 3 * BLOCK], 0).unwrap();
        assert_eq!(Filled::of(&path).unwrap(), empty);
        let mut seen = vec![empty];
        // The same byte elsewhere is another content: in the block, in the next, in the last.
        for at in [5, 6, BLOCK as u64 + 5, (1 << 20) - 1] {
            let fresh = folder.path().join(format!("at-{at}"));
            create_output(&fresh, 1 << 20).unwrap();
            let file = File::options().write(true).open(&fresh).unwrap();
            file.write_all_at(&[1], at).unwrap();
            let found = Filled::of(&fresh).unwrap();
            assert_eq!(found.count, 1);
            assert!(!seen.contains(&found), "{at}");
            seen.push(found);
        }
        // A part of a block at the end.
        fs::write(&path, [0, 0, 7]).unwrap();
        let short = Filled::of(&path).unwrap();
        assert_eq!((short.size, short.count), (3, 1));
    }
}
