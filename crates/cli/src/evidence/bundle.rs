//! Bundles: read, recognised, made of a chain.

use anyhow::{Context as _, Result};
use bessemer_attest::TrustRoot;
use bessemer_attest::chain::{BundleLimits, BundleTarget, Chain, Pool, read_bundle};
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

/// What a compressed bundle begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// What every bundle begins with.
const BUNDLE: &[u8] = br#"{"schema":"bessemer.bundle/"#;

/// Reads a bundle into the pool; what it says that it is of.
pub(crate) fn open_bundle(path: &Path, pool: &mut Pool) -> Result<Vec<BundleTarget>> {
    let mut file = BufReader::new(fs_err::File::open(path)?);
    let read = if file.fill_buf()?.starts_with(&GZIP) {
        read_bundle(
            BufReader::new(MultiGzDecoder::new(file)),
            BundleLimits::FILE,
            pool,
        )
    } else {
        read_bundle(file, BundleLimits::FILE, pool)
    };
    read.with_context(|| format!("cannot read the bundle {}", path.display()))
}

/// Whether a file is a bundle, by its first bytes.
pub(crate) fn is_bundle(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let mut file = BufReader::new(fs_err::File::open(path)?);
    let packed = file.fill_buf()?.starts_with(&GZIP);
    let length = BUNDLE.len() as u64;
    if packed {
        // A package is packed as well, and what is in it begins otherwise.
        let unpacked = MultiGzDecoder::new(file)
            .take(length)
            .read_to_end(&mut start);
        return Ok(unpacked.is_ok() && start == BUNDLE);
    }
    file.take(length).read_to_end(&mut start)?;
    Ok(start == BUNDLE)
}

/// What a bundle is compressed with. Without name and time: the same evidence gives the same bytes.
pub(crate) fn packed<W: Write>(to: W) -> GzEncoder<W> {
    GzBuilder::new().write(to, Compression::best())
}

/// What lies beside the artifacts of a chain from number `first` on, and no more: what strangers added stays behind.
pub(crate) fn needed(
    chain: &Chain,
    first: usize,
    pool: &Pool,
    roots: &[TrustRoot],
) -> Result<Pool> {
    let roots: Vec<&TrustRoot> = roots.iter().collect();
    let mut needed = Pool::new();
    for (number, node) in chain.nodes.iter().enumerate().skip(first) {
        let Some(attestation) = &node.artifact.attestation else {
            continue;
        };
        let about = pool.about(&node.artifact.sha256);
        for sidecar in pool.with_envelope(attestation) {
            // Of an index, every image in it has attestations of its own.
            if number < chain.targets || about.contains(&sidecar) {
                needed.add(sidecar.signed_by(&roots)?.around(attestation)?);
            }
        }
    }
    Ok(needed)
}
