//! Public keys, and checking signatures with them.

use crate::{Algorithm, Signature};
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// RSA public keys by the file name that signatures call them by: `wolfi-signing.rsa.pub`.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    /// SubjectPublicKeyInfo in DER by file name.
    keys: BTreeMap<String, Vec<u8>>,
}

/// A file is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// It is not one PEM block `PUBLIC KEY`.
    #[error("key {0} is not one PEM block `PUBLIC KEY`")]
    Pem(String),
    /// Another key has that name.
    #[error("there are two different keys with the name {0}")]
    Conflict(String),
}

impl KeyringError {
    /// The key's file name.
    pub fn name(&self) -> &str {
        match self {
            Self::Pem(name) | Self::Conflict(name) => name,
        }
    }
}

/// Which key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// File name of the key in the keyring.
    pub key: String,
    /// How the signature was made, so that a caller can refuse or record SHA-1.
    pub algorithm: Algorithm,
}

/// Why nothing vouches for some bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no signature of an accepted kind.
    #[error("there is no RSA or RSA256 signature")]
    Unsigned,
    /// None of the signatures is by a key of the keyring.
    #[error("signed by {}, of which the keyring has none", .0.join(", "))]
    UnknownKeys(Vec<String>),
    /// A known key's signature does not match the bytes.
    #[error("the signature by {} does not match", .0.join(", "))]
    Mismatch(Vec<String>),
}

impl Keyring {
    /// A keyring without keys, which verifies nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the key in `pem` (PKIX, `-----BEGIN PUBLIC KEY-----`) under its file name.
    pub fn add(&mut self, file_name: &str, pem: &str) -> Result<(), KeyringError> {
        let der = decode_pem(pem).ok_or_else(|| KeyringError::Pem(file_name.to_owned()))?;
        self.insert(file_name, der)
    }

    /// Adds all keys of another keyring.
    pub fn extend(&mut self, other: &Self) -> Result<(), KeyringError> {
        for (name, der) in &other.keys {
            self.insert(name, der.clone())?;
        }
        Ok(())
    }

    /// A key that is there is never replaced by another one of its name.
    fn insert(&mut self, file_name: &str, der: Vec<u8>) -> Result<(), KeyringError> {
        match self.keys.entry(file_name.to_owned()) {
            Entry::Occupied(entry) if *entry.get() != der => {
                Err(KeyringError::Conflict(file_name.to_owned()))
            }
            Entry::Occupied(_) => Ok(()),
            Entry::Vacant(entry) => {
                entry.insert(der);
                Ok(())
            }
        }
    }

    /// The file names of the keys, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Checks that one of `signatures` over `message` is by a key of the keyring; the first that
    /// is decides. RSA keys of 2048 to 8192 bits are accepted.
    pub fn verify(
        &self,
        signatures: &[Signature],
        message: &[u8],
    ) -> Result<Verified, VerifyError> {
        let mut unknown = Vec::new();
        let mut mismatched = Vec::new();
        for signature in signatures {
            let parameters = match signature.algorithm {
                Algorithm::RsaSha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
                Algorithm::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
                Algorithm::RsaSha512 | Algorithm::Dsa => continue,
            };
            let Some((name, der)) = self.find(&signature.key) else {
                unknown.push(signature.key.clone());
                continue;
            };
            let key = UnparsedPublicKey::new(parameters, der);
            if key.verify(message, &signature.bytes).is_ok() {
                let algorithm = signature.algorithm;
                return Ok(Verified {
                    key: name.to_owned(),
                    algorithm,
                });
            }
            mismatched.push(name.to_owned());
        }
        Err(match (mismatched.is_empty(), unknown.is_empty()) {
            (false, _) => VerifyError::Mismatch(mismatched),
            (true, false) => VerifyError::UnknownKeys(unknown),
            (true, true) => VerifyError::Unsigned,
        })
    }

    /// Keys behind some proxies lose their extension, so `name` is looked up without it too.
    fn find(&self, name: &str) -> Option<(&str, &[u8])> {
        let short = name.strip_suffix(".rsa.pub").unwrap_or(name);
        let (name, der) = self
            .keys
            .get_key_value(name)
            .or_else(|| self.keys.get_key_value(short))?;
        Some((name, der))
    }
}

fn decode_pem(pem: &str) -> Option<Vec<u8>> {
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?;
    let base64: String = body.split_whitespace().collect();
    STANDARD.decode(base64).ok().filter(|der| !der.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_public_key() {
        let mut keys = Keyring::new();
        for pem in [
            "",
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ] {
            assert!(keys.add("a.rsa.pub", pem).is_err(), "{pem}");
        }
        assert_eq!(keys.verify(&[], b""), Err(VerifyError::Unsigned));
    }
}
