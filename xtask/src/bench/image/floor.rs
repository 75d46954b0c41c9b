//! The least that any builder of an image does with the packages' bytes, in a process of its own.

use crate::recipes::in_parallel;
use anyhow::Result;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes that are compressed by themselves, and the level: as `bessemer-image` has them.
const PIECE: u64 = 4 << 20;
const LEVEL: u32 = 6;

/// Reads every package and unpacks it; compresses what was in the first `compressed` of them once into a
/// file, in pieces, as many at a time as there are processors.
pub(super) fn run(packages: &[PathBuf], compressed: usize, out: &Path) -> Result<()> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut out = File::create(out)?;
    for (number, package) in packages.iter().enumerate() {
        let mut unpacked = MultiGzDecoder::new(BufReader::new(File::open(package)?));
        if number >= compressed {
            io::copy(&mut unpacked, &mut io::sink())?;
            continue;
        }
        loop {
            let mut pieces = Vec::new();
            while pieces.len() < threads {
                let mut piece = Vec::new();
                (&mut unpacked).take(PIECE).read_to_end(&mut piece)?;
                if piece.is_empty() {
                    break;
                }
                pieces.push(piece);
            }
            if pieces.is_empty() {
                break;
            }
            for bytes in in_parallel(&pieces, threads, |piece| compress(piece)) {
                out.write_all(&bytes?)?;
            }
        }
    }
    Ok(())
}

fn compress(piece: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    encoder.write_all(piece)?;
    encoder.finish()
}
