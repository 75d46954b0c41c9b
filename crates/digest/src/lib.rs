//! SHA-256 digests as a type.
//!
//! Every value that crosses a stage of the factory is named by its digest, so the digest is a type
//! of its own: it cannot be mixed up with a name, and it has exactly one spelling,
//! `sha256:` followed by 64 lower-case hexadecimal digits.
//!
//! Invariant: this crate performs no IO of its own; it only hashes what passes through it.

mod stream;

pub use stream::{HashingReader, HashingWriter};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest (32 bytes), written `sha256:<64 lower-case hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// The algorithm prefix is missing or is another algorithm's.
    #[error("digest `{0}` does not start with `sha256:`")]
    Algorithm(String),
    /// The rest is not 64 lower-case hexadecimal digits.
    #[error("digest `{0}` is not 64 lower-case hexadecimal digits")]
    Hex(String),
}

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// Hashes a reader to its end; returns the digest and the number of bytes read.
    pub fn of_reader(mut reader: impl std::io::Read) -> std::io::Result<(Self, u64)> {
        let mut hashing = HashingReader::new(&mut reader);
        let size = std::io::copy(&mut hashing, &mut std::io::sink())?;
        Ok((hashing.digest(), size))
    }

    /// Takes 32 raw bytes as a digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 hexadecimal digits without the algorithm.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 lower-case hexadecimal digits without the algorithm.
    pub fn from_hex(text: &str) -> Result<Self, ParseDigestError> {
        let error = || ParseDigestError::Hex(text.chars().take(80).collect());
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text
            .strip_prefix("sha256:")
            .ok_or_else(|| ParseDigestError::Algorithm(text.chars().take(80).collect()))?;
        Self::from_hex(hex)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn renders_and_parses_one_spelling() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::of(b""));
    }

    #[test]
    fn refuses_other_spellings() {
        let upper = EMPTY.to_uppercase().replace("SHA256", "sha256");
        for text in [
            "",
            "sha256:",
            "sha1:00",
            &EMPTY[7..],
            &upper,
            &format!("{EMPTY}0"),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
