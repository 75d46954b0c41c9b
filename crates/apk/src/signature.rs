//! Signature members: one tar entry `.SIGN.<algorithm>.<key file>` in a gzip member of its own.

use crate::tar::{FILE, Header, gzip};

/// How a signature was made. The spelling is that of the entry's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `RSA`: PKCS#1 v1.5 over SHA-1; only accepted for repositories that have nothing newer.
    RsaSha1,
    /// `RSA256`: PKCS#1 v1.5 over SHA-256.
    RsaSha256,
    /// `RSA512`: PKCS#1 v1.5 over SHA-512. Known by name, never accepted.
    RsaSha512,
    /// `DSA`. Known by name, never accepted.
    Dsa,
}

/// One signature found in front of a package or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// How it was made.
    pub algorithm: Algorithm,
    /// File name of the public key: `wolfi-signing.rsa.pub`.
    pub key: String,
    /// The signature itself.
    pub bytes: Vec<u8>,
}

/// What the name of every signature entry starts with.
pub(crate) const PREFIX: &str = ".SIGN.";

impl Signature {
    /// Reads an entry of a signature member; `None` when its name follows no known scheme.
    pub(crate) fn from_entry(name: &str, bytes: Vec<u8>) -> Option<Self> {
        let (algorithm, key) = name.strip_prefix(PREFIX)?.split_once('.')?;
        let algorithm = match algorithm {
            "RSA" => Algorithm::RsaSha1,
            "RSA256" => Algorithm::RsaSha256,
            "RSA512" => Algorithm::RsaSha512,
            "DSA" => Algorithm::Dsa,
            _ => return None,
        };
        let safe = !key.is_empty() && !key.contains(['/', '\0']);
        safe.then(|| Self {
            algorithm,
            key: key.to_owned(),
            bytes,
        })
    }
}

/// The signature member with one entry: `name` is `.SIGN.RSA256.<key>.rsa.pub`, `signature` the
/// raw signature, `mtime` seconds since 1970. The result goes in front of what was signed.
pub fn signature_member(name: &str, signature: &[u8], mtime: u64) -> Vec<u8> {
    let header = Header {
        size: signature.len() as u64,
        mtime,
        mode: 0o644,
        ..Header::new(name, FILE)
    };
    gzip(&header.with_content(signature))
}
