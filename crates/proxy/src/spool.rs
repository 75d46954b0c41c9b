//! Where bodies go: one file, in which each body gets pieces of its own while others are written.

use bessemer_digest::{Digest, HashingWriter};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// The first piece of a body whose length is not known; each further one is twice as long.
const FIRST_PIECE: u64 = 64 * 1024;
/// The longest piece.
const LONGEST_PIECE: u64 = 64 << 20;

pub(crate) struct Spool {
    file: File,
    next: AtomicU64,
    /// Bytes of all bodies.
    total: AtomicU64,
    limit: u64,
}

/// A body on its way into the file.
pub(crate) struct Writing<'a> {
    spool: &'a Spool,
    pieces: Vec<(u64, u64)>,
    /// Bytes left in the last piece.
    room: u64,
    next_piece: u64,
    digest: HashingWriter<io::Sink>,
    size: u64,
}

impl Spool {
    pub(crate) const fn new(file: File, limit: u64) -> Self {
        Self {
            file,
            next: AtomicU64::new(0),
            total: AtomicU64::new(0),
            limit,
        }
    }

    /// Begins a body, of this length where it is known.
    pub(crate) fn begin(&self, length: Option<u64>) -> Writing<'_> {
        Writing {
            spool: self,
            pieces: Vec::new(),
            room: 0,
            next_piece: length.map_or(FIRST_PIECE, |length| length.clamp(1, LONGEST_PIECE)),
            digest: HashingWriter::new(io::sink()),
            size: 0,
        }
    }
}

impl Writing<'_> {
    /// Takes some of the body; `false` when all bodies together are too long.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<bool> {
        let length = bytes.len() as u64;
        let before = self.spool.total.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > self.spool.limit {
            return Ok(false);
        }
        self.digest.write_all(bytes)?;
        self.size += length;
        while !bytes.is_empty() {
            if self.room == 0 {
                self.room = self.next_piece;
                let start = self.spool.next.fetch_add(self.room, Ordering::Relaxed);
                self.pieces.push((start, 0));
                self.next_piece = (self.next_piece * 2).clamp(FIRST_PIECE, LONGEST_PIECE);
            }
            let Some((start, used)) = self.pieces.last_mut() else {
                return Ok(false);
            };
            let most = usize::try_from(self.room).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(most.min(bytes.len()));
            self.spool.file.write_all_at(now, *start + *used)?;
            *used += now.len() as u64;
            self.room -= now.len() as u64;
            bytes = rest;
        }
        Ok(true)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Digest, size and places of the body.
    pub(crate) fn finish(self) -> (Digest, u64, Vec<(u64, u64)>) {
        (self.digest.digest(), self.size, self.pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_that_are_written_at_once_do_not_mix() {
        let spool = Spool::new(tempfile::tempfile().unwrap(), 1 << 20);
        let mut writings = [spool.begin(None), spool.begin(Some(300_000))];
        for _ in 0..30 {
            for (byte, writing) in (1..).zip(&mut writings) {
                assert!(writing.write(&[byte; 10_000]).unwrap());
            }
        }
        for (byte, writing) in (1_u8..).zip(writings) {
            let (digest, size, pieces) = writing.finish();
            let mut all = Vec::new();
            for (start, length) in pieces {
                let mut piece = vec![0; usize::try_from(length).unwrap()];
                spool.file.read_exact_at(&mut piece, start).unwrap();
                all.extend(piece);
            }
            assert_eq!((size, digest), (300_000, Digest::of(&all)));
            assert!(all.iter().all(|found| *found == byte));
        }
        assert!(!spool.begin(None).write(&vec![0; 1 << 19]).unwrap());
    }
}
