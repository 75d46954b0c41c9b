//! What the original's guest was given, against what the rebuild's was.

use super::reading::Original;
use crate::places::Places;
use crate::print::plain_line;
use anyhow::{Context as _, Result};
use bessemer_attest::documents::{DOCUMENT_LIMIT, GuestInputs, parse};
use bessemer_digest::Digest;
use bessemer_store::Store;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The most differences that are shown.
const SHOWN: usize = 20;
/// The most characters of a value that are shown.
const WIDTH: usize = 120;

/// How the inputs of two guests compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Byte for byte the same.
    Same(Digest),
    /// Others.
    Different {
        before: Digest,
        after: Digest,
        /// What differs; nothing when one of the documents is not at hand.
        differences: Option<Vec<String>>,
    },
    /// The original's provenance does not name its guest's inputs.
    Unrecorded,
}

/// Where documents are found by digest.
#[derive(Debug)]
pub(super) struct Documents {
    /// Objects by digest.
    pub(super) store: Store,
    /// What a build leaves beside its packages; it need not be there.
    pub(super) beside: PathBuf,
}

/// The name of the document beside the packages of a build.
pub(in crate::commands) fn inputs_file(package: &str, version: &str) -> String {
    format!("{package}-{version}.guest-inputs.json")
}

impl Documents {
    /// In this machine's store, and beside the original.
    pub(super) fn of(original: &Original) -> Result<Self> {
        let (package, version, _) = original.origin();
        let file = inputs_file(&package, &version);
        Ok(Self {
            store: Store::open(Places::of(false)?.cache.join("store"))?,
            beside: original.path.with_file_name(file),
        })
    }

    /// The document, wherever it is; nothing that has another digest counts.
    fn find(&self, digest: &Digest) -> Option<GuestInputs> {
        let places = [self.store.object_path(digest), self.beside.clone()];
        let mut found = places.iter().filter_map(|path| read(path).ok());
        let bytes = found.find(|bytes| Digest::of(bytes) == *digest)?;
        parse(&bytes).ok()
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = DOCUMENT_LIMIT as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Told {
    /// Compares what the two provenances name.
    pub(super) fn compare(
        before: Option<Digest>,
        after: Option<Digest>,
        documents: &Documents,
    ) -> Result<Self> {
        let after =
            after.context("the rebuild's provenance does not name what its guest was given")?;
        let Some(before) = before else {
            return Ok(Self::Unrecorded);
        };
        if before == after {
            return Ok(Self::Same(before));
        }
        let both = documents.find(&before).zip(documents.find(&after));
        let differences = both.map(|(before, after)| differences(&before, &after));
        Ok(Self::Different {
            before,
            after,
            differences: differences.transpose()?,
        })
    }

    /// Why nothing is proven of the original, if so.
    pub(super) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Same(_) => None,
            Self::Different { .. } => Some("its guest was given something else"),
            Self::Unrecorded => Some("what its guest was told was not recorded"),
        }
    }

    /// For a person: a line, and one for each difference.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Same(digest) => vec![format!("was given the same, {digest}")],
            Self::Different {
                before,
                after,
                differences,
            } => {
                let mut lines = vec![format!("was given {before}, the rebuild's {after}")];
                match differences {
                    Some(differences) => lines.extend(differences.iter().cloned()),
                    None => lines.push(
                        "the original's is neither in the store nor beside the package".to_owned(),
                    ),
                }
                lines
            }
            Self::Unrecorded => vec![
                "its provenance names no guest-inputs: whether it was told the same is not known"
                    .to_owned(),
            ],
        }
    }

    /// For a program.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Same(digest) => {
                json!({"result": "same", "original": digest, "rebuilt": digest})
            }
            Self::Different {
                before,
                after,
                differences,
            } => json!({
                "result": "different", "original": before, "rebuilt": after,
                "differences": differences,
            }),
            Self::Unrecorded => json!({"result": "unrecorded"}),
        }
    }
}

/// Every value that is not the same, by its place.
fn differences(before: &GuestInputs, after: &GuestInputs) -> Result<Vec<String>> {
    let (before, after) = (serde_json::to_value(before)?, serde_json::to_value(after)?);
    let mut found = Vec::new();
    walk("", Some(&before), Some(&after), &mut found);
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    if more > 0 {
        found.push(format!("and {more} more"));
    }
    Ok(found)
}

fn walk(place: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<String>) {
    match (before, after) {
        _ if before == after => {}
        (Some(Value::Object(one)), Some(Value::Object(two))) => {
            let keys: BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            for key in keys {
                let dot = if place.is_empty() { "" } else { "." };
                let place = format!("{place}{dot}{key}");
                walk(&place, one.get(key), two.get(key), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(two))) => {
            for index in 0..one.len().max(two.len()) {
                let place = format!("{place}[{index}]");
                walk(&place, one.get(index), two.get(index), found);
            }
        }
        (Some(Value::String(one)), Some(Value::String(two))) => {
            // Of a script, the first line that differs.
            let (one, two) = (one.lines(), two.lines());
            let same = one
                .clone()
                .zip(two.clone())
                .take_while(|(a, b)| a == b)
                .count();
            let line = |mut lines: std::str::Lines<'_>| lines.nth(same).map(Value::from);
            let (one, two) = (line(one), line(two));
            found.push(difference(place, one.as_ref(), two.as_ref()));
        }
        _ => found.push(difference(place, before, after)),
    }
}

fn difference(place: &str, before: Option<&Value>, after: Option<&Value>) -> String {
    let shown = |value: Option<&Value>| {
        let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
        plain_line(&text).chars().take(WIDTH).collect::<String>()
    };
    format!("{place} was {}, is {}", shown(before), shown(after))
}

#[cfg(test)]
mod tests;
