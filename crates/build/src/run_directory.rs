//! One directory for what a run writes on the way; the next run removes what a killed one left.

use rustix::fs::{FlockOperation, flock};
use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Name of the lock inside each run's directory.
const LOCK: &str = "lock";

/// Held while directories are cleared and made.
const MAKING: &str = "making.lock";

/// A run's own directory, removed when dropped.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    _lock: File,
    keep: bool,
}

impl RunDirectory {
    /// Makes a directory below `<cache>/runs` and removes those whose run has ended.
    pub fn create(cache: &Path) -> std::io::Result<Self> {
        let runs = cache.join("runs");
        fs_err::create_dir_all(&runs)?;
        // Between making a directory and locking it, it looks like one whose run has ended.
        let making = File::create(runs.join(MAKING))?;
        flock(&making, FlockOperation::LockExclusive)?;
        clear_ended(&runs)?;
        let path = runs.join(format!("{}", std::process::id()));
        fs_err::create_dir_all(&path)?;
        let lock = File::create(path.join(LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            path,
            _lock: lock,
            keep: false,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it in place, for somebody who wants to look; the next run will not clear it.
    pub fn keep(&mut self) -> std::io::Result<PathBuf> {
        let kept = self.path.with_extension("kept");
        if kept.exists() {
            fs_err::remove_dir_all(&kept)?;
        }
        fs_err::rename(&self.path, &kept)?;
        self.keep = true;
        self.path.clone_from(&kept);
        Ok(kept)
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if !self.keep {
            // A failure here leaves a directory that the next run clears.
            drop(remove(&self.path));
        }
    }
}

fn clear_ended(runs: &Path) -> std::io::Result<()> {
    for entry in fs_err::read_dir(runs)? {
        let path = entry?.path();
        if path.extension().is_some() {
            continue;
        }
        let ended = match File::open(path.join(LOCK)) {
            Ok(lock) => flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok(),
            Err(_) => true,
        };
        if ended {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Removes a run's directory. A direct run leaves a root there, and in a root may be directories that
/// their owner cannot write to.
fn remove(path: &Path) -> std::io::Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs_err::remove_dir_all(path)
        }
        result => result,
    }
}

fn open_up(directory: &Path) -> std::io::Result<()> {
    fs_err::set_permissions(directory, Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clears_what_a_killed_run_left_and_keeps_a_running_one() {
        let cache = tempfile::tempdir().unwrap();
        let running = RunDirectory::create(cache.path()).unwrap();
        let dead = cache.path().join("runs/1");
        fs_err::create_dir_all(&dead).unwrap();
        fs_err::write(dead.join("scratch.img"), "x").unwrap();
        let sealed = dead.join("build-scratch.direct/root/sealed");
        fs_err::create_dir_all(sealed.join("inner")).unwrap();
        fs_err::set_permissions(&sealed, Permissions::from_mode(0o555)).unwrap();
        clear_ended(&cache.path().join("runs")).unwrap();
        assert!(!dead.exists());
        assert!(running.path().exists());
    }
}
