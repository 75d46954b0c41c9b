//! Places in the policy file.

use bessemer_yaml::Position;
use serde::Serialize;
use std::fmt;

/// Where in the policy file something is demanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1; none for the file as a whole.
    pub line: Option<u64>,
    /// The column in characters, from 1.
    pub column: Option<u64>,
}

impl Place {
    pub(crate) fn new(file: &str, position: Option<Position>) -> Self {
        Self {
            file: file.to_owned(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(formatter, ":{line}:{column}"),
            _ => Ok(()),
        }
    }
}

/// A value that was read, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) position: Option<Position>,
}
