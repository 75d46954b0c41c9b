//! Public keys, from files, from URLs, and as servers publish them.

use crate::location::Location;
use crate::repository::Access;
use bessemer_apk::discovery::{
    ALPINE_RELEASES, AlpineBranch, CONFIGURATION, DiscoveryError, FoundKey, MAX_ANSWER,
    alpine_keys, jwks_uri, read_jwks,
};
use bessemer_apk::{Keyring, KeyringError};
use bessemer_attest::documents::LockedKey;
use bessemer_digest::Digest;
use bessemer_store::{FetchError, ParseUriError, StoreError, Uri};
use std::io::Read as _;

/// Largest key file, in bytes.
const MAX_KEY: u64 = 64 << 10;

/// Keys, and what the lock says of them.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    keyring: Keyring,
    locked: Vec<LockedKey>,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It names no place.
    #[error("a key's place cannot be read")]
    Uri(#[from] ParseUriError),
    /// Whoever carries it could put another in its place.
    #[error("the key {0} would come over plain HTTP, which anybody on the way can change")]
    Insecure(Uri),
    /// It cannot be had.
    #[error("a key cannot be used")]
    Fetch {
        /// From where.
        uri: Uri,
        /// What the place answered.
        source: FetchError,
    },
    /// It cannot be read back.
    #[error("cannot store the key {uri}")]
    Store {
        /// From where.
        uri: Uri,
        /// The cause.
        source: StoreError,
    },
    /// It is none, or another one has its name.
    #[error("cannot use the key {name}")]
    Unusable {
        /// The key's file name.
        name: String,
        /// Why not.
        source: KeyringError,
    },
    /// It is no text.
    #[error("the key {0} is not UTF-8")]
    Encoding(String),
    /// A server's answer names no keys.
    #[error("cannot find keys for {uri}")]
    Discovery {
        /// What was asked.
        uri: Uri,
        /// What is wrong with the answer.
        source: DiscoveryError,
    },
}

impl KeyError {
    /// Whether the key is a path with nothing there, as of a key that a first build makes.
    pub fn is_missing_file(&self) -> bool {
        matches!(self, Self::Fetch { source, .. } if source.is_missing_file())
    }
}

impl Keys {
    /// The keys, to check signatures with.
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// File name and digest of every key, as documents name them.
    pub fn locked(&self) -> &[LockedKey] {
        &self.locked
    }

    /// Adds the key in a file or at a URL, under its file name.
    pub fn add(&mut self, place: &str, access: Access<'_>) -> Result<(), KeyError> {
        let key = read_key(place, access)?;
        self.insert(key).map(drop)
    }

    /// Adds all keys of another collection.
    pub fn extend(&mut self, other: &Self) -> Result<(), KeyError> {
        self.keyring
            .extend(&other.keyring)
            .map_err(|source| KeyError::Unusable {
                name: source.name().to_owned(),
                source,
            })?;
        for key in &other.locked {
            if !self.locked.contains(key) {
                self.locked.push(key.clone());
            }
        }
        Ok(())
    }

    /// Adds the [`published_keys`] of a repository; returns the names of those that are new.
    pub fn discover(
        &mut self,
        repository: &Location,
        architecture: &str,
        today: &str,
        releases: Option<&Uri>,
        access: Access<'_>,
    ) -> Result<Vec<String>, KeyError> {
        let mut names = Vec::new();
        for key in published_keys(repository, architecture, today, releases, access)? {
            names.extend(self.insert(key)?);
        }
        Ok(names)
    }

    /// Adds a key; returns its name unless it was there.
    fn insert(&mut self, key: FoundKey) -> Result<Option<String>, KeyError> {
        let FoundKey { file_name, pem } = key;
        let unusable = |source| KeyError::Unusable {
            name: file_name.clone(),
            source,
        };
        self.keyring.add(&file_name, &pem).map_err(unusable)?;
        let locked = LockedKey {
            name: file_name.clone(),
            sha256: Digest::of(&pem),
        };
        if self.locked.contains(&locked) {
            return Ok(None);
        }
        self.locked.push(locked);
        Ok(Some(file_name))
    }
}

