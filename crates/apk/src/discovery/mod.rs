//! Finding the keys that sign a repository's index, from what its server publishes.
//!
//! Two ways are in use. Alpine publishes `releases.json`, with the keys of each release branch; and
//! repositories may have a file `apk-configuration` that names a JSON Web Key Set (RFC 7517). This
//! module says what to ask for and reads the answers; asking is the caller's matter. What is found
//! is as trustworthy as the connection it came over: a caller takes answers over TLS alone.

mod alpine;
mod der;
mod jwks;

pub use alpine::{ALPINE_RELEASES, AlpineBranch, alpine_keys};
pub use jwks::{CONFIGURATION, jwks_uri, read_jwks};

/// Largest answer that is read, in bytes (4 MiB; Alpine's list of releases has 0.2).
pub const MAX_ANSWER: u64 = 4 << 20;
/// Most keys that one answer may name.
const MAX_KEYS: usize = 64;

/// A key that was found, as it goes into a [`crate::Keyring`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// The file name that signatures call it by.
    pub file_name: String,
    /// SubjectPublicKeyInfo in PEM.
    pub pem: String,
}

/// Why an answer names no keys.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// It is not the JSON that was asked for.
    #[error("the answer is not {what}")]
    Json {
        /// What was asked for.
        what: &'static str,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// It has no keys for this branch and architecture.
    #[error("no keys are published for Alpine {branch} on {architecture}")]
    NoKeys {
        /// The release branch.
        branch: String,
        /// The architecture.
        architecture: String,
    },
    /// A key is not an RSA key with a usable name.
    #[error("key {0} is not an RSA key with a `kid` that can be a file name")]
    Key(String),
    /// It names more than any repository has.
    #[error("more than {MAX_KEYS} keys are named")]
    TooMany,
}

/// Names become file names in `/etc/apk/keys`, and part of lines in documents.
fn is_file_name(name: &str) -> bool {
    let plain = |char: char| !char.is_control() && !char.is_whitespace() && char != '/';
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.chars().all(plain)
}
