//! What is behind an image, beside it: bundles of evidence, each a manifest that refers to the image.
//!
//! Source: OCI image specification 1.1, "Guidelines for Artifact Usage" (a manifest with `artifactType`,
//! `subject` and the empty configuration); distribution specification 1.1, "Listing referrers". cosign 3 passes
//! over referrers that are no bundles of Sigstore's.

use crate::attachments::{AttachError, UnreadAttachment, is_its_own_fault};
use crate::content::Content;
use crate::documents::{Descriptor, Document, MANIFEST, Stored};
use crate::images::Blob;
use crate::registry::{ManifestError, Registry};
use crate::transport::RequestError;
use bessemer_digest::Digest;
use serde_json::{Map, Value, json};

/// The type of a bundle of evidence: JSON Lines, compressed with gzip.
const EVIDENCE: &str = "application/vnd.bessemer.bundle.v1+gzip";
/// The type of a configuration that has nothing to say, and its bytes.
const EMPTY: (&str, &[u8]) = ("application/vnd.oci.empty.v1+json", b"{}");
/// Most bundles of one image that are read.
const BUNDLES: usize = 32;
/// Most bytes of all of them, compressed (128 MiB).
const BUNDLES_LIMIT: u64 = 128 << 20;

/// Bundles that refer to an image. Nobody vouches for what is in them.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Each with the digest of the manifest that brings it.
    pub bundles: Vec<(Digest, Blob)>,
    /// What cannot be had.
    pub unread: Vec<UnreadAttachment>,
}

impl Registry {
    /// Puts a bundle of evidence into the repository, compressed with gzip, as what refers to a manifest of it.
    /// The same bytes make the same manifest, so that nothing is added twice. Its digest.
    pub fn attach_evidence(&self, digest: &Digest, bundle: &[u8]) -> Result<Digest, AttachError> {
        let subject = self.manifest(digest)?;
        let subject = subject.ok_or(AttachError::Missing(*digest))?.descriptor();
        let config = Descriptor::of(EMPTY.0, EMPTY.1);
        let layer = Descriptor::of(EVIDENCE, bundle);
        for (blob, bytes) in [(&config, EMPTY.1), (&layer, bundle)] {
            self.push_blob::<RequestError>(blob, || Ok(Content::Bytes(bytes.into())))?;
        }
        let stored = manifest(config, layer, &subject);
        if !self.put(&stored, None)? {
            let mut listed = stored.descriptor();
            listed.other = kind();
            self.refer(digest, &[listed])?;
        }
        Ok(stored.digest)
    }

    /// The bundles of evidence that refer to a manifest. Anybody who may push adds some: what cannot be had is
    /// left out and named, and so is what is beyond the limits, the smaller ones coming first.
    pub fn evidence(&self, digest: &Digest) -> Result<Evidence, ManifestError> {
        let mut found = Evidence::default();
        let mut layers = Vec::new();
        let listed = self.referrers(digest)?;
        let ours = listed.iter().filter(|one| is_evidence(&one.other));
        for referrer in ours.take(BUNDLES) {
            let name = referrer.digest;
            // One that cannot be read is a stranger's, and no reason to fail.
            let stored = match self.manifest(&name) {
                Err(ManifestError::Request(error)) if !is_its_own_fault(&error) => {
                    return Err(error.into());
                }
                stored => stored.ok().flatten(),
            };
            let bundles = stored.and_then(|stored| stored.document.layers);
            let bundles = bundles.into_iter().flatten();
            let bundles = bundles.filter(|layer| layer.media_type == EVIDENCE);
            layers.extend(bundles.map(|layer| (name, layer)));
        }
        layers.sort_by_key(|(_, layer)| layer.size);
        let mut left = BUNDLES_LIMIT;
        for (name, layer) in layers.into_iter().take(BUNDLES) {
            let mut unread = |cause| {
                let digest = name;
                found.unread.push(UnreadAttachment { digest, cause });
            };
            if layer.size > left {
                unread(None);
                continue;
            }
            left -= layer.size;
            match self.layer(&layer) {
                Ok(blob) => found.bundles.push((name, blob)),
                Err(error) if is_its_own_fault(&error) => unread(Some(error)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }
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
    let bytes = json!(document).to_string().into_bytes();
    Stored {
        media_type: MANIFEST.to_owned(),
        digest: Digest::of(&bytes),
        bytes,
        document,
    }
}

fn kind() -> Map<String, Value> {
    Map::from_iter([("artifactType".to_owned(), json!(EVIDENCE))])
}

fn is_evidence(fields: &Map<String, Value>) -> bool {
    fields.get("artifactType").and_then(Value::as_str) == Some(EVIDENCE)
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
