//! The list of what a bootstrap repository holds.

use bessemer_digest::Digest;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The list that is used when no other is given.
const EMBEDDED: &str = include_str!("../debian.yaml");

/// What to take from Debian, and what to add to it.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) list: List,
    sha256: Digest,
}

/// Why a list is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not YAML of the expected shape.
    #[error("{name} is not a bootstrap list")]
    Yaml {
        /// What the text was called.
        name: String,
        /// Where and why.
        source: Box<serde_saphyr::Error>,
    },
    /// A name occurs twice.
    #[error("{name} lists `{package}` twice")]
    Twice {
        /// What the text was called.
        name: String,
        /// The package.
        package: String,
    },
    /// A mode is not octal.
    #[error("{name}: `{mode}` of `{path}` is not an octal mode")]
    Mode {
        /// What the text was called.
        name: String,
        /// The directory.
        path: String,
        /// What was written.
        mode: String,
    },
}

/// The file as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// A list that this one adds to.
    extends: Option<Base>,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    #[serde(default)]
    pub(crate) keep: Vec<String>,
    #[serde(default)]
    pub(crate) omit: BTreeSet<String>,
    pub(crate) packages: Vec<Listed>,
    pub(crate) kernel: Option<Kernel>,
}

/// What a list can add to.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Base {
    /// The list that comes with Bessemer.
    Builtin,
}

/// One entry: additions to a Debian package, or a package of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) debs: Vec<String>,
    pub(crate) provides: Vec<String>,
    pub(crate) depends: Vec<String>,
    pub(crate) remove: Vec<String>,
    pub(crate) links: BTreeMap<String, String>,
    pub(crate) directories: BTreeMap<String, String>,
    pub(crate) files: BTreeMap<String, String>,
}

/// The kernel that guests boot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kernel {
    pub(crate) name: String,
    pub(crate) debs: BTreeMap<String, String>,
    pub(crate) modules: Vec<String>,
}

impl List {
    /// With what another list adds; its kernel, if it names one, is the one that counts.
    fn extended(mut self, other: Self) -> Self {
        self.exclude.extend(other.exclude);
        self.keep.extend(other.keep);
        self.omit.extend(other.omit);
        self.packages.extend(other.packages);
        self.kernel = other.kernel.or(self.kernel);
        self
    }
}

impl Config {
    /// The list that comes with Bessemer.
    pub fn embedded() -> Result<Self, ConfigError> {
        Self::parse("debian.yaml", EMBEDDED)
    }

    /// The text of that list, to start one's own from.
    pub const fn embedded_text() -> &'static str {
        EMBEDDED
    }

    /// Reads a list; `name` is what errors call it. With `extends: builtin` the list that comes with
    /// Bessemer goes before it: in every list, and in the digest.
    pub fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let read = |name: &str, text: &str| {
            serde_saphyr::from_str::<List>(text).map_err(|source| ConfigError::Yaml {
                name: name.into(),
                source: Box::new(source),
            })
        };
        let own = read(name, text)?;
        let (list, sha256) = match own.extends {
            None => (own, Digest::of(text)),
            Some(Base::Builtin) => {
                let base = read("debian.yaml", EMBEDDED)?;
                (base.extended(own), Digest::of([EMBEDDED, text].concat()))
            }
        };
        let mut names = BTreeSet::new();
        for package in &list.packages {
            if !names.insert(&package.name) {
                let package = package.name.clone();
                return Err(ConfigError::Twice {
                    name: name.into(),
                    package,
                });
            }
            for (path, mode) in &package.directories {
                if parse_mode(mode).is_none() {
                    let (path, mode) = (path.clone(), mode.clone());
                    return Err(ConfigError::Mode {
                        name: name.into(),
                        path,
                        mode,
                    });
                }
            }
        }
        Ok(Self { list, sha256 })
    }

    /// The digest of the text, after that of the list it extends.
    pub const fn sha256(&self) -> Digest {
        self.sha256
    }

    pub(crate) fn listed(&self, name: &str) -> Option<&Listed> {
        self.list
            .packages
            .iter()
            .find(|package| package.name == name)
    }

    /// The Debian packages named anywhere, kernel excepted, sorted.
    pub(crate) fn roots(&self) -> BTreeSet<String> {
        self.list
            .packages
            .iter()
            .flat_map(|package| package.debs.iter().cloned())
            .collect()
    }
}

/// Reads an octal mode such as `1777`.
pub(crate) fn parse_mode(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_list_is_sound() {
        let config = Config::embedded().unwrap();
        assert!(config.roots().contains("gcc"));
        let base = config.listed("bessemer-base-layout").unwrap();
        assert_eq!(parse_mode(&base.directories["tmp"]), Some(0o1777));
        assert_eq!(config.list.kernel.unwrap().modules[0], "virtio_mmio");
    }

    #[test]
    fn a_list_can_add_to_the_embedded_one() {
        let text = "extends: builtin\npackages: [{name: py3, debs: [python3]}]";
        let config = Config::parse("x", text).unwrap();
        let roots = config.roots();
        assert!(roots.contains("gcc") && roots.contains("python3"));
        assert!(config.list.kernel.is_some());
        assert_ne!(config.sha256(), Config::embedded().unwrap().sha256());
        let error = Config::parse("x", "extends: builtin\npackages: [{name: gcc}]").unwrap_err();
        assert_eq!(error.to_string(), "x lists `gcc` twice");
    }

    #[test]
    fn mistakes_are_errors() {
        for (text, message) in [
            ("packages: [{name: a, dbs: []}]", "not a bootstrap list"),
            ("packages: [{name: a}, {name: a}]", "`a` twice"),
            (
                "packages: [{name: a, directories: {x: '9'}}]",
                "not an octal mode",
            ),
        ] {
            let error = Config::parse("x", text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
