//! Hashes of leaves and nodes. Source: RFC 6962 §2.1; the prefixes keep the two kinds apart.

use bessemer_digest::Digest;

/// The hash of one entry.
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::of([&[0], entry].concat())
}

/// The hash of a node with these two below it.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    Digest::of(bytes)
}
