//! What a download has to be.

use crate::failure::FailureCause;
use crate::incoming::Sealed;
use crate::store::StoreError;
use bessemer_digest::Digest;
use sha2::Digest as _;
use std::fmt;
use std::io::{self, Read};

/// A SHA-512 digest, which some recipes give instead of a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sha512([u8; 64]);

/// A text that is not 128 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not 128 lower-case hexadecimal digits")]
pub struct ParseSha512Error(String);

/// The digests that content must have; every one that is given is checked. Without any, anything
/// is accepted: only right for what is verified by other means, such as a signed index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// The SHA-256, if known.
    pub sha256: Option<Digest>,
    /// The SHA-512, if known.
    pub sha512: Option<Sha512>,
}

impl Sha512 {
    /// Reads 128 lower-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, ParseSha512Error> {
        let error = || ParseSha512Error(text.chars().take(160).collect());
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(error());
        }
        let mut bytes = [0; 64];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| error())?;
        Ok(Self(bytes))
    }

    /// The 128 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Hashes a reader to its end.
    pub fn of_reader(mut reader: impl Read) -> io::Result<Self> {
        let mut hasher = sha2::Sha512::new();
        io::copy(&mut reader, &mut hasher)?;
        Ok(Self(hasher.finalize().into()))
    }
}

impl fmt::Display for Sha512 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha512:{}", self.hex())
    }
}

impl fmt::Debug for Sha512 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl From<Digest> for Expected {
    fn from(digest: Digest) -> Self {
        Self {
            sha256: Some(digest),
            sha512: None,
        }
    }
}

impl From<Sha512> for Expected {
    fn from(digest: Sha512) -> Self {
        Self {
            sha256: None,
            sha512: Some(digest),
        }
    }
}

impl Expected {
    /// `sha256:…` or `sha512:…`: the file name in caches and mirrors. `None` without digests.
    pub fn file_name(&self) -> Option<String> {
        let sha256 = self.sha256.map(|digest| digest.to_string());
        sha256.or_else(|| self.sha512.map(|digest| digest.to_string()))
    }

    /// Compares downloaded content with what is expected.
    pub(crate) fn check(&self, content: &mut Sealed) -> Result<(), FailureCause> {
        let found = content.object().digest;
        if let Some(expected) = self.sha256.filter(|expected| *expected != found) {
            let (expected, found) = (expected.to_string(), found.to_string());
            return Err(FailureCause::Mismatch { expected, found });
        }
        if let Some(expected) = self.sha512 {
            let reader = content.reader().map_err(FailureCause::Store)?;
            let found = Sha512::of_reader(reader)
                .map_err(|error| FailureCause::Store(StoreError::Content(error)))?;
            if found != expected {
                let (expected, found) = (expected.to_string(), found.to_string());
                return Err(FailureCause::Mismatch { expected, found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha512_has_one_spelling() {
        let digest = Sha512::of_reader(&b"abc"[..]).unwrap();
        let hex = digest.hex();
        assert!(hex.starts_with("ddaf35a193617abacc417349ae204131") && hex.ends_with("a54ca49f"));
        assert_eq!(Sha512::from_hex(&hex), Ok(digest));
        for text in [
            "",
            &hex[1..],
            &hex.to_uppercase(),
            &format!("{hex}0"),
            &digest.to_string(),
        ] {
            assert!(Sha512::from_hex(text).is_err(), "{text}");
        }
    }

    #[test]
    fn file_names_prefer_sha256() {
        let sha256 = Digest::of(b"abc");
        let sha512 = Sha512::of_reader(&b"abc"[..]).unwrap();
        let both = Expected {
            sha256: Some(sha256),
            sha512: Some(sha512),
        };
        assert_eq!(both.file_name(), Some(sha256.to_string()));
        assert_eq!(Expected::from(sha512).file_name(), Some(sha512.to_string()));
        assert_eq!(Expected::default().file_name(), None);
    }
}
