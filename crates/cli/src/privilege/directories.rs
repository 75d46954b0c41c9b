//! Directories that root makes for others. Whoever owns a directory can put links in the place of
//! what is in it at any moment, so everything here is looked at and changed by descriptor.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, fchmod, fchown, fstat, mkdirat, open,
    openat, readlinkat, statat, unlinkat,
};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

/// As many links in a path as Linux itself follows (`path_resolution(7)`).
const LINKS: usize = 40;
/// Permission bits of directories made on the way, less the umask.
const MODE: Mode = Mode::from_raw_mode(0o755);
/// Bits that search a directory and no more.
pub(crate) const SEARCHABLE: Mode = Mode::from_raw_mode(0o711);

/// A directory, opened as itself and not through a link.
fn opened(parent: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

/// Gives a directory to a uid and its group.
fn give_to(directory: impl AsFd, uid: u32) -> rustix::io::Result<()> {
    fchown(
        directory,
        Some(Uid::from_raw(uid)),
        Some(Gid::from_raw(uid)),
    )
}

/// What became of a directory that the control side is to write to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It is the control side's now, or was.
    Yes,
    /// The way leads through what the control side owns, which makes the rest itself.
    Left,
    /// It is of this uid, or root's and not empty.
    No(u32),
}

/// Directories that this process made, outermost first. What is still empty when this is dropped is
/// removed.
#[derive(Debug, Default)]
pub(crate) struct Made(Vec<Entry>);

/// One of them, where it was made.
#[derive(Debug)]
struct Entry {
    parent: OwnedFd,
    name: OsString,
    device: u64,
    inode: u64,
}

impl Made {
    /// Leaves them, now that the work is done.
    pub(crate) fn keep(&mut self) {
        self.0.clear();
    }

    fn add(&mut self, parent: &OwnedFd, name: &OsStr) -> io::Result<()> {
        let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        self.0.push(Entry {
            parent: parent.try_clone()?,
            name: name.to_owned(),
            device: stat.st_dev,
            inode: stat.st_ino,
        });
        Ok(())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for entry in self.0.iter().rev() {
            let found = statat(&entry.parent, &entry.name, AtFlags::SYMLINK_NOFOLLOW);
            let own = found
                .is_ok_and(|found| (found.st_dev, found.st_ino) == (entry.device, entry.inode));
            if own {
                // Refused where something is in it, which is to stay.
                let _ = unlinkat(&entry.parent, &entry.name, AtFlags::REMOVEDIR);
            }
        }
    }
}

/// Makes the directory at this absolute path if need be, and gives it to the uid `to` if it is of
/// this process's own uid and empty. Nothing is made in a directory of `to`, and no link of `to` or
/// below a directory of `to` is followed. What is made is added to `made`.
pub(crate) fn give(path: &Path, to: u32, made: &mut Made) -> io::Result<Given> {
    let mut directory = open(
        "/",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    let mut rest = VecDeque::new();
    push(&mut rest, path);
    let (mut links, mut theirs) = (0, false);
    while let Some(name) = rest.pop_front() {
        let owner = fstat(&directory)?.st_uid;
        theirs |= owner == to;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let entry = match openat(&directory, &name, flags, Mode::empty()) {
            Err(Errno::NOENT) if owner == to => return Ok(Given::Left),
            Err(Errno::NOENT) => {
                // Somebody else may have made it in this moment; the next look tells.
                match mkdirat(&directory, &name, MODE) {
                    Ok(()) => made.add(&directory, &name)?,
                    Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                rest.push_front(name);
                continue;
            }
            entry => entry?,
        };
        let stat = fstat(&entry)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            directory = opened(entry.as_fd(), OsStr::new("."))?;
            continue;
        }
        if theirs || stat.st_uid == to {
            return Ok(Given::Left);
        }
        links += 1;
        if links > LINKS {
            return Err(Errno::LOOP.into());
        }
        let target = PathBuf::from(OsString::from_vec(
            readlinkat(&entry, "", Vec::new())?.into_bytes(),
        ));
        if target.is_absolute() {
            directory = opened(directory.as_fd(), OsStr::new("/"))?;
        }
        push(&mut rest, &target);
    }
    give_opened(&directory, to)
}

fn give_opened(directory: &OwnedFd, to: u32) -> io::Result<Given> {
    let owner = fstat(directory)?.st_uid;
    if owner == to {
        return Ok(Given::Yes);
    }
    if owner != rustix::process::geteuid().as_raw() || !entries(directory)?.is_empty() {
        return Ok(Given::No(owner));
    }
    give_to(directory, to)?;
    Ok(Given::Yes)
}

/// Puts the names of a path in front of those that are still to be gone through.
fn push(rest: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        if let Component::Normal(_) | Component::ParentDir = component {
            rest.push_front(component.as_os_str().to_owned());
        }
    }
}

/// The names in a directory.
fn entries(directory: impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// Opens the directory above `path`, which must be of this process's own uid, and returns the last
/// name of `path` with it.
fn above(path: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    fs_err::create_dir_all(parent)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent_directory = open(parent, flags, Mode::empty())?;
    let owner = fstat(&parent_directory)?.st_uid;
    if owner != rustix::process::geteuid().as_raw() {
        let text = format!("{} belongs to uid {owner}", parent.display());
        return Err(io::Error::other(text));
    }
    Ok((parent_directory, name))
}

/// Makes `path` a directory of this uid and with these bits, unless that is what it is.
pub(crate) fn private(path: &Path, uid: u32, mode: Mode) -> io::Result<()> {
    let (parent, name) = above(path)?;
    match mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    settle(&opened(parent.as_fd(), name)?, uid, mode)
}

/// Makes a new directory of this uid and with these bits; one that is there already is an error.
pub(crate) fn fresh(path: &Path, uid: u32, mode: Mode) -> io::Result<()> {
    let (parent, name) = above(path)?;
    mkdirat(&parent, name, Mode::RWXU)?;
    settle(&opened(parent.as_fd(), name)?, uid, mode)
}

fn settle(directory: &OwnedFd, uid: u32, mode: Mode) -> io::Result<()> {
    if fstat(directory)?.st_uid != uid {
        give_to(directory, uid)?;
    }
    Ok(fchmod(directory, mode)?)
}

/// Makes `path` a directory that only this process's own uid writes to and everybody may search.
/// One that was given away is taken back, and everything in it removed but the directories of this
/// uid and of `kept`.
pub(crate) fn keep(path: &Path, kept: u32) -> io::Result<()> {
    let own = rustix::process::geteuid().as_raw();
    let (parent, name) = above(path)?;
    match mkdirat(&parent, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let directory = opened(parent.as_fd(), name)?;
    let owner = fstat(&directory)?.st_uid;
    settle(&directory, own, SEARCHABLE)?;
    if owner == own {
        return Ok(());
    }
    for name in entries(&directory)? {
        let stat = statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if !is_directory(&stat) {
            unlinkat(&directory, &name, AtFlags::empty())?;
        } else if ![own, kept].contains(&stat.st_uid) {
            // It follows no links, and nobody else can change the names here any more.
            fs_err::remove_dir_all(path.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
