//! Public keys that envelopes are verified with: ECDSA P-256, in the standard SPKI form.

use crate::{PemError, decode_pem, encode_pem};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use bessemer_digest::Digest;

/// What stands before the curve point in the SPKI of every P-256 key (RFC 5480 §2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// What stands before the key in the SPKI of every Ed25519 key (RFC 8410 §4).
const ED25519_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Length of an uncompressed P-256 point in bytes.
const POINT_LENGTH: usize = 65;

/// An ECDSA P-256 public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; POINT_LENGTH],
}

/// Why a text or bytes are not such a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Not PEM.
    #[error("the public key is not PEM")]
    Pem(#[from] PemError),
    /// Another kind of key, or no key.
    #[error("the public key is not an uncompressed ECDSA P-256 key")]
    Kind,
    /// Another kind of key where a log's key is wanted.
    #[error("the public key is not an Ed25519 key")]
    Ed25519,
}

impl PublicKey {
    /// Takes an uncompressed curve point (65 bytes, the first is 4).
    pub fn from_point(point: &[u8]) -> Result<Self, PublicKeyError> {
        let point: [u8; POINT_LENGTH] = point.try_into().map_err(|_| PublicKeyError::Kind)?;
        if point[0] != 4 {
            return Err(PublicKeyError::Kind);
        }
        Ok(Self { point })
    }

    /// Reads a `PUBLIC KEY` PEM block (PKIX, what `cosign.pub` is).
    pub fn from_pem(text: &str) -> Result<Self, PublicKeyError> {
        let der = decode_pem("PUBLIC KEY", text)?;
        let point = der.strip_prefix(&SPKI_PREFIX).ok_or(PublicKeyError::Kind)?;
        Self::from_point(point)
    }

    /// The key as SubjectPublicKeyInfo, DER.
    pub fn spki(&self) -> Vec<u8> {
        [&SPKI_PREFIX[..], &self.point].concat()
    }

    /// The key as a `PUBLIC KEY` PEM block.
    pub fn to_pem(&self) -> String {
        encode_pem("PUBLIC KEY", &self.spki())
    }

    /// The key's id: the SHA-256 of its SPKI. Written as 64 hexadecimal digits in a trust root.
    pub fn id(&self) -> Digest {
        Digest::of(self.spki())
    }

    /// Whether `signature` (ASN.1 DER) is this key's over the SHA-256 of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point)
            .verify(message, signature)
            .is_ok()
    }
}

/// Reads the `PUBLIC KEY` PEM block of an Ed25519 key.
pub(crate) fn ed25519_from_pem(text: &str) -> Result<[u8; 32], PublicKeyError> {
    let der = decode_pem("PUBLIC KEY", text)?;
    let key = der.strip_prefix(&ED25519_PREFIX);
    key.and_then(|key| key.try_into().ok())
        .ok_or(PublicKeyError::Ed25519)
}

/// An Ed25519 key as SubjectPublicKeyInfo, DER.
pub fn ed25519_spki(key: &[u8; 32]) -> Vec<u8> {
    [&ED25519_PREFIX[..], key].concat()
}