/// The key in a file or at a URL, under the last component of its place.
pub fn read_key(place: &str, access: Access<'_>) -> Result<FoundKey, KeyError> {
    fetched(&place.parse()?, access)
}

/// The keys that are published for a repository: by Alpine for a mirror of Alpine's, whose list of
/// releases is at `releases`, and otherwise by the repository's own server. `today` is a date as
/// `2026-11-28`. A directory has none.
pub fn published_keys(
    repository: &Location,
    architecture: &str,
    today: &str,
    releases: Option<&Uri>,
    access: Access<'_>,
) -> Result<Vec<FoundKey>, KeyError> {
    let Location::Remote(uri) = repository else {
        return Ok(Vec::new());
    };
    let Some(branch) = AlpineBranch::of_repository(&uri.to_string()) else {
        return of_server(uri, access);
    };
    let default = ALPINE_RELEASES.parse();
    let releases = releases.cloned().map_or(default, Ok)?;
    of_alpine(&releases, &branch, architecture, today, access)
}

fn of_alpine(
    releases: &Uri,
    branch: &AlpineBranch,
    architecture: &str,
    today: &str,
    access: Access<'_>,
) -> Result<Vec<FoundKey>, KeyError> {
    let text = answer(releases, access)?;
    let keys =
        alpine_keys(&text, branch, architecture, today).map_err(|source| KeyError::Discovery {
            uri: releases.clone(),
            source,
        })?;
    keys.into_iter()
        .map(|(file_name, url)| {
            let key = fetched(&url.parse()?, access)?;
            Ok(FoundKey { file_name, ..key })
        })
        .collect()
}

/// Most repositories publish no keys; their servers have no such file.
fn of_server(repository: &Uri, access: Access<'_>) -> Result<Vec<FoundKey>, KeyError> {
    if repository.is_insecure() {
        return Ok(Vec::new());
    }
    let configuration = repository.join(CONFIGURATION);
    let text = match answer(&configuration, access) {
        Err(KeyError::Fetch { source, .. }) if source.is_refusal() => return Ok(Vec::new()),
        text => text?,
    };
    let wrong = |uri: &Uri| {
        let uri = uri.clone();
        move |source| KeyError::Discovery { uri, source }
    };
    let keys: Uri = jwks_uri(&text).map_err(wrong(&configuration))?.parse()?;
    read_jwks(&answer(&keys, access)?).map_err(wrong(&keys))
}

/// A key file, under the last component of its place. Servers write `@` as `%40`.
fn fetched(uri: &Uri, access: Access<'_>) -> Result<FoundKey, KeyError> {
    let file_name = uri.file_name().replace("%40", "@");
    let bytes = read(uri, MAX_KEY, access)?;
    match String::from_utf8(bytes) {
        Ok(pem) => Ok(FoundKey { file_name, pem }),
        Err(_) => Err(KeyError::Encoding(file_name)),
    }
}

fn answer(uri: &Uri, access: Access<'_>) -> Result<Vec<u8>, KeyError> {
    read(uri, MAX_ANSWER, access)
}

fn read(uri: &Uri, most: u64, access: Access<'_>) -> Result<Vec<u8>, KeyError> {
    if uri.is_insecure() {
        return Err(KeyError::Insecure(uri.clone()));
    }
    let failed = |source| KeyError::Fetch {
        uri: uri.clone(),
        source,
    };
    let stored = |source| KeyError::Store {
        uri: uri.clone(),
        source,
    };
    let fetched = access
        .client
        .refresh(uri, most, access.store)
        .map_err(failed)?;
    let mut bytes = Vec::new();
    if let Some(mut file) = access.store.read(&fetched.object.digest).map_err(stored)? {
        file.read_to_end(&mut bytes)
            .map_err(|error| stored(StoreError::Content(error)))?;
    }
    Ok(bytes)
}
