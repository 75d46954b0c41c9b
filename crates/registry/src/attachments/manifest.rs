//! The manifest under a tag with attachments.

use super::SIGNATURE_KEY;
use crate::documents::{CONFIG, Descriptor, Document, MANIFEST, MANIFEST_LIMIT, Stored};
use crate::registry::Registry;
use crate::transport::RequestError;
use bessemer_digest::Digest;
use serde_json::{Map, Value, json};
use std::io::Read as _;

/// A list of attachments while it is changed.
pub(super) struct Attached {
    media_type: String,
    document: Document,
    /// The configuration, which readers do not look at: a valid one of an image.
    config: Map<String, Value>,
}

impl Attached {
    /// No attachments yet.
    pub(super) fn empty() -> Self {
        let document = Document {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            config: None,
            layers: Some(Vec::new()),
            manifests: None,
            other: Map::new(),
        };
        Self {
            media_type: MANIFEST.to_owned(),
            document,
            config: Map::new(),
        }
    }

    /// What a tag has; `None` if that is something else.
    pub(super) fn read(stored: &Stored) -> Option<Self> {
        let is_list = stored.document.layers.is_some() && stored.document.manifests.is_none();
        is_list.then(|| Self {
            media_type: stored.media_type.clone(),
            document: stored.document.clone(),
            config: Map::new(),
        })
    }

    /// Fetches the configuration that belongs to it. One that is of no image is not kept: nobody
    /// looks at it, and a new one is valid.
    pub(super) fn with_config(mut self, registry: &Registry) -> Result<Self, RequestError> {
        let known = self.document.config.as_ref();
        let known = known.filter(|config| config.size <= MANIFEST_LIMIT);
        let Some(descriptor) = known else {
            return Ok(self);
        };
        let content = match registry.fetch_blob(descriptor) {
            Err(error) if error.is_not_found() => return Ok(self),
            content => content?,
        };
        let mut bytes = Vec::new();
        let read = content.part(0, MANIFEST_LIMIT).read_to_end(&mut bytes);
        if let (Ok(_), Ok(config)) = (read, serde_json::from_slice(&bytes)) {
            self.config = config;
        }
        Ok(self)
    }

    /// How many attachments there are.
    pub(super) fn count(&self) -> usize {
        self.layers().len()
    }

    /// Those that are not there.
    pub(super) fn missing(&self, wanted: &[Descriptor]) -> Vec<Descriptor> {
        let is_there = |wanted: &Descriptor| self.layers().iter().any(|layer| same(layer, wanted));
        let missing = wanted.iter().filter(|wanted| !is_there(wanted));
        missing.cloned().collect()
    }

    /// Remembers everything that is there among what must be there.
    pub(super) fn note(&self, wanted: &mut Vec<Descriptor>) {
        for layer in self.layers() {
            if !wanted.iter().any(|wanted| same(layer, wanted)) {
                wanted.push(layer.clone());
            }
        }
    }

    /// Adds attachments after those that are there.
    pub(super) fn add(&mut self, layers: &[Descriptor]) {
        let own = self.document.layers.get_or_insert_default();
        own.extend_from_slice(layers);
    }

    /// The bytes of the configuration, and the manifest.
    pub(super) fn finish(mut self) -> (Vec<u8>, Stored) {
        let digests: Vec<Digest> = self.layers().iter().map(|layer| layer.digest).collect();
        let time = "0001-01-01T00:00:00Z";
        for (key, value) in [
            ("architecture", json!("")),
            ("os", json!("")),
            ("config", json!({})),
            ("created", json!(time)),
        ] {
            self.config.entry(key).or_insert(value);
        }
        // One for each layer, as in an image's.
        let history = vec![json!({ "created": time }); digests.len()];
        self.config.insert("history".to_owned(), json!(history));
        let rootfs = json!({ "type": "layers", "diff_ids": digests });
        self.config.insert("rootfs".to_owned(), rootfs);
        let config = Value::Object(self.config).to_string().into_bytes();
        let media_type = self.document.config.as_ref();
        let media_type = media_type.map_or(CONFIG, |config| config.media_type.as_str());
        let media_type = media_type.to_owned();
        self.document.config = Some(Descriptor::of(&media_type, &config));
        (config, Stored::of(self.media_type, self.document))
    }

    pub(super) fn layers(&self) -> &[Descriptor] {
        self.document.layers.as_deref().unwrap_or_default()
    }
}

/// Whether two layers are the same attachment: two signatures of one payload differ in the
/// annotation alone.
fn same(one: &Descriptor, other: &Descriptor) -> bool {
    let signature = |layer: &Descriptor| {
        let value = layer.annotations.get(SIGNATURE_KEY);
        value.cloned().unwrap_or_default()
    };
    one.digest == other.digest && signature(one) == signature(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(content: &str, signature: &str) -> Descriptor {
        let mut layer = Descriptor::of("a/b", content.as_bytes());
        let note = (SIGNATURE_KEY.to_owned(), signature.to_owned());
        layer.annotations.extend([note]);
        layer
    }

    #[test]
    fn adds_what_is_not_there_after_what_is() {
        let mut attached = Attached::empty();
        attached.add(&[layer("payload", "one")]);
        let wanted = [
            layer("payload", "one"),
            layer("payload", "two"),
            layer("other", "one"),
        ];
        let missing = attached.missing(&wanted);
        assert_eq!(missing, wanted[1..]);
        attached.add(&missing);
        let mut noted = vec![wanted[2].clone()];
        attached.note(&mut noted);
        assert_eq!(noted.len(), 3);
        let (config, stored) = attached.finish();
        let config: Value = serde_json::from_slice(&config).unwrap();
        let layers = stored.document.layers.clone().unwrap();
        assert_eq!(layers, wanted);
        let digests: Vec<_> = layers.iter().map(|layer| layer.digest).collect();
        assert_eq!(config["rootfs"]["diff_ids"], json!(digests));
        assert_eq!(config["history"].as_array().unwrap().len(), 3);
        let read = Stored::read(None, stored.bytes.clone()).unwrap();
        assert_eq!(read.document, stored.document);
    }

    #[test]
    fn keeps_what_it_does_not_know() {
        let text = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"c/d","digest":"{0}","size":1}},"layers":[],"annotations":{{"a":"b"}},"subject":{{"x":1}}}}"#,
            Digest::of(b"")
        );
        let stored = Stored::read(None, text.into_bytes()).unwrap();
        let mut attached = Attached::read(&stored).unwrap();
        attached
            .config
            .insert("author".to_owned(), json!("somebody"));
        attached.add(&[layer("x", "")]);
        let (config, written) = attached.finish();
        assert!(String::from_utf8(config).unwrap().contains("somebody"));
        let written: Value = serde_json::from_slice(&written.bytes).unwrap();
        assert_eq!(written["annotations"]["a"], "b");
        assert_eq!(written["subject"]["x"], 1);
        assert_eq!(written["config"]["mediaType"], "c/d");
        assert!(
            Attached::read(
                &Stored::read(None, br#"{"schemaVersion":2,"manifests":[]}"#.to_vec()).unwrap()
            )
            .is_none()
        );
    }
}
