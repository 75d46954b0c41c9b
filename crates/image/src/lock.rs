//! Locks: what an image file was resolved to, in apko's format (version 1).
//!
//! A lock names every package by the SHA-1 of its control member and of its signature, the SHA-256 of
//! its data, and where in the file each is; every repository; every key with its content; and the
//! image file by checksum. All of it is enforced when a lock is used ([`Lock::check`],
//! [`crate::packages`]); apko holds to the control member and the checksum alone.

mod check;

pub use check::LockMismatch;

use crate::Architecture;
use crate::base::{Base, Bases};
use crate::offers::Key;
use bessemer_digest::Digest;
use bessemer_repository::{INDEX, LocationError, Tagged};
use serde::{Deserialize, Serialize};

/// The version that is read and written.
const VERSION: &str = "v1";
/// Largest lock file, in bytes.
const MAX_LOCK: usize = 64 << 20;

/// A whole lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// `v1`.
    version: String,
    /// The image file that was locked.
    pub config: LockedConfig,
    /// What it was resolved to.
    pub contents: LockedContents,
}

/// The image file of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedConfig {
    /// Its name, as it was given.
    pub name: String,
    /// [`crate::Loaded::checksum`].
    pub checksum: String,
}

/// What an image file was resolved to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedContents {
    /// Keys, sorted by name.
    pub keyring: Vec<LockedKey>,
    /// Used to build only.
    pub build_repositories: Vec<LockedRepository>,
    /// Written into the image only.
    pub runtime_repositories: Vec<LockedRepository>,
    /// Used to build, and written into the image.
    pub repositories: Vec<LockedRepository>,
    /// One architecture after the other, each in the order of installation.
    pub packages: Vec<LockedPackage>,
    /// The base for each architecture; apko's locks do not have it, and apko passes over it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baseimage: Vec<LockedBase>,
}

/// A base of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBase {
    /// apk's name.
    pub architecture: String,
    /// Digest of the base's manifest.
    pub manifest: Digest,
    /// Digest of the file with the base's database.
    pub apkindex: Digest,
}

/// A key of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedKey {
    /// The place without `https://`.
    pub name: String,
    /// Its place.
    pub url: String,
    /// PEM.
    pub content: String,
}

/// A repository of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRepository {
    /// The folder of the architecture, without `https://`.
    pub name: String,
    /// The index.
    pub url: String,
    /// apk's name.
    pub architecture: String,
}

/// A package of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Its file.
    pub url: String,
    /// Its version.
    pub version: String,
    /// apk's name of the architecture it is for.
    pub architecture: String,
    /// The signature member; both texts are empty where there is none.
    pub signature: LockedMember,
    /// The control member.
    pub control: LockedMember,
    /// The data member.
    pub data: LockedMember,
    /// `Q1` and the base64 of the control member's SHA-1.
    pub checksum: String,
}

/// A part of a package file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedMember {
    /// `bytes=0-646`: the first and the last.
    pub range: String,
    /// `sha1-` or `sha256-` and base64.
    pub checksum: String,
}

/// Why a text is not a lock.
#[derive(Debug, thiserror::Error)]
pub enum ParseLockError {
    /// It is larger than any.
    #[error("the lock is larger than {MAX_LOCK} bytes")]
    Large,
    /// It is no JSON, or has other keys than a lock.
    #[error("the lock cannot be read")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the lock has version {0:?}, not {VERSION:?}")]
    Version(String),
}

impl Lock {
    /// A lock of these parts.
    pub fn new(config: LockedConfig, contents: LockedContents) -> Self {
        Self {
            version: VERSION.to_owned(),
            config,
            contents,
        }
    }

    /// Reads strictly: every key is known and there.
    pub fn parse(text: &str) -> Result<Self, ParseLockError> {
        if text.len() > MAX_LOCK {
            return Err(ParseLockError::Large);
        }
        let lock: Self = serde_json::from_str(text)?;
        if lock.version != VERSION {
            return Err(ParseLockError::Version(lock.version));
        }
        Ok(lock)
    }

    /// The keys, as the image has them: by their file names.
    pub fn keys(&self) -> Vec<Key> {
        let key = |locked: &LockedKey| {
            let name = locked.url.rsplit('/').next().unwrap_or_default();
            Key {
                name: name.replace("%40", "@"),
                place: locked.url.clone(),
                pem: locked.content.clone(),
            }
        };
        self.contents.keyring.iter().map(key).collect()
    }

    /// The file: indented by two, with a newline at the end.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl LockedKey {
    /// A key as a lock has it.
    pub fn new(key: &Key) -> Self {
        Self {
            name: without_scheme(&key.place).to_owned(),
            url: key.place.clone(),
            content: key.pem.clone(),
        }
    }
}

impl LockedBase {
    /// A base as a lock has it.
    pub fn new(base: &Base, arch: Architecture) -> Self {
        Self {
            architecture: arch.apk().to_owned(),
            manifest: base.manifest.digest,
            apkindex: base.apkindex,
        }
    }

    /// All of them.
    pub fn all(bases: &Bases) -> Vec<Self> {
        let bases = bases.iter();
        bases.map(|(arch, base)| Self::new(base, *arch)).collect()
    }
}

impl LockedRepository {
    /// A repository's folder for an architecture. The tag is left out, as apko does, and so are user
    /// name and password.
    pub fn new(place: &str, arch: Architecture) -> Result<Self, LocationError> {
        let tagged: Tagged = place.parse()?;
        let folder = format!("{}/{}", tagged.place, arch.apk());
        Ok(Self {
            name: without_scheme(&folder).to_owned(),
            url: format!("{folder}/{INDEX}"),
            architecture: arch.apk().to_owned(),
        })
    }
}

fn without_scheme(place: &str) -> &str {
    let place = place.strip_prefix("https://").unwrap_or(place);
    place.strip_prefix("http://").unwrap_or(place)
}
