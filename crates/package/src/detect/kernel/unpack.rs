//! Files that are compressed as a whole.

use crate::tree::ContentReader;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, BufReader, Read};

/// Most memory for a file's dictionary or window, in bytes. The kernel's own settings need 8 MiB
/// for a module; an image compressed with zstd's `--ultra` needs 128.
const WINDOW_LIMIT: u64 = 128 << 20;

/// A file, as its start tells.
pub(super) enum Unpacked {
    /// Not compressed as a whole, or in a way that is not known.
    Plain,
    /// What it decompresses to.
    Stream(Box<dyn Read>),
}

/// Finds out how the file is compressed. What a stream yields is not to be believed to end.
pub(super) fn unpacked(file: ContentReader) -> io::Result<Unpacked> {
    let mut start = Vec::new();
    file.again().take(6).read_to_end(&mut start)?;
    Ok(match start.as_slice() {
        [0x1f, 0x8b, ..] => Unpacked::Stream(Box::new(gzip(file))),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => {
            let limit = u32::try_from(WINDOW_LIMIT >> 10).unwrap_or(u32::MAX);
            let reader = XzReader::new_mem_limit(BufReader::new(file), false, limit);
            Unpacked::Stream(Box::new(reader))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder =
                StreamingDecoder::new_with_max_window_size(BufReader::new(file), WINDOW_LIMIT);
            decoder.map_or(Unpacked::Plain, |decoder| {
                Unpacked::Stream(Box::new(decoder))
            })
        }
        _ => Unpacked::Plain,
    })
}

/// Decompresses gzip members until something else follows.
pub(super) fn gzip(file: impl Read) -> MultiGzDecoder<impl Read> {
    MultiGzDecoder::new(file)
}
