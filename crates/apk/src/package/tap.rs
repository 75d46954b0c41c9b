//! Hashing compressed bytes on their way into a decompressor.

use bessemer_digest::Digest;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, Read};

/// A buffered reader that hashes, counts and bounds what is consumed from it, for the whole file
/// and for the current member apart.
pub(crate) struct Tap<R> {
    inner: R,
    file: Sha256,
    member: Sha256,
    member_sha1: Sha1,
    file_size: u64,
    member_size: u64,
    limit: u64,
    record: Option<Vec<u8>>,
}

impl<R: BufRead> Tap<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            file: Sha256::new(),
            member: Sha256::new(),
            member_sha1: Sha1::new(),
            file_size: 0,
            member_size: 0,
            limit: 0,
            record: None,
        }
    }

    /// Starts a member of at most `limit` compressed bytes, keeping a copy of them if asked.
    pub(crate) fn start_member(&mut self, limit: u64, keep: bool) {
        self.member = Sha256::new();
        self.member_sha1 = Sha1::new();
        self.member_size = 0;
        self.limit = limit;
        self.record = keep.then(Vec::new);
    }

    /// The member's compressed bytes, if they were kept.
    pub(crate) fn take_record(&mut self) -> Vec<u8> {
        self.record.take().unwrap_or_default()
    }

    pub(crate) fn member_sha1(&self) -> [u8; 20] {
        self.member_sha1.clone().finalize().into()
    }

    /// SHA-256 and size of the member so far.
    pub(crate) fn member(&self) -> (Digest, u64) {
        (
            Digest::from_bytes(self.member.clone().finalize().into()),
            self.member_size,
        )
    }

    /// SHA-256 and size of the file so far.
    pub(crate) fn file(&self) -> (Digest, u64) {
        (
            Digest::from_bytes(self.file.clone().finalize().into()),
            self.file_size,
        )
    }
}

impl<R: BufRead> BufRead for Tap<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.limit.saturating_sub(self.member_size);
        let buffer = self.inner.fill_buf()?;
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other("member is larger than its limit"));
        }
        let end = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        Ok(&buffer[..end])
    }

    fn consume(&mut self, amount: usize) {
        if amount == 0 {
            return;
        }
        // What is consumed was just returned by `fill_buf`, so it is still in the buffer and this
        // neither reads nor fails.
        if let Ok(buffer) = self.inner.fill_buf() {
            let bytes = &buffer[..amount.min(buffer.len())];
            self.file.update(bytes);
            self.member.update(bytes);
            self.member_sha1.update(bytes);
            if let Some(record) = &mut self.record {
                record.extend_from_slice(bytes);
            }
        }
        self.file_size += amount as u64;
        self.member_size += amount as u64;
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}
