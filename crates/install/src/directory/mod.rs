//! A directory on disk.
//!
//! Contents are written under numbers into a directory of their own and renamed to their places when
//! the whole tree is known, so that nothing is written twice and nothing has its name before all
//! packages were read. Ownership, modes and times come after that, directories last and from the
//! leaves up, because making a name in a directory changes its time and needs leave to.

mod apply;
mod beneath;
mod report;

pub use report::{Left, Report};

use crate::spool::copy_exactly;
use apply::Powers;
use beneath::Beneath;
use bessemer_apk::install::{Contents, Placed, Root};
use bessemer_apk::{Entry, EntryKind, EntryPath};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Bytes that are read and written at a time.
const PIECE: usize = 256 << 10;

/// Where a tree is made before it appears.
#[derive(Debug)]
pub struct Staging {
    contents: OwnedFd,
    root: OwnedFd,
    path: PathBuf,
    next: u64,
    buffer: Vec<u8>,
}

/// A content in a [`Staging`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile(u64);

/// Why a tree cannot be written to a directory.
#[derive(Debug, thiserror::Error)]
pub enum WriteTreeError {
    /// A name cannot be made.
    #[error("cannot make {path}")]
    Make {
        /// Where.
        path: EntryPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Owner, mode, attributes or time cannot be set.
    #[error("cannot set the {what} of {path}")]
    Apply {
        /// Where.
        path: String,
        /// What of it.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The tree cannot be brought to the disk.
    #[error("cannot write the tree to the disk")]
    Sync(#[source] io::Error),
    /// The finished tree cannot take its place.
    #[error("cannot put the tree in place at {}", path.display())]
    Publish {
        /// Its place.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Staging {
    /// Starts in `directory`, which is empty, is reachable for nobody else, and is on the file system
    /// of the tree's place.
    pub fn new(directory: &Path) -> io::Result<Self> {
        let open = |name: &str| -> io::Result<OwnedFd> {
            let path = directory.join(name);
            rustix::fs::mkdir(&path, Mode::RWXU)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(rustix::fs::open(&path, flags, Mode::empty())?)
        };
        Ok(Self {
            contents: open("contents")?,
            root: open("root")?,
            path: directory.join("root"),
            next: 0,
            buffer: vec![0; PIECE],
        })
    }

    /// Makes the whole tree, but not in its place yet.
    pub fn write(&self, root: Root<StagedFile>) -> Result<Report, WriteTreeError> {
        let mut writer = TreeWriter {
            staging: self,
            beneath: Beneath::new(self.root.as_fd()),
            powers: Powers::of_this_process(),
            report: Report::default(),
            directories: Vec::new(),
        };
        for placed in root.into_entries() {
            writer.entry(placed)?;
        }
        writer.finish()
    }

    /// Puts the tree in its place: a path where nothing is, or an empty directory.
    pub fn publish(self, target: &Path) -> Result<(), WriteTreeError> {
        rustix::fs::syncfs(&self.root).map_err(|error| WriteTreeError::Sync(error.into()))?;
        // Over an empty directory a directory may be renamed, over anything else it may not.
        fs_err::rename(&self.path, target).map_err(|source| WriteTreeError::Publish {
            path: target.to_owned(),
            source,
        })
    }
}

impl Contents for Staging {
    type Place = StagedFile;

    fn keep(&mut self, content: &mut dyn Read, size: u64) -> io::Result<StagedFile> {
        let number = self.next;
        self.next += 1;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.contents, number.to_string(), flags, mode)?;
        let mut file = File::from(file);
        copy_exactly(content, size, &mut self.buffer, |bytes| {
            file.write_all(bytes)
        })?;
        Ok(StagedFile(number))
    }
}

struct TreeWriter<'a> {
    staging: &'a Staging,
    beneath: Beneath<'a>,
    powers: Powers,
    report: Report,
    /// What gets its metadata at the end.
    directories: Vec<(Entry, u64)>,
}

impl TreeWriter<'_> {
    fn entry(&mut self, placed: Placed<StagedFile>) -> Result<(), WriteTreeError> {
        let Placed {
            entry,
            mtime,
            content,
            ..
        } = placed;
        let made = self
            .make(&entry, content)
            .map_err(|source| WriteTreeError::Make {
                path: entry.path.clone(),
                source: source.into(),
            })?;
        if !made {
            return Ok(());
        }
        self.report.entries += 1;
        match entry.kind {
            EntryKind::Directory => self.directories.push((entry, mtime)),
            // It is the file that it links to.
            EntryKind::Hardlink { .. } => {}
            _ => self.apply(&entry, mtime)?,
        }
        Ok(())
    }

    /// Makes the name. False for a device that this process may not make.
    fn make(&mut self, entry: &Entry, content: Option<StagedFile>) -> Result<bool, Errno> {
        let name = entry.path.file_name();
        if let EntryKind::Hardlink { target } = &entry.kind {
            let from = self.beneath.open_parent(target)?;
            let to = self.beneath.parent(&entry.path)?;
            rustix::fs::linkat(&from, target.file_name(), to, name, AtFlags::empty())?;
            return Ok(true);
        }
        let parent = self.beneath.parent(&entry.path)?;
        let node = |kind: FileType, major: u32, minor: u32| {
            let device = rustix::fs::makedev(major, minor);
            rustix::fs::mknodat(parent, name, kind, Mode::RUSR, device)
        };
        match &entry.kind {
            EntryKind::Directory => rustix::fs::mkdirat(parent, name, Mode::RWXU)?,
            EntryKind::File { .. } => {
                let StagedFile(number) = content.ok_or(Errno::NOENT)?;
                let from = (&self.staging.contents, number.to_string());
                let flags = RenameFlags::NOREPLACE;
                rustix::fs::renameat_with(from.0, from.1, parent, name, flags)?;
            }
            EntryKind::Symlink { target } => rustix::fs::symlinkat(target, parent, name)?,
            EntryKind::Fifo => node(FileType::Fifo, 0, 0)?,
            EntryKind::CharDevice { major, minor } => {
                let made = node(FileType::CharacterDevice, *major, *minor);
                return device(entry, made, &mut self.report);
            }
            EntryKind::BlockDevice { major, minor } => {
                let made = node(FileType::BlockDevice, *major, *minor);
                return device(entry, made, &mut self.report);
            }
            EntryKind::Hardlink { .. } => {}
        }
        Ok(true)
    }

    fn apply(&mut self, entry: &Entry, mtime: u64) -> Result<(), WriteTreeError> {
        let failed = |what: &'static str, error: Errno| WriteTreeError::Apply {
            path: entry.path.to_string(),
            what,
            source: error.into(),
        };
        let parent = self
            .beneath
            .parent(&entry.path)
            .map_err(|error| failed("metadata", error))?;
        self.powers
            .apply(parent, entry, mtime, &mut self.report)
            .map_err(|(what, error)| failed(what, error))
    }

    fn finish(mut self) -> Result<Report, WriteTreeError> {
        while let Some((entry, mtime)) = self.directories.pop() {
            self.apply(&entry, mtime)?;
        }
        let root = self.powers.apply_root(self.staging.root.as_fd());
        root.map_err(|(what, error)| WriteTreeError::Apply {
            path: "the root".to_owned(),
            what,
            source: error.into(),
        })?;
        Ok(self.report)
    }
}

/// Making devices takes a privilege that root has on an ordinary host, but not in a container.
fn device(entry: &Entry, made: Result<(), Errno>, report: &mut Report) -> Result<bool, Errno> {
    match made {
        Err(Errno::PERM) => {
            report.devices.add(&entry.path);
            Ok(false)
        }
        made => made.map(|()| true),
    }
}
