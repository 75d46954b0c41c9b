//! Manifests and what they point at.
//!
//! Source: OCI image specification 1.1 (`descriptor.md`, `manifest.md`, `image-index.md`) and Docker's
//! image manifest version 2, schema 2. Not `oci-spec`: a manifest that another writer changed is
//! written again here, and what is not known must stay in it.

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The media type of an image manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index of manifests.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's names for the same two.
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The media type of an image's configuration.
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Most bytes of a manifest: what the distribution specification has registries take at least.
pub(crate) const MANIFEST_LIMIT: u64 = 4 << 20;
/// Most descriptors in one manifest.
const DESCRIPTORS_LIMIT: usize = 10_000;

/// What points at content: media type, digest and bytes, and what else there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's bytes.
    pub size: u64,
    /// Where else it can be had; such content is not copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Everything else, as it was.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// An image manifest or an index, as far as it points at something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    pub(crate) schema_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layers: Option<Vec<Descriptor>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manifests: Option<Vec<Descriptor>>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// Why bytes are not a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseManifestError {
    /// Not JSON of a manifest's shape.
    #[error("it is not a manifest")]
    Shape(#[source] serde_json::Error),
    /// Docker's schema 1, or something that is not known yet.
    #[error("its schema version is {0}, not 2")]
    SchemaVersion(u64),
    /// Another kind of document.
    #[error("its media type is `{0}`, which is neither that of a manifest nor of an index")]
    MediaType(String),
    /// More than anything has.
    #[error("it points at more than {DESCRIPTORS_LIMIT} things")]
    Size,
}

/// A manifest or an index, byte for byte, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
    pub(crate) document: Document,
}

impl Descriptor {
    /// A descriptor of these bytes.
    pub(crate) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            other: Map::new(),
        }
    }

    pub(crate) fn is_manifest(&self) -> bool {
        is_manifest_type(&self.media_type)
    }
}

pub(crate) fn is_manifest_type(media_type: &str) -> bool {
    [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].contains(&media_type)
}

impl Stored {
    /// Reads a manifest. `declared` is what whoever has it calls it; where the document itself says
    /// what it is, that holds.
    pub(crate) fn read(declared: Option<&str>, bytes: Vec<u8>) -> Result<Self, ParseManifestError> {
        let document: Document =
            serde_json::from_slice(&bytes).map_err(ParseManifestError::Shape)?;
        if document.schema_version != 2 {
            return Err(ParseManifestError::SchemaVersion(document.schema_version));
        }
        let declared =
            declared.map(|declared| declared.split(';').next().unwrap_or_default().trim());
        let shape = if document.manifests.is_some() {
            INDEX
        } else {
            MANIFEST
        };
        let media_type = document.media_type.as_deref();
        let media_type = media_type.or(declared.filter(|declared| is_manifest_type(declared)));
        let media_type = media_type.unwrap_or(shape).to_owned();
        if !is_manifest_type(&media_type) {
            let shown = media_type.chars().filter(|char| !char.is_control());
            return Err(ParseManifestError::MediaType(shown.take(100).collect()));
        }
        if document.blobs().count() + document.children().count() > DESCRIPTORS_LIMIT {
            return Err(ParseManifestError::Size);
        }
        Ok(Self {
            media_type,
            digest: Digest::of(&bytes),
            bytes,
            document,
        })
    }

    /// A document as it is written.
    pub(crate) fn of(media_type: String, document: Document) -> Self {
        let bytes = serde_json::json!(document).to_string().into_bytes();
        Self {
            media_type,
            digest: Digest::of(&bytes),
            bytes,
            document,
        }
    }

    pub(crate) fn descriptor(&self) -> Descriptor {
        Descriptor::of(&self.media_type, &self.bytes)
    }
}

impl Document {
    /// Blobs that it points at: configuration and layers.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let layers = self.layers.iter().flatten();
        self.config.iter().chain(layers)
    }

    /// Manifests that it points at.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor() -> String {
        format!(
            r#"{{"mediaType":"x/y","digest":"{}","size":3,"platform":{{"os":"linux"}},"artifactType":"a/b"}}"#,
            Digest::of(b"abc")
        )
    }

    #[test]
    fn keeps_what_it_does_not_know() {
        let text = format!(
            r#"{{"schemaVersion":2,"config":{0},"layers":[{0}],"subject":{0},"artifactType":"z"}}"#,
            descriptor()
        );
        let stored = Stored::read(Some("text/plain"), text.clone().into_bytes()).unwrap();
        assert_eq!(stored.media_type, MANIFEST);
        assert_eq!(stored.document.blobs().count(), 2);
        let again: Value = serde_json::to_value(&stored.document).unwrap();
        assert_eq!(again, serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn knows_what_it_is() {
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        let docker =
            format!(r#"{{"schemaVersion":2,"mediaType":"{DOCKER_INDEX}","manifests":[]}}"#);
        for (declared, text, expected) in [
            (None, index, INDEX),
            (
                Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
                index,
                INDEX,
            ),
            (Some(INDEX), docker.as_str(), DOCKER_INDEX),
            (
                Some(DOCKER_MANIFEST),
                r#"{"schemaVersion":2}"#,
                DOCKER_MANIFEST,
            ),
        ] {
            let stored = Stored::read(declared, text.as_bytes().to_vec()).unwrap();
            assert_eq!(stored.media_type, expected);
        }
    }

    #[test]
    fn refuses() {
        let wrong_digest = descriptor().replace("sha256:", "sha512:");
        for (text, message) in [
            ("{}".to_owned(), "not a manifest"),
            (
                r#"{"schemaVersion":1,"fsLayers":[]}"#.to_owned(),
                "version is 1",
            ),
            (
                r#"{"schemaVersion":2,"mediaType":"a/b"}"#.to_owned(),
                "`a/b`",
            ),
            (
                format!(r#"{{"schemaVersion":2,"layers":[{wrong_digest}]}}"#),
                "not a manifest",
            ),
        ] {
            let error = Stored::read(None, text.into_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
