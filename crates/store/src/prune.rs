//! Keeping the store within a size.

use crate::incoming::lock;
use crate::store::{INCOMING, OBJECTS, Store, StoreError, at};
use bessemer_digest::Digest;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::time::SystemTime;

/// What pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Objects removed.
    pub objects: u64,
    /// Bytes of the objects removed.
    pub bytes: u64,
    /// Bytes of the objects that remain; above the limit when those to be kept are.
    pub remaining: u64,
}

struct Candidate {
    used: SystemTime,
    digest: Digest,
    size: u64,
}

impl Store {
    /// Removes objects, those unused for longest first, until at most `limit` bytes remain. Spares
    /// the objects in `keep`. Also clears away what interrupted writers left, and names of objects
    /// that are gone.
    pub fn prune(&self, limit: u64, keep: &BTreeSet<Digest>) -> Result<Pruned, StoreError> {
        self.remove_abandoned()?;
        let mut candidates = self.candidates()?;
        candidates.sort_by_key(|candidate| (candidate.used, candidate.digest));
        let remaining = candidates.iter().map(|candidate| candidate.size).sum();
        let mut pruned = Pruned {
            remaining,
            ..Pruned::default()
        };
        for candidate in candidates {
            if pruned.remaining <= limit {
                break;
            }
            if !keep.contains(&candidate.digest) && self.remove(&candidate.digest)? {
                pruned.objects += 1;
                pruned.bytes += candidate.size;
                pruned.remaining -= candidate.size;
            }
        }
        self.remove_dangling_names()?;
        Ok(pruned)
    }

    fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        let directory = self.root().join(OBJECTS);
        let mut candidates = Vec::new();
        for entry in at(&directory, fs::read_dir(&directory))? {
            let entry = at(&directory, entry)?;
            let name = entry.file_name();
            // Only what the store made is the store's to remove.
            let Some(digest) = name.to_str().and_then(|name| Digest::from_hex(name).ok()) else {
                continue;
            };
            let metadata = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => at(&entry.path(), metadata)?,
            };
            let used = at(&entry.path(), metadata.modified())?;
            candidates.push(Candidate {
                used,
                digest,
                size: metadata.len(),
            });
        }
        Ok(candidates)
    }

    pub(crate) fn remove_abandoned(&self) -> Result<(), StoreError> {
        // Nobody can be between making an incoming file and locking it while this is held.
        let _exclusive = lock(self, File::lock)?;
        let directory = self.root().join(INCOMING);
        for entry in at(&directory, fs::read_dir(&directory))? {
            let path = at(&directory, entry)?.path();
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if file.try_lock().is_ok() {
                // Its writer may have dropped it since.
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::time::Duration;

    fn store_with_ages(contents: &[&[u8]]) -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for (age, content) in (1..).zip(contents) {
            let digest = store.insert(*content, 100).unwrap().digest;
            let used = SystemTime::UNIX_EPOCH + Duration::from_secs(age);
            File::open(store.object_path(&digest))
                .unwrap()
                .set_modified(used)
                .unwrap();
        }
        (directory, store)
    }

    #[test]
    fn removes_the_longest_unused_and_spares_what_is_to_be_kept() {
        let (_directory, store) = store_with_ages(&[b"first", b"second", b"third", b"fourth"]);
        let keep = BTreeSet::from([Digest::of(b"first")]);
        store.read(&Digest::of(b"second")).unwrap();
        let pruned = store.prune(11, &keep).unwrap();
        assert_eq!(
            pruned,
            Pruned {
                objects: 2,
                bytes: 11,
                remaining: 11
            }
        );
        let left = [b"first".as_slice(), b"second"].map(Digest::of);
        assert!(left.iter().all(|digest| store.contains(digest)));
        assert_eq!(store.prune(0, &BTreeSet::from(left)).unwrap().remaining, 11);
    }

    #[test]
    fn clears_away_what_was_abandoned_but_not_what_is_being_written() {
        let (_directory, store) = store_with_ages(&[]);
        let abandoned = store.root().join(INCOMING).join("abandoned");
        fs::write(&abandoned, b"half").unwrap();
        let foreign = store.root().join(OBJECTS).join("README");
        fs::write(&foreign, b"not an object").unwrap();
        let mut incoming = store.incoming().unwrap();
        incoming.file().write_all(b"whole").unwrap();
        store.prune(0, &BTreeSet::new()).unwrap();
        assert!(!abandoned.exists() && foreign.exists());
        assert_eq!(
            incoming.seal().unwrap().keep().unwrap().digest,
            Digest::of(b"whole")
        );
    }
}
