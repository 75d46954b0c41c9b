//! Reading `lib/apk/db/installed`.

use super::{Database, InstalledDirectory, InstalledFile, InstalledRecord, Owner};
use crate::index::{MAX_LINE, NAMES_PER_ENTRY, ParseIndexError, checked, set_value};
use crate::{Dependency, EntryPath, IndexEntry, Limits, Sha1Bytes, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Why a text is not a database of installed packages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDatabaseError {
    /// A line is not one letter, a colon and a value.
    #[error("database line {0} is not `K:value`")]
    Line(usize),
    /// A line is longer than 1 MiB.
    #[error("database line {0} is too long")]
    TooLong(usize),
    /// A value is not what its key needs, or stands where it means nothing.
    #[error("database line {line}: `{key}` has a malformed value or the wrong place")]
    Value {
        /// Counted from 1.
        line: usize,
        /// The key's letter.
        key: char,
    },
    /// A key that a newer apk may have: what it means is not known, and it may matter.
    #[error("database line {line} has the unknown key `{key}`")]
    Key {
        /// Counted from 1.
        line: usize,
        /// The key's letter.
        key: char,
    },
    /// More packages, files and names than are read.
    #[error("database has more than {limit} {what} at line {line}")]
    TooMany {
        /// Counted from 1.
        line: usize,
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: u64,
    },
    /// A package's name or version cannot be part of a file name.
    #[error("database record that ends at line {0} has no usable name and version")]
    Name(usize),
}

/// What may still come.
struct Left {
    packages: u64,
    files: u64,
    names: u64,
    limits: Limits,
}

impl Database {
    /// Reads the text of the file. [`Limits::packages`] holds for the packages, and
    /// [`Limits::entries`] for the files of all of them together.
    pub fn parse(text: &str, limits: Limits) -> Result<Self, ParseDatabaseError> {
        let mut left = Left {
            packages: limits.packages,
            files: limits.entries,
            names: limits.packages.saturating_mul(NAMES_PER_ENTRY),
            limits,
        };
        let mut records = Vec::new();
        let mut current: Option<InstalledRecord> = None;
        let mut last = 0;
        for (line, number) in text.lines().zip(1..) {
            last = number;
            if line.is_empty() {
                records.extend(current.take().map(|one| named(one, number)).transpose()?);
                continue;
            }
            if line.len() > MAX_LINE {
                return Err(ParseDatabaseError::TooLong(number));
            }
            let mut letters = line.chars();
            let (Some(key), Some(':')) = (letters.next(), letters.next()) else {
                return Err(ParseDatabaseError::Line(number));
            };
            if current.is_none() {
                left.packages = left.take(left.packages, 1, number, "packages")?;
            }
            let record = current
                .get_or_insert_with(|| InstalledRecord::new(IndexEntry::new("", Version::new(""))));
            left.count(key, letters.as_str(), number)?;
            set(record, key, letters.as_str(), number)?;
        }
        records.extend(current.map(|one| named(one, last)).transpose()?);
        Ok(Self { records })
    }
}

impl Left {
    fn count(&mut self, key: char, value: &str, line: usize) -> Result<(), ParseDatabaseError> {
        match key {
            'F' | 'R' => self.files = self.take(self.files, 1, line, "files")?,
            'D' | 'p' | 'i' | 'r' => {
                let names = value.split_whitespace().count() as u64;
                self.names = self.take(self.names, names, line, "dependencies and provides")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn take(
        &self,
        left: u64,
        taken: u64,
        line: usize,
        what: &'static str,
    ) -> Result<u64, ParseDatabaseError> {
        let limit = match what {
            "files" => self.limits.entries,
            _ => self.limits.packages,
        };
        left.checked_sub(taken)
            .ok_or(ParseDatabaseError::TooMany { line, what, limit })
    }
}

fn named(record: InstalledRecord, line: usize) -> Result<InstalledRecord, ParseDatabaseError> {
    let InstalledRecord { entry, .. } = record;
    match checked(entry, line) {
        Ok(mut entry) => {
            // apk has no difference between 0 and nothing.
            entry.build_time = entry.build_time.filter(|time| *time != 0);
            entry.provider_priority = entry.provider_priority.filter(|priority| *priority != 0);
            Ok(InstalledRecord { entry, ..record })
        }
        Err(ParseIndexError::Name(line)) => Err(ParseDatabaseError::Name(line)),
        Err(_) => Err(ParseDatabaseError::Line(line)),
    }
}

fn set(
    record: &mut InstalledRecord,
    key: char,
    value: &str,
    line: usize,
) -> Result<(), ParseDatabaseError> {
    let done = match key {
        'F' | 'M' | 'R' | 'a' | 'Z' => set_file(record, key, value),
        'r' => {
            let names = value.split_whitespace();
            record.replaces = names.map(Dependency::from_index).collect();
            Some(())
        }
        'q' => value
            .parse()
            .ok()
            .map(|priority| record.replaces_priority = priority),
        's' => {
            record.repository_tag = (!value.is_empty()).then(|| value.to_owned());
            Some(())
        }
        'f' => value
            .bytes()
            .all(|letter| letter.is_ascii_alphabetic())
            .then(|| value.clone_into(&mut record.broken)),
        'C' | 'P' | 'V' | 'A' | 'S' | 'I' | 'T' | 'U' | 'L' | 'o' | 'm' | 't' | 'c' | 'k' | 'D'
        | 'p' | 'i' => set_value(&mut record.entry, key, value),
        _ => return Err(ParseDatabaseError::Key { line, key }),
    };
    done.ok_or(ParseDatabaseError::Value { line, key })
}

fn set_file(record: &mut InstalledRecord, key: char, value: &str) -> Option<()> {
    if key == 'F' {
        let path = match value {
            "" => None,
            path => Some(EntryPath::new(path).ok()?),
        };
        record.directories.push(InstalledDirectory {
            path,
            owner: Owner::DIRECTORY,
            files: Vec::new(),
        });
        return Some(());
    }
    let directory = record.directories.last_mut()?;
    match key {
        'M' => directory.owner = owner(value)?,
        'R' => {
            if value.contains('/') {
                return None;
            }
            EntryPath::new(value).ok()?;
            directory.files.push(InstalledFile {
                name: value.to_owned(),
                owner: Owner::FILE,
                sha1: None,
            });
        }
        'a' => directory.files.last_mut()?.owner = owner(value)?,
        _ => directory.files.last_mut()?.sha1 = sha1(value)?,
    }
    Some(())
}

/// `uid:gid:mode`, the mode in octal, perhaps with the checksum of the extended attributes.
fn owner(value: &str) -> Option<Owner> {
    let mut parts = value.splitn(4, ':');
    let mut number = || {
        let digits = parts.next()?;
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then_some(digits)
    };
    let (uid, gid) = (number()?.parse().ok()?, number()?.parse().ok()?);
    let mode = u32::from_str_radix(number()?, 8).ok()?;
    let xattrs = match parts.next() {
        Some(text) => sha1(text)?,
        None => None,
    };
    (mode <= 0o7777).then_some(Owner {
        uid,
        gid,
        mode,
        xattrs,
    })
}

/// `Q1` and the base64 of a SHA-1. Other kinds are `Some(None)`, a malformed one is `None`.
#[allow(
    clippy::option_option,
    reason = "the outer one is failure, the inner one absence"
)]
fn sha1(value: &str) -> Option<Option<Sha1Bytes>> {
    let Some(base64) = value.strip_prefix("Q1") else {
        return Some(None);
    };
    STANDARD.decode(base64).ok()?.try_into().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key that apk-tools 2 writes, in its order and spelling.
    const ALL: &str = "\
C:Q1lVAM7vn9XHtyClU/ZflmqTH8EUo=
P:everything
V:1.2.3-r0
A:x86_64
S:10992
I:339968
T:one of each
U:https://example.org/
L:GPL-2.0-only
o:origin
m:Somebody Ä <somebody@example.org>
t:1655134784
c:cb70ca5c6d6db0399d2dd09189c5d57827bce5cd
k:5
D:/bin/sh so:libc.musl-x86_64.so.1 lib>=2 !other
p:cmd:tool=1.2.3-r0 so:libx.so.1=1
i:docs everything=1.2.3-r0
r:old older<2
q:10
s:edge
f:fsx
F:
R:top
Z:Q1XmduVVNURHQ27TvYp1Lr5TMtFcA=
F:etc
F:root
M:0:0:700
F:usr/bin
R:ping
a:0:0:755:Q1vfk1apUWI4yLJGhhNRd0kJixfvY=
Z:Q1Yz4VxhO2EVju3t6SmUoDtmTSK+U=
R:tty
a:0:5:2620

P:bare
V:1-r0
A:
S:0
I:0
T:
U:
L:

";

    #[test]
    fn what_apk_writes_reads_and_is_written_again() {
        let database = Database::parse(ALL, Limits::default()).unwrap();
        assert_eq!(database.render().unwrap(), ALL);
        let record = &database.records[0];
        assert_eq!(record.replaces_priority, 10);
        assert_eq!(record.directories[3].files[1].owner.mode, 0o2620);
        assert!(record.directories[3].files[0].owner.xattrs.is_some());
    }

    #[test]
    fn what_apko_writes_is_read() {
        let text = "P:a\nV:1\nA:x\nL:\nT:\nU:\nD:\np:\ni:[]\nS:1\nI:1\nk:0\nF:etc\nM:0:0:0700\n\n";
        let database = Database::parse(text, Limits::default()).unwrap();
        assert_eq!(database.records[0].directories[0].owner.mode, 0o700);
        let again = Database::parse(&database.render().unwrap(), Limits::default());
        assert_eq!(again, Ok(database));
    }

    #[test]
    fn says_which_line_is_wrong() {
        let value = |line, key| ParseDatabaseError::Value { line, key };
        for (text, error) in [
            ("P:a\nV:1\nbroken\n", ParseDatabaseError::Line(3)),
            ("P:a\nV:1\nS:x\n", value(3, 'S')),
            ("P:a\nV:1\nR:file\n", value(3, 'R')),
            ("P:a\nV:1\nF:etc\na:0:0:755\n", value(4, 'a')),
            ("P:a\nV:1\nF:../etc\n", value(3, 'F')),
            ("P:a\nV:1\nF:/etc\n", value(3, 'F')),
            ("P:a\nV:1\nF:etc\nR:../x\n", value(4, 'R')),
            ("P:a\nV:1\nF:etc\nR:..\n", value(4, 'R')),
            ("P:a\nV:1\nF:etc\nM:0:0:10000\n", value(4, 'M')),
            ("P:a\nV:1\nF:etc\nM:+0:0:755\n", value(4, 'M')),
            ("P:a\nV:1\nF:etc\nR:x\nZ:Q1x\n", value(5, 'Z')),
            (
                "P:a\nV:1\nG:?\n",
                ParseDatabaseError::Key { line: 3, key: 'G' },
            ),
            ("P:a\n\n", ParseDatabaseError::Name(2)),
        ] {
            let found = Database::parse(text, Limits::default()).unwrap_err();
            assert_eq!(found, error, "{text:?}");
        }
    }

    #[test]
    fn reads_no_more_than_its_limits() {
        let limits = Limits {
            entries: 2,
            packages: 2,
            ..Limits::default()
        };
        let too_many = |line, what| ParseDatabaseError::TooMany {
            line,
            what,
            limit: 2,
        };
        for (text, error) in [
            ("P:a\nV:1\n\nP:b\nV:1\n\nP:c\n", too_many(7, "packages")),
            ("P:a\nV:1\nF:a\nR:b\nR:c\n", too_many(5, "files")),
        ] {
            assert_eq!(Database::parse(text, limits).unwrap_err(), error);
        }
        let long = format!("P:a\nV:1\nT:{}\n", "x".repeat(MAX_LINE));
        let found = Database::parse(&long, Limits::default()).unwrap_err();
        assert_eq!(found, ParseDatabaseError::TooLong(3));
    }
}
