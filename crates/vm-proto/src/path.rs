//! A path inside the guest.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest [`GuestPath`], in bytes (Linux' `PATH_MAX` without its final NUL).
pub const MAX_GUEST_PATH: usize = 4095;

/// An absolute path inside the guest: starts with `/`, no `..` component, no NUL.
///
/// It is a type of its own so that it cannot be opened on the host by accident.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GuestPath(String);

/// Why a text is not a [`GuestPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestPathError {
    /// It does not start with `/`.
    #[error("guest path `{0}` is not absolute")]
    Relative(String),
    /// It has a `..` component.
    #[error("guest path `{0}` contains `..`")]
    Parent(String),
    /// It contains a NUL byte.
    #[error("guest path contains a NUL byte")]
    Nul,
    /// It is longer than [`MAX_GUEST_PATH`].
    #[error("guest path of {0} bytes is longer than {MAX_GUEST_PATH}")]
    TooLong(usize),
}

impl GuestPath {
    /// Checks `path`.
    pub fn new(path: impl Into<String>) -> Result<Self, GuestPathError> {
        let path = path.into();
        if path.len() > MAX_GUEST_PATH {
            return Err(GuestPathError::TooLong(path.len()));
        }
        if path.contains('\0') {
            return Err(GuestPathError::Nul);
        }
        if !path.starts_with('/') {
            return Err(GuestPathError::Relative(path));
        }
        if path.split('/').any(|component| component == "..") {
            return Err(GuestPathError::Parent(path));
        }
        Ok(Self(path))
    }

    /// The path with its leading `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path without leading and trailing `/`; empty for the root itself.
    pub fn relative(&self) -> &str {
        self.0.trim_matches('/')
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for GuestPath {
    type Error = GuestPathError;
    fn try_from(path: String) -> Result<Self, Self::Error> {
        Self::new(path)
    }
}

impl From<GuestPath> for String {
    fn from(path: GuestPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_without_parents_are_taken() {
        let long = "/".repeat(MAX_GUEST_PATH + 1);
        for (text, good) in [
            ("/", true),
            ("/home/build", true),
            ("/a/..b/c", true),
            ("home", false),
            ("", false),
            ("/a/../b", false),
            ("/..", false),
            ("/a\0b", false),
            (long.as_str(), false),
        ] {
            assert_eq!(GuestPath::new(text).is_ok(), good, "{text:?}");
        }
        assert_eq!(
            GuestPath::new("/home/build/").unwrap().relative(),
            "home/build"
        );
    }
}
