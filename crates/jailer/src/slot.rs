//! A uid for each machine, by slots: a slot is taken by holding the lock on its file.

use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

/// uid and gid of slot 0; slot N has this plus N.
const FIRST_UID: u32 = 61710;
/// Machines that one host can run at a time.
const SLOTS: u32 = 1024;
/// Where the lock files are.
const DIRECTORY: &str = "/run/bessemer-jailer";

/// A uid that no other machine has while this value lives, jailers in other processes included.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) uid: u32,
    _lock: File,
}

impl Slot {
    /// Takes the first free slot.
    pub(crate) fn take() -> io::Result<Self> {
        Self::take_in(Path::new(DIRECTORY))
    }

    fn take_in(directory: &Path) -> io::Result<Self> {
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let metadata = fs::symlink_metadata(directory)?;
        let own = rustix::process::geteuid().as_raw();
        if !metadata.is_dir() || metadata.uid() != own || metadata.mode() & 0o022 != 0 {
            return Err(io::Error::other(format!(
                "{} is not ours alone",
                directory.display()
            )));
        }
        for slot in 0..SLOTS {
            let path = directory.join(format!("{slot}.lock"));
            let lock = File::options().create(true).append(true).open(path)?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                return Ok(Self {
                    uid: FIRST_UID + slot,
                    _lock: lock,
                });
            }
        }
        Err(io::Error::other(format!("all {SLOTS} slots are taken")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_one_machines_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("slots");
        let one = Slot::take_in(&at).unwrap();
        let two = Slot::take_in(&at).unwrap();
        assert_eq!((one.uid, two.uid), (FIRST_UID, FIRST_UID + 1));
        drop(one);
        assert_eq!(Slot::take_in(&at).unwrap().uid, FIRST_UID);
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Slot::take_in(dir.path()).is_err());
    }
}
