//! Opening the directory that holds an entry, never another one.

use bessemer_apk::EntryPath;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A root, and the directory in it that was asked for last.
#[derive(Debug)]
pub(super) struct Beneath<'a> {
    root: BorrowedFd<'a>,
    last: Option<(EntryPath, OwnedFd)>,
}

impl<'a> Beneath<'a> {
    pub(super) const fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, last: None }
    }

    /// The directory that `path` is in. The tree's paths lead through no symbolic links, so one that
    /// is met is none of ours, and an error.
    pub(super) fn parent(&mut self, path: &EntryPath) -> Result<BorrowedFd<'_>, Errno> {
        let Some(parent) = path.parent() else {
            return Ok(self.root);
        };
        // Entries come in the order of a walk: mostly it is the one of the entry before.
        if self.last.as_ref().is_none_or(|(last, _)| *last != parent) {
            let opened = open(self.root, &parent)?;
            self.last = Some((parent, opened));
        }
        Ok(self
            .last
            .as_ref()
            .map_or(self.root, |(_, opened)| opened.as_fd()))
    }

    /// The same, without remembering it.
    pub(super) fn open_parent(&self, path: &EntryPath) -> Result<OwnedFd, Errno> {
        match path.parent() {
            Some(parent) => open(self.root, &parent),
            None => Ok(rustix::io::fcntl_dupfd_cloexec(self.root, 0)?),
        }
    }
}

fn open(root: BorrowedFd<'_>, directory: &EntryPath) -> Result<OwnedFd, Errno> {
    rustix::fs::openat2(
        root,
        directory.as_str(),
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
        ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV,
    )
}
