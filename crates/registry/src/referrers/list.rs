//! An index of what refers to a manifest, in which what is not known stays as it is.

use crate::documents::{Descriptor, INDEX};
use serde_json::{Map, Value, json};

/// Most entries of one page that are read, the last ones.
const ENTRIES: usize = 10_000;

pub(super) struct List(Map<String, Value>);

impl List {
    pub(super) fn empty() -> Self {
        Self(Map::from_iter([
            ("schemaVersion".to_owned(), json!(2)),
            ("mediaType".to_owned(), json!(INDEX)),
            ("manifests".to_owned(), json!([])),
        ]))
    }

    /// Nothing if it is no index.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
        let is_index = fields.get("schemaVersion") == Some(&json!(2))
            && fields.get("manifests").is_some_and(Value::is_array);
        is_index.then_some(Self(fields))
    }

    /// The entries that can be read.
    pub(super) fn descriptors(&self) -> Vec<Descriptor> {
        let entries = self.entries();
        let entries = entries.iter().skip(entries.len().saturating_sub(ENTRIES));
        let readable = entries.filter_map(|one| serde_json::from_value(one.clone()).ok());
        readable.collect()
    }

    /// Adds what is not there, and remembers what is; whether something was added. Entries are the same by their
    /// digest.
    pub(super) fn add(&mut self, wanted: &mut Vec<Value>) -> bool {
        let has = |there: &[Value], one: &Value| {
            let mut digests = there.iter().map(|there| &there["digest"]);
            digests.any(|digest| digest == &one["digest"])
        };
        let there = self.entries();
        let missing = wanted.iter().filter(|one| !has(there, one));
        let missing: Vec<Value> = missing.cloned().collect();
        let seen = there.iter().filter(|one| !has(wanted, one));
        let seen: Vec<Value> = seen.cloned().collect();
        wanted.extend(seen);
        let added = !missing.is_empty();
        if let Some(Value::Array(entries)) = self.0.get_mut("manifests") {
            entries.extend(missing);
        }
        added
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        json!(self.0).to_string().into_bytes()
    }

    fn entries(&self) -> &[Value] {
        let entries = self.0.get("manifests").and_then(Value::as_array);
        entries.map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_digest::Digest;

    #[test]
    fn what_cannot_be_read_is_passed_over_and_stays() {
        let known = json!({"mediaType": "a/b", "digest": Digest::of("known"), "size": 1});
        let other = json!({"mediaType": "a/b", "digest": "sha512:00", "size": 1, "x": [1]});
        let index = json!({"schemaVersion": 2, "manifests": [other, known], "note": "kept"});
        let mut list = List::read(index.to_string().as_bytes()).unwrap();
        assert_eq!(list.descriptors().len(), 1);
        let new = json!({"mediaType": "a/b", "digest": Digest::of("new"), "size": 1});
        let mut wanted = vec![new.clone()];
        assert!(list.add(&mut wanted));
        assert!(!list.add(&mut wanted));
        assert_eq!(wanted.len(), 3, "what was there must stay there");
        let written: Value = serde_json::from_slice(&list.to_bytes()).unwrap();
        assert_eq!(written["manifests"], json!([other, known, new]));
        assert_eq!(written["note"], "kept");
    }

    #[test]
    fn what_is_no_index_is_none() {
        for text in [
            "",
            "[]",
            "<html>",
            r#"{"schemaVersion":2,"layers":[]}"#,
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2,"manifests":{}}"#,
        ] {
            assert!(List::read(text.as_bytes()).is_none(), "{text}");
        }
        assert!(List::read(&List::empty().to_bytes()).is_some());
    }
}
