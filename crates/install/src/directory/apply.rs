//! Owner, extended attributes, mode and time of what was made.

use super::Report;
use bessemer_apk::{Entry, EntryKind};
use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chmodat,
    chownat, fchmod, fchown, fsetxattr, futimens, openat, utimensat,
};
use rustix::io::Errno;
use std::os::fd::{AsFd as _, BorrowedFd};

/// setuid and setgid.
const SET_ID: u32 = 0o6000;

/// What could not be set, and why.
type Failed = (&'static str, Errno);

/// What this process may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Powers {
    /// Whether it can give files away.
    owners: bool,
}

impl Powers {
    pub(super) fn of_this_process() -> Self {
        Self {
            owners: rustix::process::geteuid().is_root(),
        }
    }

    /// Sets everything of the entry in the directory `parent`, in the order in which nothing undoes
    /// another: giving a file away takes its setuid bits and capabilities.
    pub(super) fn apply(
        self,
        parent: BorrowedFd<'_>,
        entry: &Entry,
        mtime: u64,
        report: &mut Report,
    ) -> Result<(), Failed> {
        let directory = match entry.kind {
            EntryKind::Directory => OFlags::DIRECTORY,
            EntryKind::File { .. } => OFlags::empty(),
            _ => return self.apply_by_name(parent, entry, mtime, report),
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | directory;
        let opened = openat(parent, entry.path.file_name(), flags, Mode::empty());
        let file = opened.map_err(|error| ("metadata", error))?;
        self.owner(entry, report, |uid, gid| {
            fchown(&file, Some(uid), Some(gid))
        })?;
        attributes(file.as_fd(), entry, report)?;
        fchmod(&file, self.mode(entry)).map_err(|error| ("mode", error))?;
        futimens(&file, &times(mtime)).map_err(|error| ("time", error))
    }

    /// For links, which have no mode, and for devices and pipes, which are not to be opened.
    fn apply_by_name(
        self,
        parent: BorrowedFd<'_>,
        entry: &Entry,
        mtime: u64,
        report: &mut Report,
    ) -> Result<(), Failed> {
        let name = entry.path.file_name();
        let no_follow = AtFlags::SYMLINK_NOFOLLOW;
        self.owner(entry, report, |uid, gid| {
            chownat(parent, name, Some(uid), Some(gid), no_follow)
        })?;
        if !entry.xattrs.is_empty() {
            report.attributes.add(&entry.path);
        }
        if !matches!(entry.kind, EntryKind::Symlink { .. }) {
            // The name was made a moment ago in a directory that nobody else can reach.
            chmodat(parent, name, self.mode(entry), AtFlags::empty())
                .map_err(|error| ("mode", error))?;
        }
        utimensat(parent, name, &times(mtime), no_follow).map_err(|error| ("time", error))
    }

    /// The root itself is root's, and open to all.
    pub(super) fn apply_root(self, root: BorrowedFd<'_>) -> Result<(), Failed> {
        if self.owners {
            fchown(root, Some(Uid::ROOT), Some(Gid::ROOT)).map_err(|error| ("owner", error))?;
        }
        fchmod(root, Mode::from_raw_mode(0o755)).map_err(|error| ("mode", error))?;
        futimens(root, &times(0)).map_err(|error| ("time", error))
    }

    fn owner(
        self,
        entry: &Entry,
        report: &mut Report,
        set: impl FnOnce(Uid, Gid) -> Result<(), Errno>,
    ) -> Result<(), Failed> {
        let (uid, gid) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
        if self.owners {
            return set(uid, gid).map_err(|error| ("owner", error));
        }
        let own = (rustix::process::geteuid(), rustix::process::getegid());
        if (uid, gid) != own {
            report.owners.add(&entry.path);
        }
        Ok(())
    }

    /// A setuid program that is not its owner's would hand out the rights of whoever installed it.
    fn mode(self, entry: &Entry) -> Mode {
        let is_file = matches!(entry.kind, EntryKind::File { .. });
        let dropped = if is_file && !self.owners { SET_ID } else { 0 };
        Mode::from_raw_mode(entry.mode & !dropped)
    }
}

/// Not every file system has them, and some of them take a privilege.
fn attributes(file: BorrowedFd<'_>, entry: &Entry, report: &mut Report) -> Result<(), Failed> {
    let mut left = false;
    for (name, value) in &entry.xattrs {
        match fsetxattr(file, name.as_str(), value, XattrFlags::empty()) {
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::ACCESS) => left = true,
            set => set.map_err(|error| ("extended attributes", error))?,
        }
    }
    if left {
        report.attributes.add(&entry.path);
    }
    Ok(())
}

fn times(mtime: u64) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: i64::try_from(mtime).unwrap_or(i64::MAX),
            tv_nsec: 0,
        },
    }
}
