//! Paths inside a package, valid by construction.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest path, in bytes (Linux's `PATH_MAX` without the final NUL).
const MAX_PATH: usize = 4095;
/// The longest component, in bytes (`NAME_MAX`).
const MAX_COMPONENT: usize = 255;

/// A path relative to the root of a package or image: `usr/bin/env`.
///
/// Never empty, never absolute; no component is empty, `.` or `..`; no NUL. The order is that of a
/// depth-first walk with the names of each directory sorted bytewise, which is the order of
/// entries in a package: `a`, `a/b`, `a-b`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EntryPath(String);

/// Why a text is not an [`EntryPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryPathError {
    /// Nothing is left of the path.
    #[error("path is empty")]
    Empty,
    /// It starts at the root.
    #[error("path {0:?} is absolute")]
    Absolute(String),
    /// It has an empty, `.` or `..` component.
    #[error("path {0:?} has an empty, `.` or `..` component")]
    Component(String),
    /// It has a NUL byte.
    #[error("path {0:?} has a NUL byte")]
    Nul(String),
    /// It is longer than Linux can open.
    #[error("path {0:?} (shortened) is too long")]
    TooLong(String),
}

impl EntryPath {
    /// Checks `text` strictly; nothing is normalised.
    pub fn new(text: impl Into<String>) -> Result<Self, EntryPathError> {
        let text = text.into();
        if text.is_empty() {
            return Err(EntryPathError::Empty);
        }
        if text.len() > MAX_PATH || text.split('/').any(|part| part.len() > MAX_COMPONENT) {
            return Err(EntryPathError::TooLong(text.chars().take(80).collect()));
        }
        if text.contains('\0') {
            return Err(EntryPathError::Nul(text));
        }
        if text.starts_with('/') {
            return Err(EntryPathError::Absolute(text));
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(EntryPathError::Component(text));
        }
        Ok(Self(text))
    }

    /// Takes a name as archives spell it: a leading `./` and a trailing `/` are dropped, and the
    /// root itself (`.`, `./`) is `None`.
    pub fn from_archive_name(name: &str) -> Result<Option<Self>, EntryPathError> {
        let mut rest = name;
        while let Some(tail) = rest.strip_prefix("./") {
            rest = tail;
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest == "." || (rest.is_empty() && name.starts_with('.')) {
            return Ok(None);
        }
        Self::new(rest).map(Some)
    }

    /// The path as text, without a leading or trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The containing directory; `None` when that is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once('/')
            .map(|(parent, _)| Self(parent.to_owned()))
    }

    /// This path with more components after it.
    pub fn join(&self, tail: &str) -> Result<Self, EntryPathError> {
        Self::new(format!("{}/{tail}", self.0))
    }

    /// Whether apk-tools takes it for metadata of the package (`.PKGINFO`, `.post-install`) and
    /// never installs it: all names whose first component starts with a dot
    /// (`apk_db_install_archive_entry` of apk-tools 2).
    pub fn is_package_metadata(&self) -> bool {
        self.0.starts_with('.')
    }

    /// The components from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// What follows `prefix` and a slash; `None` when this path is not below `prefix`.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(&prefix.0)?.strip_prefix('/')?;
        Some(Self(rest.to_owned()))
    }
}

impl Ord for EntryPath {
    fn cmp(&self, other: &Self) -> Ordering {
        // A slash sorts before every byte a name can have, so that a directory's contents follow
        // it directly.
        let key = |byte: u8| if byte == b'/' { 0 } else { byte };
        self.0.bytes().map(key).cmp(other.0.bytes().map(key))
    }
}

impl PartialOrd for EntryPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl FromStr for EntryPath {
    type Err = EntryPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl TryFrom<String> for EntryPath {
    type Error = EntryPathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl AsRef<str> for EntryPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_leaves_the_root() {
        let long = "x/".repeat(3000);
        for text in [
            "", "/", "/etc", "a//b", "a/", "./a", ".", "..", "a/../b", "a\0b", &long,
        ] {
            assert!(EntryPath::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn reads_archive_spellings() {
        for (name, path) in [
            ("./", None),
            (".", None),
            ("usr/", Some("usr")),
            ("./usr/bin", Some("usr/bin")),
            (".hidden", Some(".hidden")),
        ] {
            let read = EntryPath::from_archive_name(name).unwrap();
            assert_eq!(read.as_ref().map(EntryPath::as_str), path, "{name:?}");
        }
        for name in ["", "/", "/etc/passwd", "./../x", "a/./b"] {
            assert!(EntryPath::from_archive_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn sorts_as_a_walk_does() {
        let mut paths: Vec<_> = ["a-b", "a/b", "b", "a", "a/b/c"]
            .map(|text| EntryPath::new(text).unwrap())
            .into();
        paths.sort();
        assert_eq!(
            paths.iter().map(EntryPath::as_str).collect::<Vec<_>>(),
            ["a", "a/b", "a/b/c", "a-b", "b"]
        );
    }
}
