//! The text form, read.

use super::{Index, IndexEntry};
use crate::{Dependency, Provide, Sha1Bytes, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest line, in bytes; packages with tens of thousands of provides exist.
const MAX_LINE: usize = 1 << 20;

/// Why a text is not an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIndexError {
    /// A line is not one letter, a colon and a value.
    #[error("index line {0} is not `K:value`")]
    Line(usize),
    /// A line is longer than 1 MiB.
    #[error("index line {0} is too long")]
    TooLong(usize),
    /// A value is not what its key needs.
    #[error("index line {line}: `{key}` has a malformed value")]
    Value {
        /// Counted from 1.
        line: usize,
        /// The key's letter.
        key: char,
    },
    /// A package's name or version cannot be part of a file name.
    #[error("index record that ends at line {0} has no usable name and version")]
    Name(usize),
}

impl Index {
    /// Reads the text form: lines `K:value`, packages separated by empty lines. Keys that mean
    /// nothing in an index are skipped.
    pub fn parse(text: &str) -> Result<Self, ParseIndexError> {
        let mut entries = Vec::new();
        let mut current: Option<IndexEntry> = None;
        let mut last = 0;
        for (line, number) in text.lines().zip(1..) {
            last = number;
            if line.is_empty() {
                entries.extend(
                    current
                        .take()
                        .map(|entry| checked(entry, number))
                        .transpose()?,
                );
                continue;
            }
            if line.len() > MAX_LINE {
                return Err(ParseIndexError::TooLong(number));
            }
            let mut letters = line.chars();
            let (Some(key), Some(':')) = (letters.next(), letters.next()) else {
                return Err(ParseIndexError::Line(number));
            };
            let entry = current.get_or_insert_with(|| IndexEntry::new("", Version::new("")));
            set(entry, key, letters.as_str())
                .ok_or(ParseIndexError::Value { line: number, key })?;
        }
        entries.extend(current.map(|entry| checked(entry, last)).transpose()?);
        Ok(Self {
            description: String::new(),
            entries,
        })
    }
}

/// Name and version become part of a path and of an address, so they are held to one component.
fn checked(entry: IndexEntry, line: usize) -> Result<IndexEntry, ParseIndexError> {
    let usable = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && !text.contains(['/', '\\', '?', '#', '%'])
            && !text.chars().any(|c| c.is_control() || c.is_whitespace())
    };
    if usable(&entry.name) && usable(entry.version.as_str()) {
        return Ok(entry);
    }
    Err(ParseIndexError::Name(line))
}

fn set(entry: &mut IndexEntry, key: char, value: &str) -> Option<()> {
    let text = || value.to_owned();
    match key {
        'C' => entry.checksum = checksum(value)?,
        'P' => entry.name = text(),
        'V' => entry.version = Version::new(value),
        'A' => entry.arch = text(),
        'S' => entry.size = value.parse().ok()?,
        'I' => entry.installed_size = value.parse().ok()?,
        'T' => entry.description = text(),
        'U' => entry.url = text(),
        'L' => entry.license = text(),
        'o' => entry.origin = text(),
        'm' => entry.maintainer = text(),
        't' => entry.build_time = Some(value.parse().ok()?),
        'c' => entry.commit = text(),
        'D' => entry.depends = dependencies(value),
        'i' => entry.install_if = dependencies(value),
        'p' => entry.provides = value.split_whitespace().map(Provide::parse).collect(),
        'k' => entry.provider_priority = Some(value.parse().ok()?),
        _ => {}
    }
    Some(())
}

fn dependencies(value: &str) -> Vec<Dependency> {
    value
        .split_whitespace()
        .map(Dependency::from_index)
        .collect()
}

/// `Q1` and the base64 of a SHA-1; other kinds are `Some(None)`, a malformed one is `None`.
#[allow(
    clippy::option_option,
    reason = "the outer one is failure, the inner one absence"
)]
fn checksum(value: &str) -> Option<Option<Sha1Bytes>> {
    let Some(base64) = value.strip_prefix("Q1") else {
        return Some(None);
    };
    STANDARD.decode(base64).ok()?.try_into().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn says_which_line_is_wrong() {
        for (text, error) in [
            ("P:a\nV:1\nbroken\n", ParseIndexError::Line(3)),
            (
                "P:a\nV:1\nS:x\n",
                ParseIndexError::Value { line: 3, key: 'S' },
            ),
            (
                "P:a\nV:1\nC:Q1x\n",
                ParseIndexError::Value { line: 3, key: 'C' },
            ),
            ("P:a\n\n", ParseIndexError::Name(2)),
            ("P:../a\nV:1\n\n", ParseIndexError::Name(3)),
            ("P:a\nV:1/../2", ParseIndexError::Name(2)),
        ] {
            assert_eq!(Index::parse(text).unwrap_err(), error);
        }
    }

    #[test]
    fn the_last_record_needs_no_empty_line() {
        let index = Index::parse("P:a\nV:1\n\n\nP:b\nV:2").unwrap();
        let names: Vec<_> = index.entries.iter().map(IndexEntry::file_name).collect();
        assert_eq!(names, ["a-1.apk", "b-2.apk"]);
    }

    proptest! {
        #[test]
        fn any_text_reads_or_fails(text in "([PVDpCSk]:[a-z0-9=<>!@. ]{0,9}\n{1,2}|\\PC{0,9}\n){0,9}") {
            if let Ok(index) = Index::parse(&text) {
                prop_assert_eq!(Index::parse(&index.render().unwrap()).unwrap(), index);
            }
        }
    }
}
