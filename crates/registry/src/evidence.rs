//! What is behind an image, beside it: bundles of evidence, each a manifest that refers to the image.
//!
//! Source: OCI image specification 1.1, "Guidelines for Artifact Usage" (a manifest with `artifactType`,
//! `subject` and the empty configuration); distribution specification 1.1, "Listing referrers". cosign 3 passes
//! over referrers that are no bundles of Sigstore's.

use crate::attachments::{AttachError, UnreadAttachment, is_its_own_fault};
use crate::content::Content;
use crate::documents::{Descriptor, Document, MANIFEST, Stored};
use crate::images::Blob;
use crate::referrers::LOOKS;
use crate::registry::{ManifestError, Registry};
use crate::transport::RequestError;
use bessemer_digest::Digest;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The type of a bundle of evidence: JSON Lines, compressed with gzip.
const EVIDENCE: &str = "application/vnd.bessemer.bundle.v1+gzip";
/// The type of a configuration that has nothing to say, and its bytes.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");
/// Most bytes of one bundle, compressed (64 MiB).
pub const EVIDENCE_LIMIT: u64 = 64 << 20;
/// Most bytes of all bundles of one image, compressed (256 MiB).
const BUNDLES_LIMIT: u64 = 256 << 20;

/// Once a registry failed at one, at most so many more are looked at: each takes its time.
const FAILURES: usize = 8;

/// Bundles that refer to an image. Nobody vouches for what is in them.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Each with the digest of the manifest that brings it; those that were listed last come first.
    pub bundles: Vec<(Digest, Blob)>,
    /// What cannot be had, or is beyond the limits.
    pub unread: Vec<UnreadAttachment>,
}

impl Registry {
    /// Puts a bundle of evidence into the repository, compressed with gzip, as what refers to a manifest of it.
    /// The same bytes make the same manifest, so that nothing is added twice. Its digest. What the registry does
    /// not list afterwards is an error: nobody would find it.
    pub fn attach_evidence(&self, digest: &Digest, bundle: &[u8]) -> Result<Digest, AttachError> {
        if bundle.len() as u64 > EVIDENCE_LIMIT {
            return Err(AttachError::TooLarge(bundle.len(), EVIDENCE_LIMIT));
        }
        let subject = self.manifest(digest)?;
        let subject = subject.ok_or(AttachError::Missing(*digest))?.descriptor();
        let config = Descriptor::of(EMPTY.0, EMPTY.1);
        let layer = Descriptor::of(EVIDENCE, bundle);
        for (blob, bytes) in [(&config, EMPTY.1), (&layer, bundle)] {
            self.push_blob::<RequestError>(blob, || Ok(Content::Bytes(bytes.into())))?;
        }
        let stored = manifest(config, layer, &subject);
        let is_listed = || -> Result<bool, ManifestError> {
            let listed = self.referrers(digest)?;
            Ok(listed.iter().any(|one| one.digest == stored.digest))
        };
        // Some say that they list it and have no list.
        if !self.put(&stored, None)? || !is_listed()? {
            let mut listed = stored.descriptor();
            listed.other = kind();
            self.refer(digest, &[listed])?;
            if !is_listed()? {
                return Err(AttachError::Unlisted(*digest));
            }
        }
        Ok(stored.digest)
    }

    /// The bundles of evidence that refer to a manifest. Anybody who may push adds some: what cannot be had is
    /// left out and named, and so is what is beyond the limits.
    pub fn evidence(&self, digest: &Digest) -> Result<Evidence, ManifestError> {
        let mut found = Evidence::default();
        let mut seen = BTreeSet::new();
        let listed = self.referrers(digest)?;
        // An index gets what is new at its end.
        let ours = listed.iter().rev();
        let ours = ours.filter(|one| may_be_evidence(&one.other) && seen.insert(one.digest));
        let (mut looks, mut left) = (LOOKS, BUNDLES_LIMIT);
        for referrer in ours {
            let name = referrer.digest;
            if looks == 0 {
                found.leave_out(name, None);
                continue;
            }
            looks -= 1;
            let stored = match self.manifest(&name) {
                Ok(stored) => stored,
                // Whatever the registry says of this one, it says nothing of the others.
                Err(ManifestError::Request(error)) if error.status().is_some() => {
                    looks = looks.min(FAILURES).saturating_sub(1);
                    found.leave_out(name, Some(error));
                    continue;
                }
                Err(ManifestError::Request(error)) if !is_its_own_fault(&error) => {
                    return Err(error.into());
                }
                Err(_) => None,
            };
            let Some(layer) = stored.and_then(bundle_of) else {
                continue;
            };
            if layer.size > left.min(EVIDENCE_LIMIT) {
                found.leave_out(name, None);
                continue;
            }
            match self.layer(&layer) {
                Ok(blob) => {
                    left -= layer.size;
                    found.bundles.push((name, blob));
                }
                Err(error) if error.status().is_some() || is_its_own_fault(&error) => {
                    looks = looks.min(FAILURES);
                    found.leave_out(name, Some(error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }
}

impl Evidence {
    fn leave_out(&mut self, digest: Digest, cause: Option<RequestError>) {
        self.unread.push(UnreadAttachment { digest, cause });
    }
}

/// The one layer of a manifest that brings evidence.
fn bundle_of(stored: Stored) -> Option<Descriptor> {
    let is_evidence = stored.document.other.get("artifactType") == Some(&json!(EVIDENCE));
    let layers = stored.document.layers.filter(|_| is_evidence)?;
    let [layer] = <[Descriptor; 1]>::try_from(layers).ok()?;
    (layer.media_type == EVIDENCE).then_some(layer)
}

/// The manifest that brings a bundle.
fn manifest(config: Descriptor, layer: Descriptor, subject: &Descriptor) -> Stored {
    let mut other = kind();
    other.insert("subject".to_owned(), json!(subject));
    let document = Document {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        config: Some(config),
        layers: Some(vec![layer]),
        manifests: None,
        other,
    };
    Stored::of(MANIFEST.to_owned(), document)
}

fn kind() -> Map<String, Value> {
    Map::from_iter([("artifactType".to_owned(), json!(EVIDENCE))])
}

/// Whether a list's entry is worth a look. Some writers leave the type out, or put the configuration's there.
fn may_be_evidence(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("artifactType").and_then(Value::as_str);
    kind.is_none_or(|kind| [EVIDENCE, EMPTY.0].contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_an_artifact_of_the_image_specification() {
        let subject = Descriptor::of(MANIFEST, b"image");
        let config = Descriptor::of(EMPTY.0, EMPTY.1);
        let made = manifest(config, Descriptor::of(EVIDENCE, b"bundle"), &subject);
        let told: Value = serde_json::from_slice(&made.bytes).unwrap();
        let expected = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": EVIDENCE,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
                "size": 2,
            },
            "layers": [{ "mediaType": EVIDENCE, "digest": Digest::of(b"bundle"), "size": 6 }],
            "subject": { "mediaType": MANIFEST, "digest": Digest::of(b"image"), "size": 5 },
        });
        assert_eq!(told, expected);
    }
}
