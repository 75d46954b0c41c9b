//! One spelling for every document: canonical JSON (RFC 8785), and its digest.

use bessemer_digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest document that is read, in bytes (16 MiB).
pub const DOCUMENT_LIMIT: usize = 16 << 20;

/// A type that stands for one of the factory's documents.
pub trait Document: Serialize + DeserializeOwned {
    /// What a person calls it (`lock`, `job spec`, `record`, `trust root`).
    const NAME: &'static str;
}

/// A value that has no canonical JSON form.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the document as canonical JSON")]
pub struct CanonicalError(#[from] serde_json::Error);

/// Why bytes are not the document they should be.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// More bytes than [`DOCUMENT_LIMIT`].
    #[error("the {name} has {size} bytes; at most {DOCUMENT_LIMIT} are read")]
    TooLarge {
        /// Which document.
        name: &'static str,
        /// Its size in bytes.
        size: usize,
    },
    /// Not JSON, or not of this shape.
    #[error("the {name} does not follow its schema")]
    Shape {
        /// Which document.
        name: &'static str,
        /// What the parser found, with line and column.
        source: serde_json::Error,
    },
    /// Same content, other bytes: another order, spacing, number form, or a key given twice.
    #[error("the {name} is not canonical JSON; its digest would not be the document's")]
    NotCanonical {
        /// Which document.
        name: &'static str,
    },
    /// Cannot be written again for the comparison.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// The canonical JSON (RFC 8785) of `value`, without a line end.
pub fn canonical_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// The SHA-256 of [`canonical_bytes`].
pub fn digest<T: Serialize>(value: &T) -> Result<Digest, CanonicalError> {
    canonical_bytes(value).map(Digest::of)
}

/// Reads a document and refuses any spelling but the canonical one.
pub fn parse<T: Document>(bytes: &[u8]) -> Result<T, DocumentError> {
    let name = T::NAME;
    if bytes.len() > DOCUMENT_LIMIT {
        return Err(DocumentError::TooLarge {
            name,
            size: bytes.len(),
        });
    }
    let value: T =
        serde_json::from_slice(bytes).map_err(|source| DocumentError::Shape { name, source })?;
    if canonical_bytes(&value)? != bytes {
        return Err(DocumentError::NotCanonical { name });
    }
    Ok(value)
}
