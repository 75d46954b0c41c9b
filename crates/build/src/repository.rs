//! Package repositories: reading a signed index, taking packages into the store.

use bessemer_apk::{Index, IndexEntry, Keyring, Limits};
use bessemer_attest::documents::LockedIndex;
use bessemer_digest::Digest;
use bessemer_store::Store;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// File name of an index in a repository's architecture folder.
pub const INDEX: &str = "APKINDEX.tar.gz";

/// Largest index file, in bytes (256 MiB).
const MAX_INDEX: u64 = 256 << 20;

/// An opened repository: its index was read once, checked, and put into the store.
#[derive(Debug)]
pub struct Repository {
    /// Where it is, as it goes into documents.
    pub uri: String,
    /// The architecture folder.
    pub directory: PathBuf,
    /// Digest of the whole index file.
    pub snapshot: Digest,
    /// Name of the key that its signature was checked with.
    pub key: String,
    /// What it offers.
    pub index: Index,
}

/// Why a repository could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRepositoryError {
    /// Only directories and `file://` can be read by this build of the factory.
    #[error("repository `{0}` is not a local directory; copy it to one first")]
    Remote(String),
    /// No index, or it cannot be read.
    #[error("cannot read the index of repository {uri}")]
    Read {
        /// The repository.
        uri: String,
        /// The cause, which names the file.
        source: std::io::Error,
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
    /// The snapshot could not be stored.
    #[error("cannot store the index of repository {uri}")]
    Store {
        /// The repository.
        uri: String,
        /// The cause.
        source: bessemer_store::StoreError,
    },
}

impl Repository {
    /// Opens `location/architecture`, checks the index's signature, and keeps a snapshot.
    pub fn open(
        location: &str,
        architecture: &str,
        keyring: &Keyring,
        store: &Store,
    ) -> Result<Self, OpenRepositoryError> {
        let uri = location.trim_end_matches('/').to_owned();
        let path = local_path(&uri)?;
        let directory = path.join(architecture);
        let bytes =
            fs_err::read(directory.join(INDEX)).map_err(|source| OpenRepositoryError::Read {
                uri: uri.clone(),
                source,
            })?;
        let archive = bessemer_apk::read_index(&bytes, Limits::default()).map_err(|source| {
            OpenRepositoryError::Malformed {
                uri: uri.clone(),
                source,
            }
        })?;
        let key = keyring
            .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
            .map_err(|source| OpenRepositoryError::Untrusted {
                uri: uri.clone(),
                source,
            })?
            .key;
        let snapshot = store
            .insert(bytes.as_slice(), MAX_INDEX)
            .map_err(|source| OpenRepositoryError::Store {
                uri: uri.clone(),
                source,
            })?
            .digest;
        Ok(Self {
            uri,
            directory,
            snapshot,
            key,
            index: archive.index,
        })
    }

    /// Opens the snapshot that a lock names; its signature was checked when it was locked.
    pub fn from_snapshot(
        locked: &LockedIndex,
        architecture: &str,
        store: &Store,
    ) -> Result<Self, OpenRepositoryError> {
        let uri = || locked.uri.clone();
        let io = |source| OpenRepositoryError::Read { uri: uri(), source };
        let mut file = store
            .read(&locked.sha256)
            .map_err(|source| OpenRepositoryError::Store { uri: uri(), source })?
            .ok_or_else(|| io(std::io::ErrorKind::NotFound.into()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let archive = bessemer_apk::read_index(&bytes, Limits::default())
            .map_err(|source| OpenRepositoryError::Malformed { uri: uri(), source })?;
        Ok(Self {
            directory: local_path(&locked.uri)?.join(architecture),
            uri: uri(),
            snapshot: locked.sha256,
            key: locked.key.clone(),
            index: archive.index,
        })
    }

    /// Where the file of a package is.
    pub fn package_path(&self, entry: &IndexEntry) -> PathBuf {
        self.directory
            .join(format!("{}-{}.apk", entry.name, entry.version))
    }

    /// The file's place as it goes into documents.
    pub fn package_uri(&self, entry: &IndexEntry) -> String {
        let folder = self
            .directory
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        format!(
            "{}/{}/{}-{}.apk",
            self.uri,
            folder.unwrap_or_default(),
            entry.name,
            entry.version
        )
    }
}

fn local_path(uri: &str) -> Result<PathBuf, OpenRepositoryError> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    if path.contains("://") {
        return Err(OpenRepositoryError::Remote(
            path.split('?').next().unwrap_or_default().to_owned(),
        ));
    }
    Ok(Path::new(path).to_path_buf())
}
