//! The digest of a large file, remembered with what shows that the file is still the same.
//!
//! Hashing an environment disk takes a good part of what a warm build costs. The record beside the
//! disk holds the digest that was measured when the disk was written, and the disk's device, inode,
//! size, owner, time of change and time of status change. The last is set by the kernel at every
//! write, rename and change of times, and by nothing that an ordinary user can ask for: while all of
//! them are as recorded, the content is as measured. When one differs, the file is measured again.
//!
//! What this takes on trust: the directory, which only our own uid writes; the machine's
//! administrator; and the disk under the file system, whose silent errors it no longer finds. Older
//! kernels step file times by some milliseconds: a write within the same step as the recording would
//! not show, but by then the writer has closed the file.

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What is written beside a file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    sha256: Digest,
    state: State,
}

/// What cannot stay the same when the content changes. Times are seconds and nanoseconds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    device: u64,
    inode: u64,
    size: u64,
    owner: u32,
    changed: (i64, i64),
    status_changed: (i64, i64),
}

impl State {
    /// `None` when others than this process's own user could have written the file.
    fn of(file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        let private = metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.mode() & 0o022 == 0
            && metadata.nlink() == 1;
        Ok(private.then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            owner: metadata.uid(),
            changed: (metadata.mtime(), metadata.mtime_nsec()),
            status_changed: (metadata.ctime(), metadata.ctime_nsec()),
        }))
    }
}

fn record_path(path: &Path) -> PathBuf {
    path.with_extension("measured.json")
}

/// The digest of the file at `path` if it is what [`remember`] was told; `None` when there is no
/// such file, no record, or other content.
pub(super) fn recall(path: &Path) -> io::Result<Option<Digest>> {
    let Ok(record) = fs_err::read(record_path(path)) else {
        return Ok(None);
    };
    let Ok(remembered) = serde_json::from_slice::<Remembered>(&record) else {
        return Ok(None);
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if State::of(&file)?.as_ref() == Some(&remembered.state) {
        return Ok(Some(remembered.sha256));
    }
    if Digest::of_reader(file)?.0 != remembered.sha256 {
        return Ok(None);
    }
    remember(path, remembered.sha256)?;
    Ok(Some(remembered.sha256))
}

/// Records that the file at `path`, which nobody writes any more, was measured to be `sha256`.
pub(super) fn remember(path: &Path, sha256: Digest) -> io::Result<()> {
    let Some(state) = State::of(&File::open(path)?)? else {
        return Ok(());
    };
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut record = bessemer_package::partial_file(directory)?;
    serde_json::to_writer(record.as_file_mut(), &Remembered { sha256, state })?;
    record
        .persist(record_path(path))
        .map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::os::unix::fs::PermissionsExt as _;

    fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf, Digest) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("disk.erofs");
        fs_err::write(&path, content).unwrap();
        let digest = Digest::of(content);
        remember(&path, digest).unwrap();
        // Older kernels step file times by up to 10 ms.
        std::thread::sleep(std::time::Duration::from_millis(20));
        (directory, path, digest)
    }

    #[test]
    fn an_untouched_file_is_recalled_without_reading_it() {
        let (_directory, path, digest) = file(b"content");
        assert_eq!(recall(&path).unwrap(), Some(digest));
        // A record that lies is believed while the file's state is as recorded: nothing was read.
        let other = Digest::of(b"other");
        remember(&path, other).unwrap();
        assert_eq!(recall(&path).unwrap(), Some(other));
    }

    #[test]
    fn changed_content_is_noticed_even_with_the_old_time_of_change() {
        let (_directory, path, _) = file(b"content");
        let before = fs_err::metadata(&path).unwrap();
        let mut open = File::options().write(true).open(&path).unwrap();
        open.seek(SeekFrom::Start(3)).unwrap();
        open.write_all(b"X").unwrap();
        let time = Timespec {
            tv_sec: before.mtime(),
            tv_nsec: before.mtime_nsec(),
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        utimensat(CWD, &path, &times, AtFlags::empty()).unwrap();
        let after = fs_err::metadata(&path).unwrap();
        assert_eq!(
            (before.mtime(), before.size()),
            (after.mtime(), after.size())
        );
        assert_eq!(recall(&path).unwrap(), None);
    }

    #[test]
    fn a_replaced_or_missing_file_is_noticed() {
        let (directory, path, _) = file(b"content");
        let other = directory.path().join("other");
        fs_err::write(&other, b"CONTENT").unwrap();
        fs_err::rename(&other, &path).unwrap();
        assert_eq!(recall(&path).unwrap(), None);
        fs_err::remove_file(&path).unwrap();
        assert_eq!(recall(&path).unwrap(), None);
    }

    #[test]
    fn the_same_content_in_another_state_is_measured_and_recorded_again() {
        let (_directory, path, digest) = file(b"content");
        let record = fs_err::read(record_path(&path)).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(recall(&path).unwrap(), Some(digest));
        assert_ne!(fs_err::read(record_path(&path)).unwrap(), record);
    }

    #[test]
    fn what_others_can_write_is_always_measured() {
        let (_directory, path, digest) = file(b"content");
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(recall(&path).unwrap(), Some(digest));
        fs_err::write(&path, b"CONTENT").unwrap();
        assert_eq!(recall(&path).unwrap(), None);
    }

    #[test]
    fn a_damaged_record_is_no_record() {
        let (_directory, path, _) = file(b"content");
        fs_err::write(record_path(&path), b"{").unwrap();
        assert_eq!(recall(&path).unwrap(), None);
    }
}
