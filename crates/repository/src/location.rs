//! Where a repository is.

use bessemer_store::{ParseUriError, Uri};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A directory or URL with a folder for each architecture. Shown without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory of this machine.
    Directory {
        /// As it was written, without a slash at the end.
        text: String,
        /// The directory.
        path: PathBuf,
    },
    /// A URL.
    Remote(Uri),
}

/// A location and the tag that constraints choose it by (`name@tag`), written `@tag LOCATION` as in
/// `/etc/apk/repositories`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Without the `@`.
    pub tag: Option<String>,
    /// Where it is.
    pub place: Location,
}

/// Why a text is no repository's location. The text is not repeated: it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It cannot be read.
    #[error("a repository's location cannot be read")]
    Uri(#[from] ParseUriError),
    /// A tag without a location, or one that no constraint can name.
    #[error(
        "a tagged repository is written `@tag LOCATION`; tags have letters, digits, `-` and `_`"
    )]
    Tag,
    /// Files are found by adding to a path.
    #[error("the URL of repository {0} has a query or a fragment")]
    Query(Uri),
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let uri: Uri = text.trim_end_matches('/').parse()?;
        if uri.has_query() {
            return Err(LocationError::Query(uri));
        }
        if uri.is_remote() {
            return Ok(Self::Remote(uri));
        }
        Ok(Self::Directory {
            text: text.trim_end_matches('/').to_owned(),
            path: uri.file_path(),
        })
    }
}

impl FromStr for Tagged {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some(tagged) = text.strip_prefix('@') else {
            return Ok(Self {
                tag: None,
                place: text.parse()?,
            });
        };
        let (tag, place) = tagged
            .split_once(char::is_whitespace)
            .ok_or(LocationError::Tag)?;
        let usable = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if tag.is_empty() || !tag.chars().all(usable) {
            return Err(LocationError::Tag);
        }
        Ok(Self {
            tag: Some(tag.to_owned()),
            place: place.trim().parse()?,
        })
    }
}

impl fmt::Display for Tagged {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = &self.tag {
            write!(formatter, "@{tag} ")?;
        }
        self.place.fmt(formatter)
    }
}

impl Location {
    /// The place of a file below it: `x86_64/APKINDEX.tar.gz`.
    pub(crate) fn file(&self, below: &str) -> Uri {
        match self {
            Self::Remote(uri) => uri.join(below),
            Self::Directory { path, .. } => Uri::from_path(path.join(below)),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(uri) => uri.fmt(formatter),
            Self::Directory { text, .. } => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_shown_without_secrets_and_lead_to_files() {
        let cases = [
            (
                "https://me:secret@host/os/",
                "https://host/os",
                "https://host/os/x86_64/a.apk",
            ),
            ("packages/", "packages", "packages/x86_64/a.apk"),
            ("file:///srv/os", "file:///srv/os", "/srv/os/x86_64/a.apk"),
        ];
        for (text, shown, file) in cases {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), shown);
            assert_eq!(location.file("x86_64/a.apk").to_string(), file);
        }
        let tagged: Tagged = "@local https://me:secret@host/os".parse().unwrap();
        assert_eq!(tagged.to_string(), "@local https://host/os");
        for (text, message) in [
            (
                "https://host/os?token=secret",
                "the URL of repository https://host/os?… has a query or a fragment",
            ),
            (
                "@",
                "a tagged repository is written `@tag LOCATION`; tags have letters, digits, `-` and `_`",
            ),
            (
                "ftp://host/secret",
                "a repository's location cannot be read",
            ),
            ("", "a repository's location cannot be read"),
        ] {
            assert_eq!(text.parse::<Tagged>().unwrap_err().to_string(), message);
        }
    }
}
