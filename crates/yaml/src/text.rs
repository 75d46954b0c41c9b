//! Scalars as they are written, each with its place in the file.

use crate::source::Position;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_saphyr::{Location, Spanned};

/// A scalar, kept as the text that was written (`1.10` stays `1.10`); null is the empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The text before substitution.
    pub value: String,
    /// Where it stands.
    pub position: Option<Position>,
}

impl Text {
    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }
}

impl std::ops::Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.value
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Option<String>>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value.unwrap_or_default(),
            position: position_of(spanned.referenced),
        })
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.value)
    }
}

/// A position, unless the parser does not know one.
pub fn position_of(location: Location) -> Option<Position> {
    (location != Location::UNKNOWN).then(|| Position {
        line: location.line(),
        column: location.column(),
    })
}

/// Reads a null as the default value, as the format's reference implementation does.
pub fn nullable<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
