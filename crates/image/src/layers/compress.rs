//! Compressing archives, in pieces that do not depend on each other.
//!
//! Each piece is a gzip member or a zstd frame of its own, and the file is one after the other, which
//! both formats allow. So several are compressed at a time, and the bytes depend neither on how many
//! nor on the machine: both compressors are built with this program.

use bessemer_store::in_parallel;
use flate2::{Compression as Level, GzBuilder};
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Bytes of an archive in a piece. Larger ones would be a little smaller together.
const PIECE: u64 = 4 << 20;
/// Pieces that are in memory at a time.
const PIECES: u64 = 8;
const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 10;

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// gzip, which everything reads.
    #[default]
    Gzip,
    /// zstd: smaller and faster to unpack.
    Zstd,
    /// Not at all, as layers of bases may be.
    None,
}

impl Compression {
    /// The media type of a layer, from the OCI image specification.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            Self::None => "application/vnd.oci.image.layer.v1.tar",
        }
    }

    /// How a layer of this media type is compressed; `None` for what is no layer.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        let all = [Self::Gzip, Self::Zstd, Self::None];
        all.into_iter().find(|one| one.media_type() == media_type)
    }

    /// Says exactly how archives are compressed, for names of what was: other compressors or levels
    /// must have another one.
    pub(super) fn recipe(self) -> String {
        match self {
            Self::Gzip => format!("gzip-{GZIP_LEVEL}-{PIECE}-zlib-rs-0.6"),
            Self::Zstd => format!(
                "zstd-{ZSTD_LEVEL}-{PIECE}-{}",
                zstd::zstd_safe::version_number()
            ),
            Self::None => "none".to_owned(),
        }
    }

    /// Compresses a file.
    pub(super) fn compress(self, from: &Path, to: &mut impl Write) -> io::Result<()> {
        let file = fs_err::File::open(from)?.into_file();
        let size = file.metadata()?.len();
        let mut start = 0;
        loop {
            let starts: Vec<u64> = (0..PIECES)
                .map(|number| start + number * PIECE)
                .filter(|piece| *piece < size || (*piece == 0 && size == 0))
                .collect();
            let compressed = in_parallel(&starts, |piece| {
                let length = PIECE.min(size - piece);
                let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut bytes, *piece)?;
                self.piece(&bytes)
            })?;
            for bytes in compressed {
                to.write_all(&bytes)?;
            }
            start += PIECES * PIECE;
            if start >= size {
                return to.flush();
            }
        }
    }

    fn piece(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                // Operating system 255: not said.
                let header = GzBuilder::new().mtime(0).operating_system(255);
                let mut out = header.write(Vec::new(), Level::new(GZIP_LEVEL));
                out.write_all(bytes)?;
                out.finish()
            }
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
            Self::None => Ok(bytes.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_compressed_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("archive");
        let piece = usize::try_from(PIECE).unwrap();
        for size in [0, 1, piece - 1, piece, piece + 1, 9 * piece + 7] {
            let bytes: Vec<u8> = (0..size)
                .map(|n| (n % 251 * (n / 1000)).to_le_bytes()[0])
                .collect();
            fs_err::write(&path, &bytes).unwrap();
            for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
                let mut first = Vec::new();
                compression.compress(&path, &mut first).unwrap();
                let mut again = Vec::new();
                compression.compress(&path, &mut again).unwrap();
                assert!(first == again, "{compression:?} of {size}");
                let mut back = Vec::new();
                match compression {
                    Compression::Gzip => flate2::read::MultiGzDecoder::new(&first[..])
                        .read_to_end(&mut back)
                        .unwrap(),
                    Compression::Zstd => {
                        back = zstd::decode_all(&first[..]).unwrap();
                        back.len()
                    }
                    Compression::None => {
                        back.clone_from(&first);
                        back.len()
                    }
                };
                assert!(back == bytes, "{compression:?} of {size}");
            }
        }
    }
}
