//! One spelling for every document: canonical JSON (RFC 8785), and its digest.

use bessemer_digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The largest document that is read, in bytes (16 MiB).
pub const DOCUMENT_LIMIT: usize = 16 << 20;

/// A type that stands for one of the factory's documents.
pub trait Document: Serialize + DeserializeOwned {
    /// What a person calls it (`lock`, `job spec`, `record`, `trust root`).
    const NAME: &'static str;
}

/// The largest integer that canonical JSON writes exactly (RFC 8785 §3.2.2.3).
const INTEGER_LIMIT: u64 = (1 << 53) - 1;

/// A value that has no canonical JSON form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// Not representable as JSON.
    #[error("cannot write the document as canonical JSON")]
    Json(#[from] serde_json::Error),
    /// A fraction, or an integer that readers would round.
    #[error("the number {0} is not an integer between -2^53 and 2^53")]
    Number(serde_json::Number),
}

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
    let value = serde_json::to_value(value)?;
    check_numbers(&value)?;
    Ok(serde_json_canonicalizer::to_vec(&value)?)
}

fn check_numbers(value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => {
            let magnitude = number
                .as_i64()
                .map(i64::unsigned_abs)
                .or_else(|| number.as_u64());
            if magnitude.is_none_or(|magnitude| magnitude > INTEGER_LIMIT) {
                return Err(CanonicalError::Number(number.clone()));
            }
            Ok(())
        }
        Value::Array(values) => values.iter().try_for_each(check_numbers),
        Value::Object(members) => members.values().try_for_each(check_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sorts_keys_and_leaves_no_space() {
        let bytes = canonical_bytes(&json!({"b": [1, "ä"], "a": true})).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"a":true,"b":[1,"ä"]}"#
        );
    }

    #[test]
    fn refuses_numbers_that_readers_would_round() {
        for value in [json!(0.5), json!([1_u64 << 53]), json!({"a": u64::MAX})] {
            assert!(
                matches!(canonical_bytes(&value), Err(CanonicalError::Number(_))),
                "{value}"
            );
        }
        assert!(canonical_bytes(&json!([INTEGER_LIMIT, -1])).is_ok());
    }
}
