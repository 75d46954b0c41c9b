//! The directory of objects.

use crate::incoming::Incoming;
use bessemer_digest::Digest;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Objects, named by the 64 hexadecimal digits of their digest.
pub(crate) const OBJECTS: &str = "sha256";
/// Objects that are being written.
pub(crate) const INCOMING: &str = "incoming";
/// Names for objects, one directory a kind.
pub(crate) const NAMES: &str = "names";
/// Held while incoming files are made or cleared away.
pub(crate) const LOCK: &str = "lock";

/// A content-addressed store in a directory. Several processes may use one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// The content's digest, which is also its name.
    pub digest: Digest,
    /// Bytes of content.
    pub size: u64,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory of the store failed to be read or written.
    #[error("cannot access `{path}` in the store")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The content to be stored could not be read.
    #[error("cannot read the content to be stored")]
    Content(#[source] io::Error),
    /// The content to be stored is larger than allowed.
    #[error("content is larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// An object is no longer what it was when it was stored.
    #[error("object `{path}` is corrupt: its content is {found}")]
    Corrupt {
        /// The object's file.
        path: PathBuf,
        /// The digest of what is there.
        found: Digest,
    },
    /// A kind or key that cannot be a file name.
    #[error("`{0}` cannot be a name in the store")]
    Name(String),
}

/// Attaches the path to an IO error.
pub(crate) fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, StoreError> {
    result.map_err(|source| StoreError::Io {
        path: path.to_owned(),
        source,
    })
}

impl Store {
    /// Opens the store at `root`, which is made if missing. What interrupted writers left goes.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let store = Self { root: root.into() };
        for name in [OBJECTS, INCOMING, NAMES] {
            let path = store.root.join(name);
            at(&path, fs::create_dir_all(&path))?;
        }
        store.remove_abandoned()?;
        Ok(store)
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Starts an object whose content is not known in advance, such as a disk image.
    pub fn incoming(&self) -> Result<Incoming, StoreError> {
        Incoming::new(self)
    }

    /// Stores all of `reader`, at most `limit` bytes.
    pub fn insert(&self, reader: impl Read, limit: u64) -> Result<Object, StoreError> {
        let mut incoming = self.incoming()?;
        copy_limited(reader, incoming.file(), limit)?;
        incoming.seal()?.keep()
    }

    /// Whether there is an object of that name. Says nothing about its content.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.object_path(digest).is_file()
    }

    /// Opens an object at its start after hashing it; `None` when there is none. Counts as a use
    /// for [`Store::prune`]. The file stays readable when the object is pruned.
    pub fn read(&self, digest: &Digest) -> Result<Option<File>, StoreError> {
        let path = self.object_path(digest);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => at(&path, opened)?,
        };
        let (found, _) = at(&path, Digest::of_reader(&mut file))?;
        if found != *digest {
            return Err(StoreError::Corrupt { path, found });
        }
        at(&path, file.rewind())?;
        // A store that somebody else owns is readable all the same; its owner prunes it.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(file))
    }

    /// Removes an object; returns whether it was there.
    pub fn remove(&self, digest: &Digest) -> Result<bool, StoreError> {
        let path = self.object_path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => at(&path, removed).map(|()| true),
        }
    }

    /// Where an object is or would be. Reading through the path skips verification.
    pub fn object_path(&self, digest: &Digest) -> PathBuf {
        self.root.join(OBJECTS).join(digest.hex())
    }
}

/// Copies at most `limit` bytes; more is an error. Returns the bytes copied.
pub(crate) fn copy_limited(
    reader: impl Read,
    output: &mut impl Write,
    limit: u64,
) -> Result<u64, StoreError> {
    let mut limited = reader.take(limit.saturating_add(1));
    let copied = io::copy(&mut limited, output).map_err(StoreError::Content)?;
    if copied > limit {
        return Err(StoreError::TooLarge { limit });
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn store() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        (directory, store)
    }

    fn content(store: &Store, digest: &Digest) -> Vec<u8> {
        let mut bytes = Vec::new();
        store
            .read(digest)
            .unwrap()
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    fn incoming_files(store: &Store) -> usize {
        fs::read_dir(store.root().join(INCOMING)).unwrap().count()
    }

    #[test]
    fn stores_and_reads() {
        let (_directory, store) = store();
        let object = store.insert(&b"abc"[..], 3).unwrap();
        assert_eq!(
            object,
            Object {
                digest: Digest::of(b"abc"),
                size: 3
            }
        );
        assert_eq!(content(&store, &object.digest), b"abc");
        let mode = store
            .object_path(&object.digest)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o444);
        assert_eq!(store.insert(&b"abc"[..], 3).unwrap(), object);
        assert!(store.remove(&object.digest).unwrap());
        assert!(!store.remove(&object.digest).unwrap());
        assert!(store.read(&object.digest).unwrap().is_none());
        assert_eq!(incoming_files(&store), 0);
    }

    #[test]
    fn refuses_too_much_and_leaves_nothing() {
        let (_directory, store) = store();
        let error = store.insert(&b"abcd"[..], 3).unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { limit: 3 }));
        assert!(!store.contains(&Digest::of(b"abc")));
        assert_eq!(incoming_files(&store), 0);
    }

    #[test]
    fn notices_corruption_and_heals_on_insert() {
        let (_directory, store) = store();
        let digest = store.insert(&b"abc"[..], 3).unwrap().digest;
        let path = store.object_path(&digest);
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"abd").unwrap();
        let error = store.read(&digest).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { found, .. } if found == Digest::of(b"abd")));
        store.insert(&b"abc"[..], 3).unwrap();
        assert_eq!(content(&store, &digest), b"abc");
    }
}
