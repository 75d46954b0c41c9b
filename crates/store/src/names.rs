//! Names for objects: what cannot be found by its SHA-256, because that is known only afterwards.

use crate::store::{NAMES, Store, StoreError, at};
use bessemer_digest::Digest;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

/// Longer than a SHA-512 in hexadecimal, shorter than a file name may be.
const NAME_LIMIT: usize = 200;

impl Store {
    /// Gives an object a name: `key` among those of one `kind`, replacing an earlier one. Such as
    /// kind `environment` with the digest of a lock as key, for the disk image made from it.
    pub fn bind(&self, kind: &str, key: &str, digest: &Digest) -> Result<(), StoreError> {
        let path = self.name_path(kind, key)?;
        let directory = path.parent().unwrap_or(self.root());
        at(directory, fs::create_dir_all(directory))?;
        let mut incoming = self.incoming()?;
        at(&path, writeln!(incoming.file(), "{digest}"))?;
        incoming.keep_as(&path)
    }

    /// The object with that name, if one was given. The object itself may have been pruned since.
    /// A name that is damaged counts as missing.
    pub fn bound(&self, kind: &str, key: &str) -> Result<Option<Digest>, StoreError> {
        let path = self.name_path(kind, key)?;
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => {
                let text = at(&path, read)?;
                Ok(std::str::from_utf8(&text)
                    .ok()
                    .and_then(|text| text.trim_end().parse().ok()))
            }
        }
    }

    /// The same, if the name was given no longer ago than this.
    pub fn bound_within(
        &self,
        kind: &str,
        key: &str,
        age: Duration,
    ) -> Result<Option<Digest>, StoreError> {
        let path = self.name_path(kind, key)?;
        let given = fs::metadata(&path).and_then(|metadata| metadata.modified());
        // One from the future is of another clock.
        let is_recent = given.is_ok_and(|given| given.elapsed().is_ok_and(|since| since <= age));
        if is_recent {
            self.bound(kind, key)
        } else {
            Ok(None)
        }
    }

    /// Removes the names of objects that are gone.
    pub(crate) fn remove_dangling_names(&self) -> Result<(), StoreError> {
        let root = self.root().join(NAMES);
        for kind in at(&root, fs::read_dir(&root))? {
            let directory = at(&root, kind)?.path();
            for name in at(&directory, fs::read_dir(&directory))? {
                let path = at(&directory, name)?.path();
                let text = fs::read_to_string(&path).unwrap_or_default();
                let digest = text.trim_end().parse::<Digest>();
                if !digest.is_ok_and(|digest| self.contains(&digest)) {
                    // Somebody may have replaced or removed it meanwhile.
                    let _ = fs::remove_file(&path);
                }
            }
        }
        Ok(())
    }

    fn name_path(&self, kind: &str, key: &str) -> Result<PathBuf, StoreError> {
        for part in [kind, key] {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte);
            let allowed = !part.is_empty()
                && part.len() <= NAME_LIMIT
                && !part.starts_with('.')
                && part.bytes().all(plain);
            if !allowed {
                return Err(StoreError::Name(part.escape_debug().take(80).collect()));
            }
        }
        Ok(self.root().join(NAMES).join(kind).join(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_replaces_and_forgets() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let digest = store.insert(&b"abc"[..], 3).unwrap().digest;
        let gone = Digest::of(b"gone");
        assert_eq!(store.bound("environment", "a").unwrap(), None);
        store.bind("environment", "a", &gone).unwrap();
        store.bind("environment", "a", &digest).unwrap();
        store.bind("environment", "b", &gone).unwrap();
        assert_eq!(store.bound("environment", "a").unwrap(), Some(digest));
        let within = |seconds| {
            let age = Duration::from_secs(seconds);
            store.bound_within("environment", "a", age).unwrap()
        };
        assert_eq!((within(60), within(0)), (Some(digest), None));
        store.remove_dangling_names().unwrap();
        assert_eq!(store.bound("environment", "a").unwrap(), Some(digest));
        assert_eq!(store.bound("environment", "b").unwrap(), None);
    }

    #[test]
    fn a_damaged_name_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.bind("k", "a", &Digest::of(b"")).unwrap();
        fs::write(store.name_path("k", "a").unwrap(), b"\xff sha256:").unwrap();
        assert_eq!(store.bound("k", "a").unwrap(), None);
    }

    #[test]
    fn refuses_names_that_leave_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let long = "a".repeat(201);
        for name in ["", ".", "..", "a/b", "a\0", ".hidden", "ä", &long] {
            assert!(
                matches!(store.bound("kind", name), Err(StoreError::Name(_))),
                "{name}"
            );
            assert!(
                matches!(store.bound(name, "key"), Err(StoreError::Name(_))),
                "{name}"
            );
        }
    }
}
