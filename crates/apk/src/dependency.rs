//! Constraints between packages, and what packages provide.

use crate::{Sha1Bytes, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// How a version must relate to the constraint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `~` (also read from `=~` and `~=`): the constraint's version is a prefix.
    Prefix,
    /// `<~`: smaller, or with that prefix.
    LessOrPrefix,
    /// `>~`: greater, or with that prefix.
    GreaterOrPrefix,
    /// `><`: apk's constraint on a checksum, met by any version.
    Checksum,
}

impl Operator {
    fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "=" | "==" => Self::Equal,
            "<" => Self::Less,
            "<=" | "=<" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" | "=>" => Self::GreaterOrEqual,
            "~" | "=~" | "~=" => Self::Prefix,
            "<~" | "~<" => Self::LessOrPrefix,
            ">~" | "~>" => Self::GreaterOrPrefix,
            "><" | "<>" => Self::Checksum,
            _ => return None,
        })
    }

    /// The operator's usual spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Prefix => "~",
            Self::LessOrPrefix => "<~",
            Self::GreaterOrPrefix => ">~",
            Self::Checksum => "><",
        }
    }

    /// Whether `found` relates to `wanted` as this operator says. An invalid version on either side
    /// meets nothing but equality of the text.
    pub fn accepts(self, found: &Version, wanted: &Version) -> bool {
        if self == Self::Checksum {
            return true;
        }
        if !found.is_valid() || !wanted.is_valid() {
            let allows_equal = !matches!(self, Self::Less | Self::Greater);
            return allows_equal && found.as_str() == wanted.as_str();
        }
        match self {
            Self::Equal => found == wanted,
            Self::Less => found < wanted,
            Self::LessOrEqual => found <= wanted,
            Self::Greater => found > wanted,
            Self::GreaterOrEqual => found >= wanted,
            Self::Prefix => found.starts_with(wanted),
            Self::LessOrPrefix => found < wanted || found.starts_with(wanted),
            Self::GreaterOrPrefix => found > wanted || found.starts_with(wanted),
            Self::Checksum => true,
        }
    }
}

/// A constraint: `name`, `name>=1.2`, `name=1@edge`, `!name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// `!name`: it must be absent.
    pub conflict: bool,
    /// Package or provided name: `busybox`, `so:libc.so.6`, `cmd:awk`, `/bin/sh`.
    pub name: String,
    /// What its version must be; any when `None`.
    pub constraint: Option<(Operator, Version)>,
    /// The tag of the repository it must come from.
    pub pin: Option<String>,
}

/// A text is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a constraint such as `name`, `name>=1.2` or `!name`")]
pub struct ParseDependencyError(String);

const OPERATOR_CHARACTERS: [char; 4] = ['=', '<', '>', '~'];

impl Dependency {
    /// A constraint on presence only.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            conflict: false,
            name: name.into(),
            constraint: None,
            pin: None,
        }
    }

    /// A constraint on the package with this SHA-1 of its control member, as apk writes it into
    /// `etc/apk/world` for a package file.
    pub fn on_checksum(name: impl Into<String>, sha1: Sha1Bytes) -> Self {
        let version = Version::new(format!("Q1{}", STANDARD.encode(sha1)));
        Self {
            constraint: Some((Operator::Checksum, version)),
            ..Self::named(name)
        }
    }

    /// A constraint on this version and no other.
    pub fn on_version(name: impl Into<String>, version: &Version) -> Self {
        let version = Version::new(version.as_str());
        Self {
            constraint: Some((Operator::Equal, version)),
            ..Self::named(name)
        }
    }

    /// Reads a constraint from an index, where one that cannot be understood must not spoil the
    /// rest: it becomes a name that nothing has.
    pub(crate) fn from_index(text: &str) -> Self {
        text.parse().unwrap_or_else(|_| Self::named(text))
    }

    /// Whether `version`, provided under [`Dependency::name`], meets the constraint; `None` is a
    /// name provided without version, which meets no constraint on versions. The pin and
    /// [`Dependency::conflict`] are not looked at.
    pub fn accepts(&self, version: Option<&Version>) -> bool {
        match (&self.constraint, version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some((operator, wanted)), Some(found)) => operator.accepts(
                &comparable(&self.name, found),
                &comparable(&self.name, wanted),
            ),
        }
    }
}

/// The version to compare with when `name` has `version`. A soname's version without revision is
/// taken as `0.<version>`, below every full version, as apko does.
pub(crate) fn comparable<'a>(name: &str, version: &'a Version) -> Cow<'a, Version> {
    if name.starts_with("so:") && version.is_valid() && !version.has_revision() {
        return Cow::Owned(Version::new(format!("0.{version}")));
    }
    Cow::Borrowed(version)
}

impl FromStr for Dependency {
    type Err = ParseDependencyError;

