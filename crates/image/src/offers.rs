//! What there is to choose from: the repositories of an image file, opened with its keys.

use crate::{Architecture, Configuration};
use bessemer_apk::{Keyring, KeyringError};
use bessemer_repository::{
    Access, KeyError, LocationError, OpenRepositoryError, Repository, Tagged, published_keys,
};

/// How repositories are opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    /// How places are read.
    pub access: Access<'a>,
    /// A date as `2026-11-28`, by which Alpine's published keys are chosen.
    pub today: &'a str,
    /// Whether keys that a server publishes count where no named key signed an index.
    pub discovery: bool,
}

/// A public key and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its file name, by which signatures call it.
    pub name: String,
    /// Its place, as the image file says it.
    pub place: String,
    /// The whole file.
    pub pem: String,
}

/// Repositories of every architecture, and the keys that vouch for them.
#[derive(Debug)]
pub struct Offers {
    /// For each architecture its repositories, in order.
    pub architectures: Vec<(Architecture, Vec<Repository>)>,
    /// Keys by file name.
    pub keys: Vec<Key>,
    /// Names of keys that servers published and that were taken, with the repository.
    pub discovered: Vec<(String, String)>,
}

/// Why repositories cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenOffersError {
    /// A key cannot be had.
    #[error(transparent)]
    ReadKey(Box<KeyError>),
    /// A key is none.
    #[error("cannot use the key {name}")]
    Key {
        /// Its file name.
        name: String,
        /// Why not.
        source: KeyringError,
    },
    /// A repository's location is none.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A repository cannot be opened.
    #[error("cannot use a repository for {arch}")]
    Repository {
        /// For which architecture, apk's name.
        arch: &'static str,
        /// Why not.
        source: Box<OpenRepositoryError>,
    },
    /// A server's keys cannot be found.
    #[error("cannot find the keys of a repository")]
    Published(#[source] Box<KeyError>),
}

/// The repositories that a build takes packages from, sorted and each once, as apko has them.
pub fn build_repositories(configuration: &Configuration) -> Vec<String> {
    let contents = &configuration.contents;
    let mut all = contents.repositories.clone();
    all.extend(contents.build_repositories.iter().cloned());
    all.sort();
    all.dedup();
    all
}

impl Offers {
    /// Opens all repositories for all architectures; every index must be signed by a key of the image
    /// file, or by one that the repository's own server publishes.
    pub fn open(
        configuration: &Configuration,
        archs: &[Architecture],
        opening: Opening<'_>,
    ) -> Result<Self, OpenOffersError> {
        let mut keys = Vec::new();
        for place in &configuration.contents.keyring {
            let key = read_key(place, opening.access)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut offers = Self {
            architectures: Vec::new(),
            keys,
            discovered: Vec::new(),
        };
        let mut keyring = offers.keyring()?;
        let places = build_repositories(configuration);
        for arch in archs {
            let mut repositories = Vec::new();
            for place in &places {
                repositories.push(offers.open_one(place, *arch, &mut keyring, opening)?);
            }
            offers.architectures.push((*arch, repositories));
        }
        Ok(offers)
    }

    /// All keys.
    fn keyring(&self) -> Result<Keyring, OpenOffersError> {
        let mut keyring = Keyring::new();
        for Key { name, pem, .. } in &self.keys {
            let added = keyring.add(name, pem);
            added.map_err(|source| OpenOffersError::Key {
                name: name.clone(),
                source,
            })?;
        }
        Ok(keyring)
    }

    fn open_one(
        &mut self,
        place: &str,
        arch: Architecture,
        keyring: &mut Keyring,
        opening: Opening<'_>,
    ) -> Result<Repository, OpenOffersError> {
        let location: Tagged = place.parse()?;
        let failed = |source| OpenOffersError::Repository {
            arch: arch.apk(),
            source: Box::new(source),
        };
        match Repository::open(&location, arch.apk(), keyring, opening.access) {
            Err(OpenRepositoryError::Untrusted { uri, source }) if opening.discovery => {
                let location = &location.place;
                let found =
                    published_keys(location, arch.apk(), opening.today, None, opening.access);
                let found = found.map_err(|source| OpenOffersError::Published(Box::new(source)))?;
                if found.is_empty() {
                    return Err(failed(OpenRepositoryError::Untrusted { uri, source }));
                }
                for key in found {
                    self.discovered.push((key.file_name.clone(), uri.clone()));
                    self.keys.push(Key {
                        place: format!("{uri}/{}", key.file_name),
                        name: key.file_name,
                        pem: key.pem,
                    });
                }
                *keyring = self.keyring()?;
            }
            opened => return opened.map_err(failed),
        }
        Repository::open(&location, arch.apk(), keyring, opening.access).map_err(failed)
    }
}

fn read_key(place: &str, access: Access<'_>) -> Result<Key, OpenOffersError> {
    let found = bessemer_repository::read_key(place, access);
    let found = found.map_err(|source| OpenOffersError::ReadKey(Box::new(source)))?;
    Ok(Key {
        name: found.file_name,
        place: bessemer_store::shown(place),
        pem: found.pem,
    })
}
