//! Cutting one input into parts.

/// The first byte, as a choice, and the rest; nothing when there is no byte.
pub(crate) fn choice(data: &[u8]) -> Option<(u8, &[u8])> {
    data.split_first().map(|(first, rest)| (*first, rest))
}

/// The input as text; what is no UTF-8 is left to targets of bytes.
pub(crate) fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}

/// A seed: the choice and what it is made of.
pub(crate) fn seed(choice: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut seed = vec![choice];
    seed.extend_from_slice(content.as_ref());
    seed
}

/// Gzip of `bytes` at the fastest level.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All of a gzip member, at most 1 MiB.
pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut content = Vec::new();
    let decoder = flate2::read::GzDecoder::new(bytes);
    decoder.take(1 << 20).read_to_end(&mut content).unwrap();
    content
}

/// Makes the checksums of tar headers right again, so that damage gets past them.
pub(crate) fn seal_tar(archive: &mut [u8]) {
    for block in archive
        .chunks_exact_mut(512)
        .filter(|block| &block[257..262] == b"ustar")
    {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