    /// Reads `[!]name[op version][@pin]`; apk-tools' order, `name@pin op version`, is read too. There
    /// is one pin at most.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDependencyError(text.to_owned());
        if text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
        {
            return Err(error());
        }
        let (conflict, rest) = text
            .strip_prefix('!')
            .map_or((false, text), |rest| (true, rest));
        let (mut name, constraint) = match rest.find(OPERATOR_CHARACTERS) {
            None => (rest, None),
            Some(at) => {
                let (name, tail) = rest.split_at(at);
                let version = tail.trim_start_matches(OPERATOR_CHARACTERS);
                let operator = Operator::from_text(&tail[..tail.len() - version.len()]);
                (name, Some((operator.ok_or_else(error)?, version)))
            }
        };
        let mut pin = None;
        if let Some((before, found)) = split_pin(name) {
            (name, pin) = (before, Some(found.to_owned()));
        }
        let constraint = match constraint {
            None => None,
            Some((operator, mut version)) => {
                if let Some((before, found)) = split_pin(version) {
                    if pin.is_some() {
                        return Err(error());
                    }
                    (version, pin) = (before, Some(found.to_owned()));
                }
                if version.is_empty() {
                    return Err(error());
                }
                Some((operator, Version::new(version)))
            }
        };
        // A second pin would be taken for the only one by the next reader.
        if name.is_empty() || split_pin(name).is_some() {
            return Err(error());
        }
        Ok(Self {
            conflict,
            name: name.to_owned(),
            constraint,
            pin,
        })
    }
}

fn split_pin(text: &str) -> Option<(&str, &str)> {
    let (before, pin) = text.rsplit_once('@')?;
    let valid = !before.is_empty()
        && !pin.is_empty()
        && pin
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    valid.then_some((before, pin))
}

impl fmt::Display for Dependency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.conflict {
            formatter.write_str("!")?;
        }
        formatter.write_str(&self.name)?;
        if let Some((operator, version)) = &self.constraint {
            write!(formatter, "{}{version}", operator.as_str())?;
        }
        self.pin
            .iter()
            .try_for_each(|pin| write!(formatter, "@{pin}"))
    }
}

/// Something a package provides: `so:libz.so.1=1.3`, `cmd:gzip=1.13-r0`, `merged-lib`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provide {
    /// The name others may ask for.
    pub name: String,
    /// Its version; without one it can be provided by several packages at once.
    pub version: Option<Version>,
}

impl Provide {
    /// Reads `name` or `name=version`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((name, version)) if !name.is_empty() && !version.is_empty() => Self {
                name: name.to_owned(),
                version: Some(Version::new(version)),
            },
            _ => Self {
                name: text.to_owned(),
                version: None,
            },
        }
    }
}

impl fmt::Display for Provide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        self.version
            .iter()
            .try_for_each(|version| write!(formatter, "={version}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_renders() {
        for (text, rendered) in [
            ("busybox", "busybox"),
            ("a>=1.2-r3", "a>=1.2-r3"),
            ("a=1@edge", "a=1@edge"),
            ("a@edge", "a@edge"),
            ("a@edge>1", "a>1@edge"),
            ("!a<2", "!a<2"),
            ("a=~1", "a~1"),
            ("so:libc.so.6", "so:libc.so.6"),
            ("/bin/sh", "/bin/sh"),
        ] {
            assert_eq!(text.parse::<Dependency>().unwrap().to_string(), rendered);
        }
        for text in [
            "", "!", "=1", "a=", "a===1", "a b", "a=1 ", "a><~1", "a@m@e", "a@m@e>1", "a@m>1@e",
        ] {
            assert!(text.parse::<Dependency>().is_err(), "{text}");
        }
    }

    #[test]
    fn compares_versions() {
        for (constraint, version, expected) in [
            ("a", "1", true),
            ("a=1.0", "1.0", true),
            ("a=1.0", "1.0-r0", false),
            ("a~1.0", "1.0-r0", true),
            ("a>~1.2", "1.2_rc1", true),
            ("a<2", "2_rc1", true),
            ("a>=2", "2_rc1", false),
            ("a>0", "bogus", false),
            ("so:a=1", "1", true),
            ("so:a<1-r0", "2", true),
        ] {
            let dependency: Dependency = constraint.parse().unwrap();
            assert_eq!(
                dependency.accepts(Some(&Version::new(version))),
                expected,
                "{constraint} {version}"
            );
        }
        assert!(!"a>0".parse::<Dependency>().unwrap().accepts(None));
    }

    proptest! {
        #[test]
        fn any_text_reads_or_fails(text in "\\PC{0,20}") {
            if let Ok(dependency) = text.parse::<Dependency>() {
                prop_assert_eq!(dependency.to_string().parse::<Dependency>().unwrap(), dependency);
            }
        }
    }
}
