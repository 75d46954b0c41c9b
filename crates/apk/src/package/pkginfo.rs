//! `.PKGINFO`: what a package says about itself. Parsing; [`super::render`] writes it.

use crate::index::is_component;
use bessemer_digest::Digest;

/// The contents of `.PKGINFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PkgInfo {
    /// `pkgname`.
    pub name: String,
    /// `pkgver`: version with revision, `1.2.3-r0`.
    pub version: String,
    /// `arch`, apk's name: `x86_64`, `noarch`.
    pub arch: String,
    /// `size`: bytes when installed.
    pub size: u64,
    /// `origin`: the name of the recipe's main package.
    pub origin: String,
    /// `pkgdesc`: one line.
    pub description: String,
    /// `url` of the project.
    pub url: String,
    /// `commit` of the recipe's repository.
    pub commit: String,
    /// `maintainer`; melange puts its namespace here.
    pub maintainer: Option<String>,
    /// `packager`, which only Alpine writes.
    pub packager: Option<String>,
    /// `builddate`: seconds since 1970.
    pub build_date: Option<u64>,
    /// `license`, one value an entry.
    pub licenses: Vec<String>,
    /// `depend`, one constraint an entry: `so:libc.musl-x86_64.so.1`, `!conflict`.
    pub depends: Vec<String>,
    /// `provides`: `cmd:foo=1.2-r0`.
    pub provides: Vec<String>,
    /// `replaces`: packages whose files this one may take over.
    pub replaces: Vec<String>,
    /// `install_if`: constraints that, all met, pull this package in.
    pub install_if: Vec<String>,
    /// `# vendored`: libraries inside the package that it does not provide to others.
    pub vendored: Vec<String>,
    /// `provider_priority`.
    pub provider_priority: Option<u64>,
    /// `replaces_priority`.
    pub replaces_priority: Option<u64>,
    /// `triggers`: directories whose change runs the trigger script.
    pub triggers: Vec<String>,
    /// `datahash`: SHA-256 of the compressed data member.
    pub datahash: Option<Digest>,
}

/// Why a `.PKGINFO` cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PkgInfoError {
    /// A line is no comment and has no ` = `.
    #[error(".PKGINFO line {line} is not `key = value`")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// A value is not what its key needs.
    #[error(".PKGINFO line {line}: `{key}` has a malformed value")]
    Value {
        /// Counted from 1.
        line: usize,
        /// The key.
        key: String,
    },
    /// A key without which a package is none is absent.
    #[error(".PKGINFO has no `{0}`")]
    Missing(&'static str),
    /// The name or the version cannot be part of a file's name, so that no index can have the package.
    #[error(".PKGINFO has the `{key}` {value:?}, which cannot be part of a file's name")]
    Unusable {
        /// The key.
        key: &'static str,
        /// The value, shortened.
        value: String,
    },
    /// A value to write would not read back as one value.
    #[error("`{key}` cannot have the value {value:?}")]
    Unwritable {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
}

impl PkgInfo {
    /// Reads the text of a `.PKGINFO`. Unknown keys and comments are skipped, as apk does; `pkgname`,
    /// `pkgver` and `arch` are required.
    pub fn parse(text: &str) -> Result<Self, PkgInfoError> {
        let mut info = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if line.trim().is_empty() {
                continue;
            }
            if let Some(vendored) = line.strip_prefix("# vendored = ") {
                info.vendored.push(vendored.trim().to_owned());
                continue;
            }
            if line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .ok_or(PkgInfoError::Line { line: line_number })?;
            info.set(key.trim(), value.trim())
                .map_err(|key| PkgInfoError::Value {
                    line: line_number,
                    key: key.to_owned(),
                })?;
        }
        for (key, value) in [
            ("pkgname", &info.name),
            ("pkgver", &info.version),
            ("arch", &info.arch),
        ] {
            if value.is_empty() {
                return Err(PkgInfoError::Missing(key));
            }
        }
        for (key, value) in [("pkgname", &info.name), ("pkgver", &info.version)] {
            if !is_component(value) {
                return Err(PkgInfoError::Unusable {
                    key,
                    value: value.chars().take(80).collect(),
                });
            }
        }
        Ok(info)
    }

    fn set<'a>(&mut self, key: &'a str, value: &str) -> Result<(), &'a str> {
        let text = || value.to_owned();
        let number = || value.parse::<u64>().map_err(|_| key);
        match key {
            "pkgname" => self.name = text(),
            "pkgver" => self.version = text(),
            "arch" => self.arch = text(),
            "size" => self.size = number()?,
            "origin" => self.origin = text(),
            "pkgdesc" => self.description = text(),
            "url" => self.url = text(),
            "commit" => self.commit = text(),
            "maintainer" => self.maintainer = Some(text()),
            "packager" => self.packager = Some(text()),
            "builddate" => self.build_date = Some(number()?),
            "license" => self.licenses.push(text()),
            "depend" => self.depends.push(text()),
            "provides" => self.provides.push(text()),
            "replaces" => self.replaces.push(text()),
            "install_if" => self.install_if.push(text()),
            "provider_priority" => self.provider_priority = Some(number()?),
            "replaces_priority" => self.replaces_priority = Some(number()?),
            "triggers" => self
                .triggers
                .extend(value.split_whitespace().map(str::to_owned)),
            "datahash" => self.datahash = Some(Digest::from_hex(value).map_err(|_| key)?),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_line_is_wrong() {
        for (text, error) in [
            ("", "has no `pkgname`"),
            ("pkgname = a\npkgver", "line 2 is not"),
            ("size = many", "line 1: `size`"),
            ("# c\ndatahash = 00", "line 2: `datahash`"),
            (
                "pkgname = ../../x\npkgver = 1\narch = x",
                "the `pkgname` \"../../x\", which cannot be part",
            ),
            (
                "pkgname = a\npkgver = 1/2\narch = x",
                "the `pkgver` \"1/2\"",
            ),
        ] {
            let found = PkgInfo::parse(text).unwrap_err().to_string();
            assert!(found.contains(error), "{found}");
        }
    }
}
