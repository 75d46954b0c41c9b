//! Reading a repository's index.

use crate::location::{Location, LocationError, Tagged};
use bessemer_apk::{Index, IndexEntry, Keyring, Limits};
use bessemer_attest::documents::LockedIndex;
use bessemer_digest::Digest;
use bessemer_store::{Client, FetchError, Store, StoreError, Uri};
use std::io::Read as _;

/// File name of an index in a repository's architecture folder.
pub const INDEX: &str = "APKINDEX.tar.gz";

/// Largest index file, in bytes (256 MiB).
const MAX_INDEX: u64 = 256 << 20;

/// With what repositories are read.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Where indexes and packages are kept by digest.
    pub store: &'a Store,
    /// Asks servers.
    pub client: &'a Client,
}

/// An opened repository: its index was read once, checked, and put into the store.
#[derive(Debug)]
pub struct Repository {
    /// Where it is, as it goes into documents: without credentials.
    pub uri: String,
    /// Digest of the whole index file.
    pub snapshot: Digest,
    /// Name of the key that its signature was checked with.
    pub key: String,
    /// What it offers.
    pub index: Index,
    /// Set when only constraints with this tag (`name@tag`) choose from it.
    pub tag: Option<String>,
    location: Location,
    architecture: String,
}

/// Why a repository could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRepositoryError {
    /// There is no such place.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// No index, or it cannot be read.
    #[error("cannot read the index of repository {uri}")]
    Read {
        /// The repository.
        uri: String,
        /// The cause, which names the file.
        source: FetchError,
    },
    /// The snapshot that was locked is gone.
    #[error("the locked index of repository {uri} is no longer in the store")]
    Gone {
        /// The repository.
        uri: String,
    },
    /// Not an index.
    #[error("the index of repository {uri} is malformed")]
    Malformed {
        /// The repository.
        uri: String,
        /// What the reader found.
        source: bessemer_apk::index::IndexError,
    },
    /// No key of the keyring signed it.
    #[error("no known key signed the index of repository {uri}")]
    Untrusted {
        /// The repository.
        uri: String,
        /// What was tried.
        source: bessemer_apk::VerifyError,
    },
    /// The snapshot could not be read back.
    #[error("cannot store the index of repository {uri}")]
    Store {
        /// The repository.
        uri: String,
        /// The cause.
        source: StoreError,
    },
}

impl OpenRepositoryError {
    /// Whether a local directory simply has no index yet, as one that is about to be filled.
    pub fn is_missing(&self) -> bool {
        let Self::Read { source, .. } = self else {
            return false;
        };
        source.is_missing_file()
    }
}

impl Repository {
    /// Opens the architecture's folder of `location`, checks the index's signature, and keeps a snapshot.
    pub fn open(
        location: &Tagged,
        architecture: &str,
        keyring: &Keyring,
        access: Access<'_>,
    ) -> Result<Self, OpenRepositoryError> {
        let uri = location.place.to_string();
        let file = location.place.file(&format!("{architecture}/{INDEX}"));
        let snapshot = access
            .client
            .refresh(&file, MAX_INDEX, access.store)
            .map_err(|source| OpenRepositoryError::Read {
                uri: uri.clone(),
                source,
            })?
            .object
            .digest;
        let bytes = stored(&uri, &snapshot, access.store)?;
        let archive = read(&uri, &bytes)?;
        let key = keyring
            .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
            .map_err(|source| OpenRepositoryError::Untrusted {
                uri: uri.clone(),
                source,
            })?
            .key;
        Ok(Self {
            uri,
            snapshot,
            key,
            index: archive.index,
            tag: location.tag.clone(),
            location: location.place.clone(),
            architecture: architecture.to_owned(),
        })
    }

    /// Opens the snapshot that a lock names; its signature was checked when it was locked.
    pub fn from_snapshot(
        locked: &LockedIndex,
        architecture: &str,
        store: &Store,
    ) -> Result<Self, OpenRepositoryError> {
        let uri = locked.uri.clone();
        let bytes = stored(&uri, &locked.sha256, store)?;
        let archive = read(&uri, &bytes)?;
        Ok(Self {
            location: uri.parse()?,
            architecture: architecture.to_owned(),
            uri,
            snapshot: locked.sha256,
            key: locked.key.clone(),
            index: archive.index,
            tag: locked.tag.clone(),
        })
    }

    /// Where the file of a package is.
    pub fn package(&self, entry: &IndexEntry) -> Uri {
        self.location.file(&self.below(entry))
    }

    /// The file's place as it goes into documents.
    pub fn package_uri(&self, entry: &IndexEntry) -> String {
        format!("{}/{}", self.uri, self.below(entry))
    }

    fn below(&self, entry: &IndexEntry) -> String {
        let Self { architecture, .. } = self;
        format!("{architecture}/{}-{}.apk", entry.name, entry.version)
    }
}

fn stored(uri: &str, snapshot: &Digest, store: &Store) -> Result<Vec<u8>, OpenRepositoryError> {
    let failed = |source| OpenRepositoryError::Store {
        uri: uri.to_owned(),
        source,
    };
    let gone = || OpenRepositoryError::Gone {
        uri: uri.to_owned(),
    };
    let mut file = store.read(snapshot).map_err(failed)?.ok_or_else(gone)?;
    let mut bytes = Vec::new();
    let read = file.read_to_end(&mut bytes);
    read.map_err(|error| failed(StoreError::Content(error)))?;
    Ok(bytes)
}

fn read(uri: &str, bytes: &[u8]) -> Result<bessemer_apk::index::IndexArchive, OpenRepositoryError> {
    bessemer_apk::read_index(bytes, Limits::default()).map_err(|source| {
        OpenRepositoryError::Malformed {
            uri: uri.to_owned(),
            source,
        }
    })
}
