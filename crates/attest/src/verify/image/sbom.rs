//! Whether a signed SPDX document is the one that provenance names.
//!
//! Provenance names the digest of the document as a file, and a statement has it in canonical JSON. The
//! file is that, or indented by two with a newline at the end, as `image publish` writes it.

use super::super::VerifyError;
use super::open::Opened;
use crate::documents::canonical_bytes;
use bessemer_digest::Digest;
use serde_json::Value;

/// Characters that stand escaped in documents that are indented.
const ESCAPED: [(&str, &str); 5] = [
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u{2028}", "\\u2028"),
    ("\u{2029}", "\\u2029"),
];

/// Digests of the files that a signed document can have been.
pub(super) struct Spellings(Vec<Digest>);

impl Spellings {
    pub(super) fn of(one: &Opened<'_>) -> Result<Self, VerifyError> {
        let document: Value = one.predicate("SPDX document")?;
        let indented = serde_json::to_string_pretty(&document).map(|text| escaped(&text) + "\n");
        let indented = indented.map(Digest::of);
        let canonical = canonical_bytes(&document).map(Digest::of);
        // What cannot be written is the spelling of nothing.
        Ok(Self(indented.into_iter().chain(canonical).collect()))
    }

    pub(super) fn have(&self, digest: &Digest) -> bool {
        self.0.contains(digest)
    }
}

/// These characters stand in texts alone, never between them.
fn escaped(json: &str) -> String {
    let mut text = json.to_owned();
    for (character, by) in ESCAPED {
        text = text.replace(character, by);
    }
    text
}
