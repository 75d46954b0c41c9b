//! Files that appear whole or not at all, and the removal of what a killed process left of them.

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// What the name of a file begins with until it is put in place.
const PARTIAL_PREFIX: &str = ".partial-";

/// Where unfinished files are: in one folder, from which they are renamed to their places. A rename
/// reaches no other mount; what belongs there is made beside its place, as `.partial-PID-…`.
#[derive(Debug, Clone)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Unfinished files go to `folder`, which exists and which somebody clears.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { folder }
    }

    /// A new file that everybody may read once `persist` has put it in `directory`.
    pub fn file(&self, directory: &Path) -> io::Result<NamedTempFile> {
        partial_file(self.reaching(directory)?)
    }

    /// A new directory from which files are renamed into `directory`.
    pub fn directory(&self, directory: &Path) -> io::Result<TempDir> {
        tempfile::Builder::new()
            .prefix(&partial_prefix())
            .tempdir_in(self.reaching(directory)?)
    }

    /// Writes a file whole or not at all, in the place of one that is there.
    pub fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        finish(self.file(parent(path))?, path, bytes)
    }

    fn reaching<'a>(&'a self, directory: &'a Path) -> io::Result<&'a Path> {
        let same = mount(&self.folder)? == mount(directory)?;
        Ok(if same { &self.folder } else { directory })
    }
}

/// File system and mount: a rename needs both to be the same (`rename(2)`, EXDEV).
fn mount(directory: &Path) -> io::Result<(u32, u32, u64)> {
    let found = statx(
        CWD,
        directory,
        AtFlags::empty(),
        StatxFlags::TYPE | StatxFlags::MNT_ID,
    )?;
    Ok((found.stx_dev_major, found.stx_dev_minor, found.stx_mnt_id))
}

/// The prefix of this process's own unfinished files: `.partial-`, the process id, a dash.
fn partial_prefix() -> String {
    format!("{PARTIAL_PREFIX}{}-", std::process::id())
}

/// A new file in `directory` that everybody may read once it is in place; `persist` puts it there.
pub fn partial_file(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&partial_prefix())
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)
}

/// Writes a file whole or not at all, in the place of one that is there. What a killed process left
/// beside it goes.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    remove_partial(parent(path))?;
    finish(partial_file(parent(path))?, path, bytes)
}

/// The same with what `write` puts into the file, whose result is returned.
pub fn replace_whole<T>(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<T>,
) -> io::Result<T> {
    remove_partial(parent(path))?;
    let mut file = partial_file(parent(path))?;
    let written = write(file.as_file_mut())?;
    put(file, path)?;
    Ok(written)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn finish(mut file: NamedTempFile, path: &Path, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    put(file, path)
}

fn put(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes the unfinished files and directories of processes that are gone; others may be writing beside this one.
pub fn remove_partial(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let rest = name
            .to_str()
            .and_then(|name| name.strip_prefix(PARTIAL_PREFIX));
        let pid = rest.and_then(|rest| rest.split('-').next());
        let numeric = |pid: &&str| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(pid) = pid.filter(numeric)
            && !Path::new("/proc").join(pid).exists()
        {
            let removed = if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())
            } else {
                std::fs::remove_file(entry.path())
            };
            match removed {
                // Another process cleared it first.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_dead_left_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let own = format!("{}x", partial_prefix());
        let names = [own.as_str(), ".partial-4294967295-x", ".partial-x", "file"];
        for name in names {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let dead = directory.path().join(".partial-4294967295-build");
        std::fs::create_dir_all(dead.join("inside")).unwrap();
        remove_partial(directory.path()).unwrap();
        assert!(!dead.exists());
        let left = names.map(|name| directory.path().join(name).exists());
        assert_eq!(left, [true, false, true, true]);
    }

    #[test]
    fn unfinished_files_are_beside_their_place_only_where_a_rename_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let target = tempfile::tempdir_in(folder.path()).unwrap();
        let scratch = Scratch::new(folder.path());
        let file = scratch.file(target.path()).unwrap();
        assert_eq!(file.path().parent(), Some(folder.path()));
        let place = target.path().join("a");
        scratch.write_whole(&place, b"whole").unwrap();
        assert_eq!(std::fs::read(&place).unwrap(), b"whole");
        let elsewhere = Path::new("/proc");
        assert_eq!(scratch.reaching(elsewhere).unwrap(), elsewhere);
    }
}
