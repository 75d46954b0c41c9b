//! Spans of time as people write them.

use std::fmt;

/// A number of days or hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age {
    count: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Days,
    Hours,
}

/// The largest number of days or hours: a century is long enough for anybody, and no sum overflows.
const LARGEST: u32 = 876_000;

impl Age {
    /// Reads `90d` or `36h`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (digits, unit) = if let Some(digits) = text.strip_suffix('d') {
            (digits, Unit::Days)
        } else {
            (text.strip_suffix('h')?, Unit::Hours)
        };
        // `parse` takes a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let count = digits.parse().ok()?;
        (1..=LARGEST)
            .contains(&count)
            .then_some(Self { count, unit })
    }

    pub(crate) fn seconds(self) -> i64 {
        let unit = match self.unit {
            Unit::Days => 86_400,
            Unit::Hours => 3_600,
        };
        i64::from(self.count) * unit
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => "d",
            Unit::Hours => "h",
        };
        write!(formatter, "{}{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::Age;

    #[test]
    fn reads_days_and_hours_and_nothing_else() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("1h", 3_600),
            ("876000d", 75_686_400_000),
        ] {
            let age = Age::parse(text).unwrap();
            assert_eq!((age.seconds(), age.to_string().as_str()), (seconds, text));
        }
        for text in [
            "", "d", "90", "-1d", "+1d", "0d", "1.5d", "90D", "90 d", "876001d", "1w", "1d2h",
        ] {
            assert_eq!(Age::parse(text), None, "{text}");
        }
    }
}
