//! Versions as apk-tools orders them.

mod tokens;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use tokens::{Token, tokenize};

/// A version: `1.2.3b_rc1_p2~3f5a-r4`.
///
/// The grammar and the order are those of apk-tools 3 (`src/version.c`):
/// numbers with dots, a letter, any count of suffixes with optional numbers, a commit hash, a
/// revision. As in apk-tools 2, a number may follow the letter: Alpine has `6.8.0p2-r4`. The text is kept as written. A text outside the grammar is an invalid version: it is
/// smaller than every valid one, and invalid ones are ordered by their text. Two versions are equal
/// when neither is greater, whatever their spelling.
#[derive(Clone)]
pub struct Version {
    text: String,
    tokens: Option<Vec<Token>>,
}

/// A text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version")]
pub struct ParseVersionError(String);

impl Version {
    /// Takes any text; see [`Version::is_valid`].
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let tokens = tokenize(&text);
        Self { text, tokens }
    }

    /// Whether the text follows the grammar.
    pub const fn is_valid(&self) -> bool {
        self.tokens.is_some()
    }

    /// The version as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it ends in a revision, `-r0`.
    pub fn has_revision(&self) -> bool {
        self.tokens
            .iter()
            .flatten()
            .any(|token| matches!(token, Token::Revision(_)))
    }

    /// Whether `prefix` is this version up to some component: `1.2` is of `1.2.3` and `1.2_rc1`,
    /// not of `1.20`. The `~` operator.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        match (&self.tokens, &prefix.tokens) {
            (Some(tokens), Some(prefix)) => {
                tokens.len() >= prefix.len()
                    && tokens.iter().zip(prefix).all(|(a, b)| a.cmp(b).is_eq())
            }
            _ => self.text == prefix.text,
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.tokens, &other.tokens) {
            (Some(a), Some(b)) => compare(a, b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (None, None) => self.text.cmp(&other.text),
        }
    }
}

fn compare(a: &[Token], b: &[Token]) -> Ordering {
    let end = Token::End;
    let common = a
        .iter()
        .zip(b)
        .map(|(a, b)| a.cmp(b))
        .find(|order| order.is_ne());
    common.unwrap_or_else(|| {
        let shared = a.len().min(b.len());
        a.get(shared)
            .unwrap_or(&end)
            .cmp(b.get(shared).unwrap_or(&end))
    })
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let version = Self::new(text);
        if version.is_valid() {
            Ok(version)
        } else {
            Err(ParseVersionError(version.text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_the_grammar() {
        for text in [
            "0",
            "1.2.3",
            "1a",
            "1.2b_rc1-r3",
            "1_alpha_pre2",
            "1_p1~abcdef-r0",
            "1_git20",
        ] {
            assert!(Version::new(text).is_valid(), "{text}");
        }
        for text in [
            "",
            "a",
            "1.",
            "1..2",
            "1ab",
            "1_foo",
            "1-r",
            "1-1",
            "1-r1_p1",
            "1_p-",
            "0unstable",
            "-r1",
        ] {
            assert!(!Version::new(text).is_valid(), "{text}");
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn orders_what_the_public_table_does_not_hold() {
        let ordered = [
            "0unstable",
            "bogus",
            "1_alpha",
            "1_alpha2_pre1",
            "1_alpha2",
            "1_beta",
            "1_pre",
            "1_rc",
            "1_rc3",
            "1",
            "1-r1",
            "1_cvs",
            "1_svn",
            "1_git",
            "1_hg",
            "1_p",
            "1_p1",
            "1_p1_p2",
            "1a",
            "1.0",
            // apk-tools 3's; 2.14 has these two the other way round.
            "1.019",
            "1.09",
            "1.1",
            "1.9",
            "1.10",
            "2",
            "18446744073709551616",
            "18446744073709551617",
        ];
        for pair in ordered.windows(2) {
            assert!(Version::new(pair[0]) < Version::new(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn matches_prefixes() {
        for (version, prefix, expected) in [
            ("1.2.3", "1.2", true),
            ("1.2-r4", "1.2", true),
            ("1.2_rc1", "1.2", true),
            ("1.20", "1.2", false),
            ("1.2", "1.2.3", false),
            ("2.1", "1", false),
        ] {
            let found = Version::new(version).starts_with(&Version::new(prefix));
            assert_eq!(found, expected, "{version} ~ {prefix}");
        }
    }

    fn version() -> impl Strategy<Value = Version> {
        let text = "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}[ab]?(_(alpha|rc|git|p)[0-9]?){0,2}(-r[0-9])?";
        prop_oneof![text, "[0-9a._r~-]{0,6}"].prop_map(Version::new)
    }

    proptest! {
        #[test]
        fn is_a_total_order(a in version(), b in version(), c in version()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
            if a == b {
                prop_assert_eq!(a.cmp(&c), b.cmp(&c));
            }
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,20}") {
            prop_assert_eq!(Version::new(text.clone()).to_string(), text);
        }
    }
}
