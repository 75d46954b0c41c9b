//! Points in time, to the second, in the one form the documents use.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// A UTC time written `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339, no fraction). Orders by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Timestamp(String);

/// A text or number that is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a UTC time of the form `YYYY-MM-DDTHH:MM:SSZ`")]
pub struct TimestampError(String);

impl Timestamp {
    /// The time `seconds` after 1970-01-01T00:00:00Z.
    pub fn from_unix(seconds: u64) -> Result<Self, TimestampError> {
        let error = || TimestampError(seconds.to_string());
        let signed = i64::try_from(seconds).map_err(|_| error())?;
        let time = jiff::Timestamp::from_second(signed).map_err(|_| error())?;
        Ok(Self(time.to_string()))
    }

    /// 1970-01-01T00:00:00Z.
    pub fn epoch() -> Self {
        Self("1970-01-01T00:00:00Z".to_owned())
    }

    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub fn unix_seconds(&self) -> i64 {
        // It was read as such a time when it was made.
        let time = self.0.parse().map(jiff::Timestamp::as_second);
        time.unwrap_or_default()
    }

    /// The time as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || TimestampError(text.chars().take(40).collect());
        let time: jiff::Timestamp = text.parse().map_err(|_| error())?;
        if text.len() != "1970-01-01T00:00:00Z".len() || time.to_string() != text {
            return Err(error());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        assert_eq!(
            Timestamp::from_unix(0).unwrap().as_str(),
            "1970-01-01T00:00:00Z"
        );
        assert!("2026-11-23T05:48:50Z".parse::<Timestamp>().is_ok());
        assert_eq!(
            Timestamp::from_unix(1_700_000_000).unwrap().unix_seconds(),
            1_700_000_000
        );
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T05:48:50+00:00",
            "2026-11-23T05:48:50.5Z",
            "2026-11-23 05:48:50Z",
            "2026-13-23T05:48:50Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
