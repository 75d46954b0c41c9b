//! What the log says of a signature: the entry that a proof beside a package leads to.
//!
//! Source: `docs/formats/log.md`. The signer writes entries of many kinds; this is the one that a
//! verifier must read.

use crate::Role;
use crate::documents::{CanonicalError, Timestamp, canonical_bytes};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// The event's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Signed,
}

/// An entry that says: this key made this envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedSignature {
    event: Event,
    /// The signer's clock. Nothing is judged by it.
    pub time: Timestamp,
    /// The key's role.
    pub role: Role,
    /// The key's id.
    pub key: String,
    /// The digest of the envelope's line: of payload and signature together.
    pub envelope: Digest,
    /// Digest of the package, where the statement is about one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// The job, where it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_id: Option<String>,
}

impl LoggedSignature {
    /// An entry.
    pub fn new(time: Timestamp, role: Role, key: String, envelope: Digest) -> Self {
        Self {
            event: Event::Signed,
            time,
            role,
            key,
            envelope,
            subject: None,
            invocation_id: None,
        }
    }

    /// Reads an entry; `None` if it is of another kind, or not in its one spelling.
    pub fn parse(entry: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(entry).ok()?;
        (read.to_bytes().ok()? == entry).then_some(read)
    }

    /// The entry's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical_bytes(self)
    }
}
