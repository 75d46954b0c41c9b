//! Objects on their way into the store.

use crate::store::{INCOMING, LOCK, Object, Store, StoreError, at};
use bessemer_digest::Digest;
use std::fs::{File, Permissions};
use std::io::Seek;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// An object that is being written. Dropping it removes it.
#[derive(Debug)]
pub struct Incoming {
    file: NamedTempFile,
    store: Store,
}

/// A written object whose digest is known, but which is not in the store yet.
#[derive(Debug)]
pub struct Sealed {
    file: NamedTempFile,
    store: Store,
    object: Object,
}

impl Incoming {
    pub(crate) fn new(store: &Store) -> Result<Self, StoreError> {
        let _shared = lock(store, File::lock_shared)?;
        let directory = store.root().join(INCOMING);
        let file = at(&directory, NamedTempFile::new_in(&directory))?;
        // Marks the file as being written; pruning clears away what nobody has locked.
        at(file.path(), file.as_file().lock())?;
        Ok(Self {
            file,
            store: store.clone(),
        })
    }

    /// The file to write to, in any order.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Moves the file to a path in the store that is not an object's.
    pub(crate) fn keep_as(self, path: &Path) -> Result<(), StoreError> {
        persist(self.file, path)
    }

    /// Hashes what was written. Content cannot change afterwards.
    pub fn seal(mut self) -> Result<Sealed, StoreError> {
        let path = self.file.path().to_owned();
        let file = self.file.as_file_mut();
        at(&path, file.set_permissions(Permissions::from_mode(0o444)))?;
        at(&path, file.rewind())?;
        let (digest, size) = at(&path, Digest::of_reader(&mut *file))?;
        let object = Object { digest, size };
        Ok(Sealed {
            file: self.file,
            store: self.store,
            object,
        })
    }
}

impl Sealed {
    /// Digest and size of the content.
    pub const fn object(&self) -> Object {
        self.object
    }

    /// The content, for further checks, from its start.
    pub fn reader(&mut self) -> Result<impl std::io::Read, StoreError> {
        let path = self.file.path().to_owned();
        at(&path, self.file.as_file_mut().rewind())?;
        Ok(self.file.as_file())
    }

    /// Puts the object into the store under its digest. An object that is there already is
    /// replaced, which heals it if it was corrupt.
    pub fn keep(self) -> Result<Object, StoreError> {
        let path = self.store.object_path(&self.object.digest);
        at(&path, self.file.as_file().sync_data())?;
        persist(self.file, &path)?;
        Ok(self.object)
    }
}

fn persist(file: NamedTempFile, path: &Path) -> Result<(), StoreError> {
    let kept = file.persist(path).map_err(std::io::Error::from);
    at(path, kept).map(drop)
}

/// Takes the store's lock by `how` until the returned file is dropped.
pub(crate) fn lock(
    store: &Store,
    how: impl FnOnce(&File) -> std::io::Result<()>,
) -> Result<File, StoreError> {
    let path = store.root().join(LOCK);
    let file = at(&path, File::options().create(true).append(true).open(&path))?;
    at(&path, how(&file))?;
    Ok(file)
}
