//! The log's files. Each appears whole or not at all, and what was written is on the disk before the
//! checkpoint that speaks of it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The directory of a log.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    /// Directories whose own names this process has synced: what was made by one that died may not
    /// have been.
    known: Mutex<BTreeSet<PathBuf>>,
    #[cfg(test)]
    pub(super) fuel: std::sync::Mutex<Option<usize>>,
}

impl Files {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            known: Mutex::default(),
            #[cfg(test)]
            fuel: std::sync::Mutex::default(),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where the tests let the process die: from one step on nothing is done any more.
    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        let mut fuel = self.fuel.lock().unwrap();
        match fuel.as_mut() {
            Some(0) => Err(io::Error::other("killed")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the tests' one counts")]
    #[expect(clippy::unnecessary_wraps, reason = "the tests' one fails")]
    const fn step(&self) -> io::Result<()> {
        Ok(())
    }

    /// A file's content; nothing if there is none.
    pub(super) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.directory.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes files that can be made again from the entries, and does not wait for the disk.
    pub(super) fn write_derived(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        for (path, content) in files {
            let path = self.directory.join(path);
            if let Some(parent) = path.parent() {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(parent)?;
            }
            self.write_one(&path, content, false)?;
        }
        Ok(())
    }

    /// Writes files, in place of what an interrupted run may have left, then syncs them and their
    /// directories.
    pub(super) fn write(&self, files: &[(String, Vec<u8>)]) -> io::Result<()> {
        let mut directories = BTreeSet::new();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, content) in files {
            self.make_directories(path, &known, &mut directories)?;
            self.write_one(&self.directory.join(path), content, true)?;
        }
        for directory in &directories {
            self.step()?;
            File::open(directory)?.sync_all()?;
        }
        known.append(&mut directories);
        Ok(())
    }

    fn write_one(&self, path: &Path, content: &[u8], sync: bool) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.directory);
        let mut new = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(parent)?;
        let (first, second) = content.split_at(content.len() / 2);
        new.write_all(first)?;
        self.step()?;
        new.write_all(second)?;
        self.step()?;
        if sync {
            new.as_file().sync_all()?;
            self.step()?;
        }
        new.persist(path).map_err(|error| error.error)?;
        self.step()
    }

    /// Makes the directories of a file below the log's own; adds those that must be synced.
    fn make_directories(
        &self,
        path: &str,
        known: &BTreeSet<PathBuf>,
        changed: &mut BTreeSet<PathBuf>,
    ) -> io::Result<()> {
        let mut directory = self.directory.clone();
        let parts: Vec<&str> = path.split('/').collect();
        for part in &parts[..parts.len().saturating_sub(1)] {
            let above = directory.clone();
            directory.push(part);
            if known.contains(&directory) {
                continue;
            }
            match DirBuilder::new().mode(0o700).create(&directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            changed.insert(above);
        }
        changed.insert(directory);
        self.step()
    }

    /// Removes the partial tiles that a full one has taken the place of.
    pub(super) fn remove_partial(&self, full: &str) {
        // What stays costs space and nothing else.
        let _ = fs::remove_dir_all(self.directory.join(format!("{full}.p")));
    }
}
