//! Whether a signed SPDX document is the one that provenance names.
//!
//! Provenance names the digest of the document as a file, and a statement has it in canonical JSON. The
//! file is that, or as `image publish` writes it ([`go_json::pretty`]).

use super::super::VerifyError;
use super::open::Opened;
use crate::documents::canonical_bytes;
use crate::go_json;
use bessemer_digest::Digest;
use serde_json::Value;

/// Digests of the files that a signed document can have been.
pub(super) struct Spellings(Vec<Digest>);

impl Spellings {
    pub(super) fn of(one: &Opened<'_>) -> Result<Self, VerifyError> {
        let document: Value = one.predicate("SPDX document")?;
        let indented = go_json::pretty(&document).map(Digest::of);
        let canonical = canonical_bytes(&document).map(Digest::of);
        // What cannot be written is the spelling of nothing.
        Ok(Self(indented.into_iter().chain(canonical).collect()))
    }

    pub(super) fn have(&self, digest: &Digest) -> bool {
        self.0.contains(digest)
    }
}
