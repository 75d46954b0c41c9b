//! What was last had from an address whose content changes, such as an index.

use crate::store::{Object, Store, StoreError};
use crate::uri::Uri;
use crate::validators::Validators;
use bessemer_digest::Digest;
use std::io::Read as _;

/// Names of these memories, by the SHA-256 of the address.
const KIND: &str = "address";
/// Largest memory, in bytes.
const LARGEST: u64 = 8 << 10;

/// The last content of an address, and how its server tells whether that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) content: Digest,
    pub(crate) validators: Validators,
}

impl Remembered {
    /// What is remembered, with the content's object, if that is still there and sound.
    pub(crate) fn find(uri: &Uri, store: &Store) -> Result<Option<(Self, Object)>, StoreError> {
        let Some(memory) = store.bound(KIND, &key(uri))? else {
            return Ok(None);
        };
        let Some(text) = sound(store, &memory)? else {
            return Ok(None);
        };
        let mut read = String::new();
        let remembered = match text.take(LARGEST).read_to_string(&mut read) {
            Ok(_) => Self::parse(&read),
            Err(_) => None,
        };
        let Some(remembered) = remembered else {
            return Ok(None);
        };
        let Some(file) = sound(store, &remembered.content)? else {
            return Ok(None);
        };
        let object = Object {
            digest: remembered.content,
            size: file.metadata().map_err(StoreError::Content)?.len(),
        };
        Ok(Some((remembered, object)))
    }

    pub(crate) fn keep(&self, uri: &Uri, store: &Store) -> Result<(), StoreError> {
        let memory = store.insert(self.to_text().as_bytes(), LARGEST)?;
        store.bind(KIND, &key(uri), &memory.digest)
    }

    fn to_text(&self) -> String {
        let mut text = format!("content: {}\n", self.content);
        for (name, value) in [
            ("etag", &self.validators.etag),
            ("last-modified", &self.validators.last_modified),
        ] {
            if let Some(value) = value {
                text += &[name, ": ", value, "\n"].concat();
            }
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(": "));
            let mut values = lines.filter(|(found, _)| *found == name);
            values.next().map(|(_, value)| value.to_owned())
        };
        Some(Self {
            content: value("content")?.parse().ok()?,
            validators: Validators {
                etag: value("etag"),
                last_modified: value("last-modified"),
            },
        })
    }
}

/// An object, or nothing where it is gone or damaged.
fn sound(store: &Store, digest: &Digest) -> Result<Option<std::fs::File>, StoreError> {
    match store.read(digest) {
        Err(StoreError::Corrupt { .. }) => Ok(None),
        read => read,
    }
}

/// The address without credentials, so that they may change; with the query, which may choose.
fn key(uri: &Uri) -> String {
    Digest::of(uri.request_text()).hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back() {
        let full = Validators {
            etag: Some("W/\"a: b\"".to_owned()),
            last_modified: Some("Sat, 28 Nov 2026 00:00:00 GMT".to_owned()),
        };
        for validators in [full, Validators::default()] {
            let remembered = Remembered {
                content: Digest::of(b"x"),
                validators,
            };
            assert_eq!(Remembered::parse(&remembered.to_text()), Some(remembered));
        }
        assert_eq!(Remembered::parse("etag: x\n"), None);
    }
}
