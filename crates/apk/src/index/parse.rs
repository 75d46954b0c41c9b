//! The text form, read.

use super::{Index, IndexEntry};
use crate::{Dependency, Limits, Provide, Sha1Bytes, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest line, in bytes; packages with tens of thousands of provides exist.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// How many names of other packages may be listed for each package that may be, on average.
pub(crate) const NAMES_PER_ENTRY: u64 = 10;

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
    /// There are more packages than are read.
    #[error("index has more than {limit} packages at line {line}")]
    TooMany {
        /// Counted from 1.
        line: usize,
        /// Packages that are allowed ([`Limits::packages`]).
        limit: u64,
    },
    /// Dependencies, provides and install_if conditions are more than are read: each takes a
    /// hundred times the memory of its text.
    #[error("index names more than {limit} dependencies and provides at line {line}")]
    TooManyNames {
        /// Counted from 1.
        line: usize,
        /// Names that are allowed ([`Limits::packages`] times 10).
        limit: u64,
    },
    /// A package's name or version cannot be part of a file name.
    #[error("index record that ends at line {0} has no usable name and version")]
    Name(usize),
}

impl Index {
    /// Reads the text form: lines `K:value`, packages separated by empty lines. Keys that mean
    /// nothing in an index are skipped.
    pub fn parse(text: &str) -> Result<Self, ParseIndexError> {
        Self::parse_within(text, Limits::default())
    }

    /// The same with other limits, of which [`Limits::packages`] is for the packages.
    pub fn parse_within(text: &str, limits: Limits) -> Result<Self, ParseIndexError> {
        let mut parser = Parser::new(limits);
        text.lines().try_for_each(|line| parser.line(line))?;
        parser.finish()
    }
}

/// An index that is being read, line by line.
pub(super) struct Parser {
    limits: Limits,
    entries: Vec<IndexEntry>,
    current: Option<IndexEntry>,
    /// Lines so far.
    number: usize,
    /// Dependencies, provides and conditions so far.
    named: u64,
}

impl Parser {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            current: None,
            number: 0,
            named: 0,
        }
    }

    /// Takes in the next line, without its end.
    pub(super) fn line(&mut self, line: &str) -> Result<(), ParseIndexError> {
        self.number += 1;
        let number = self.number;
        if line.is_empty() {
            let done = self.current.take();
            self.entries
                .extend(done.map(|entry| checked(entry, number)).transpose()?);
            return Ok(());
        }
        if line.len() > MAX_LINE {
            return Err(ParseIndexError::TooLong(number));
        }
        let mut letters = line.chars();
        let (Some(key), Some(':')) = (letters.next(), letters.next()) else {
            return Err(ParseIndexError::Line(number));
        };
        let limit = self.limits.packages;
        if self.current.is_none() && self.entries.len() as u64 >= limit {
            let line = number;
            return Err(ParseIndexError::TooMany { line, limit });
        }
        if matches!(key, 'D' | 'p' | 'i') {
            let limit = limit.saturating_mul(NAMES_PER_ENTRY);
            self.named += letters.as_str().split_whitespace().count() as u64;
            if self.named > limit {
                let line = number;
                return Err(ParseIndexError::TooManyNames { line, limit });
            }
        }
        let entry = self
            .current
            .get_or_insert_with(|| IndexEntry::new("", Version::new("")));
        set_value(entry, key, letters.as_str()).ok_or(ParseIndexError::Value { line: number, key })
    }

    /// What is wrong when the next line is longer than any may be.
    pub(super) const fn too_long(&self) -> ParseIndexError {
        ParseIndexError::TooLong(self.number + 1)
    }

    /// The index, when there are no more lines; the last record needs no empty line behind it.
    pub(super) fn finish(mut self) -> Result<Index, ParseIndexError> {
        let last = self.current.take();
        let number = self.number;
        self.entries
            .extend(last.map(|entry| checked(entry, number)).transpose()?);
        Ok(Index {
            description: String::new(),
            entries: self.entries,
        })
    }
}

/// Name and version become part of a path and of an address, so they are held to one component.
pub(crate) fn checked(entry: IndexEntry, line: usize) -> Result<IndexEntry, ParseIndexError> {
    if is_component(&entry.name) && is_component(entry.version.as_str()) {
        return Ok(entry);
    }
    Err(ParseIndexError::Name(line))
}

/// Whether this can be the name or the version of a package.
pub(crate) fn is_component(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && !text.contains(['/', '\\', '?', '#', '%'])
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Takes in the value of a key; keys that mean nothing in an index are skipped. `None` is a value
/// that is not what its key needs.
pub(crate) fn set_value(entry: &mut IndexEntry, key: char, value: &str) -> Option<()> {
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
    fn reads_no_more_than_its_limits() {
        let limits = Limits {
            packages: 2,
            ..Limits::default()
        };
        for (text, error) in [
            (
                "P:a\nV:1\n\nP:b\nV:1\n\n\nP:c\nV:1\n",
                ParseIndexError::TooMany { line: 8, limit: 2 },
            ),
            (
                "P:a\nV:1\nD:1 2 3 4 5 6 7 8 9\np:10 11 12 13 14 15\ni:16 17 18 19 20 21\n",
                ParseIndexError::TooManyNames { line: 5, limit: 20 },
            ),
        ] {
            assert_eq!(Index::parse_within(text, limits).unwrap_err(), error);
        }
        let long = format!("P:a\nV:1\nT:{}\n", "x".repeat(MAX_LINE));
        assert_eq!(
            Index::parse(&long).unwrap_err(),
            ParseIndexError::TooLong(3)
        );
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
