//! Files that are compressed as a whole.

use super::ArchiveError;
use crate::collect::Limits;
use bzip2::read::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, BufRead, Read};

/// Most memory for a stream's dictionary or window, in bytes: what `xz -9` and `zstd --ultra` use.
const WINDOW: u64 = 128 << 20;

/// What a file decompresses to, as its start tells; what is not compressed stays as it is.
pub(super) fn stream(
    file: impl BufRead + 'static,
    start: &[u8],
    limits: &Limits,
) -> Result<Bounded, ArchiveError> {
    let inner: Box<dyn Read> = match start {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(file)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let kibibytes = u32::try_from(WINDOW >> 10).unwrap_or(u32::MAX);
            Box::new(XzReader::new_mem_limit(file, true, kibibytes))
        }
        [b'B', b'Z', b'h', ..] => Box::new(MultiBzDecoder::new(file)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Frames {
            decoder: Some(frame(file)?),
        }),
        _ => Box::new(file),
    };
    Ok(Bounded {
        inner: Some(inner),
        left: limits.archive,
        limit: limits.archive,
    })
}

/// Reads at most so many bytes, and nothing after an error: not every decoder survives that.
pub(super) struct Bounded {
    inner: Option<Box<dyn Read>>,
    left: u64,
    limit: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(inner) = &mut self.inner else {
            return Err(io::Error::other("the archive is damaged"));
        };
        let read = inner.read(buffer).and_then(|count| {
            let left = self.left.checked_sub(count as u64);
            self.left = left.ok_or_else(|| io::Error::other(TooMuch(self.limit)))?;
            Ok(count)
        });
        if read.is_err() {
            self.inner = None;
        }
        read
    }
}

/// Travels as an [`io::Error`] through readers that know no other.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} bytes")]
pub(super) struct TooMuch(pub(super) u64);

type Frame<R> = StreamingDecoder<R, ruzstd::decoding::FrameDecoder>;

fn frame<R: Read>(file: R) -> Result<Frame<R>, ArchiveError> {
    StreamingDecoder::new_with_max_window_size(file, WINDOW)
        .map_err(|error| ArchiveError::Read(io::Error::other(error.to_string())))
}

/// The frames of a zstd file, one after the other.
struct Frames<R: BufRead> {
    decoder: Option<Frame<R>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Ok(0);
            };
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut file) = self.decoder.take().map(Frame::into_inner) else {
                return Ok(0);
            };
            if file.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.decoder = Some(frame(file).map_err(io::Error::other)?);
        }
    }
}
