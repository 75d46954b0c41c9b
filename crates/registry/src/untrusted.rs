//! What reads strangers' bytes and is not part of the interface, for fuzzing.

use crate::documents::{ParseManifestError, Stored};

/// Reads a manifest, and reads again what would be written of it; whether both are the same.
pub fn manifest(bytes: &[u8]) -> Result<bool, ParseManifestError> {
    let stored = Stored::read(None, bytes.to_vec())?;
    let written = serde_json::to_vec(&stored.document).map_err(ParseManifestError::Shape)?;
    let again = Stored::read(None, written)?;
    Ok(again.document == stored.document && again.media_type == stored.media_type)
}
