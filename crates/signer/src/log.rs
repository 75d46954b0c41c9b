//! The append-only log: a tile log (C2SP tlog-tiles) with checkpoints under the log's own key.
//!
//! Every operation takes the file's lock, reads what other processes added, decides, writes the tiles
//! and syncs them, and then replaces the checkpoint, in this order; so several signer processes may
//! share a state directory. An entry is in the log when the checkpoint says so: what lies beyond it
//! was written by a process that died before it told anybody, and is written over.

mod entry;
mod files;
mod jobs;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Event};
pub(crate) use jobs::{Finish, Job, Jobs};

use crate::keys::LogKey;
use bessemer_attest::documents::{CanonicalError, Timestamp};
use bessemer_digest::Digest;
use bessemer_tlog::tile::{self, CHECKPOINT, Kind, Tile, WIDTH};
use bessemer_tlog::{Checkpoint, CheckpointError, Proof, Tree, leaf_hash};
use files::Files;
use rustix::fs::FlockOperation;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why the log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system said no.
    #[error("cannot use the log `{path}`")]
    Io {
        /// The log's directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The checkpoint is not this log's.
    #[error("the log `{path}` was altered")]
    Checkpoint {
        /// The log's directory.
        path: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// The entries are not those that the checkpoint is over.
    #[error("the log `{path}` was altered: {what}")]
    Altered {
        /// The log's directory.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// More than an entry can hold.
    #[error("an entry of {0} bytes does not fit into the log")]
    Entry(usize),
    /// An entry has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// The log of a state directory.
#[derive(Debug)]
pub struct Log {
    files: Files,
    key: LogKey,
    known: Mutex<Known>,
}

/// What was read and verified of the log so far.
#[derive(Debug, Default)]
struct Known {
    tree: Tree,
    jobs: Jobs,
    /// The bundle that is not full yet.
    bundle: Vec<u8>,
}

/// The log while its lock is held.
#[derive(Debug)]
pub struct LockedLog<'a> {
    log: &'a Log,
    known: MutexGuard<'a, Known>,
    _lock: File,
}

impl Log {
    /// Where the log of the state directory `state` is.
    pub(crate) fn directory(state: &Path) -> PathBuf {
        state.join("log")
    }

    /// Whether there is a log in the state directory.
    pub(crate) fn exists(state: &Path) -> bool {
        Self::directory(state).join(CHECKPOINT).exists()
    }

    /// The log of the state directory `state`; nothing is read yet.
    pub(crate) fn open(state: &Path, key: LogKey) -> Result<Self, LogError> {
        let path = Self::directory(state);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                return Err(LogError::Io { path, source });
            }
            _ => {}
        }
        Ok(Self {
            files: Files::new(path),
            key,
            known: Mutex::default(),
        })
    }

    /// Takes the lock, and reads and verifies what is new.
    pub fn lock(&self) -> Result<LockedLog<'_>, LogError> {
        let known = self.known.lock().unwrap_or_else(|poisoned| {
            // Whoever panicked may have left half of a change; all of it is read again.
            self.known.clear_poison();
            let mut known = PoisonError::into_inner(poisoned);
            *known = Known::default();
            known
        });
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.files.directory().join(".lock"))
            .map_err(|source| self.io(source))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|error| self.io(error.into()))?;
        let mut locked = LockedLog {
            log: self,
            known,
            _lock: file,
        };
        locked.catch_up().inspect_err(|_| {
            *locked.known = Known::default();
        })?;
        Ok(locked)
    }

    fn io(&self, source: io::Error) -> LogError {
        let path = self.files.directory().to_owned();
        LogError::Io { path, source }
    }

    fn altered(&self, what: impl Into<String>) -> LogError {
        LogError::Altered {
            path: self.files.directory().to_owned(),
            what: what.into(),
        }
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, LogError> {
        let bytes = self
            .files
            .read(CHECKPOINT)
            .map_err(|error| self.io(error))?;
        let open = |bytes: Vec<u8>| {
            Checkpoint::open(&bytes, self.key.note_key()).map_err(|source| LogError::Checkpoint {
                path: self.files.directory().to_owned(),
                source,
            })
        };
        bytes.map(open).transpose()
    }

    fn bundle(&self, number: u64, width: u64) -> Result<Vec<u8>, LogError> {
        let kind = Kind::Entries;
        let path = Tile {
            kind,
            number,
            width,
        }
        .path();
        let read = self.files.read(&path).map_err(|error| self.io(error))?;
        read.ok_or_else(|| self.altered(format!("`{path}` is gone")))
    }
}

impl LockedLog<'_> {
    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.known.tree.size()
    }

    /// The root over the first `size` entries, if there are as many.
    pub(crate) fn root(&self, size: u64) -> Option<Digest> {
        self.known.tree.root(size)
    }

    /// What the entries say of jobs and keys.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.known.jobs
    }

    /// Reads the entries that the checkpoint has and this process has not seen.
    fn catch_up(&mut self) -> Result<(), LogError> {
        let (log, seen) = (self.log, self.size());
        let Some(checkpoint) = log.checkpoint()? else {
            return match seen {
                0 => Ok(()),
                _ => Err(log.altered("its checkpoint is gone")),
            };
        };
        if checkpoint.size < seen {
            let what = format!("it had {seen} entries, and now has {}", checkpoint.size);
            return Err(log.altered(what));
        }
        for number in seen / WIDTH..checkpoint.size.div_ceil(WIDTH) {
            if seen == checkpoint.size {
                break;
            }
            let width = (checkpoint.size - number * WIDTH).min(WIDTH);
            let bundle = log.bundle(number, width)?;
            self.take_bundle(number, width, bundle)?;
        }
        if self.known.tree.root(checkpoint.size) == Some(checkpoint.root) {
            return match seen {
                0 => self.write_hashes(&tile::added(0, checkpoint.size)),
                _ => Ok(()),
            };
        }
        Err(log.altered("its entries do not have the root of its checkpoint"))
    }

    /// Takes in the entries of a bundle that were not seen before.
    fn take_bundle(&mut self, number: u64, width: u64, bundle: Vec<u8>) -> Result<(), LogError> {
        let log = self.log;
        let entries = tile::entries(&bundle, width);
        let entries = entries.ok_or_else(|| log.altered(format!("bundle {number} is cut off")))?;
        let seen = usize::try_from(self.size() - number * WIDTH).unwrap_or(usize::MAX);
        for bytes in entries.into_iter().skip(seen) {
            let index = self.size();
            let entry = Entry::parse(bytes)
                .ok_or_else(|| log.altered(format!("entry {index} is none of a signer's")))?;
            self.known.tree.push(leaf_hash(bytes));
            self.known.jobs.take(index, entry);
        }
        self.known.bundle = if width == WIDTH { Vec::new() } else { bundle };
        Ok(())
    }

    /// Writes and syncs entries, all of them or none; returns the index of the first.
    pub fn append(&mut self, time: &Timestamp, events: Vec<Event>) -> Result<u64, LogError> {
        let first = self.size();
        let result = self.try_append(time, events);
        if result.is_err() {
            // How far it came is on the disk; the next one reads it.
            *self.known = Known::default();
        }
        result.map(|()| first)
    }

    fn try_append(&mut self, time: &Timestamp, events: Vec<Event>) -> Result<(), LogError> {
        let (log, old) = (self.log, self.size());
        let mut files = Vec::new();
        for event in events {
            let entry = Entry {
                time: time.clone(),
                event,
            };
            let bytes = entry.to_bytes()?;
            let known = &mut *self.known;
            if !tile::push_entry(&mut known.bundle, &bytes) {
                return Err(LogError::Entry(bytes.len()));
            }
            known.jobs.take(known.tree.size(), entry);
            known.tree.push(leaf_hash(&bytes));
            if known.tree.size().is_multiple_of(WIDTH) {
                files.push(std::mem::take(&mut known.bundle));
            }
        }
        let new = self.size();
        if !new.is_multiple_of(WIDTH) {
            files.push(self.known.bundle.clone());
        }
        let added = tile::added(old, new);
        let bundles = added.iter().filter(|part| part.kind == Kind::Entries);
        let bundles: Vec<_> = bundles.map(Tile::path).zip(files).collect();
        log.files.write(&bundles).map_err(|error| log.io(error))?;
        self.write_hashes(&added)?;
        let checkpoint = (CHECKPOINT.to_owned(), self.checkpoint(new)?.into_bytes());
        log.files
            .write(&[checkpoint])
            .map_err(|error| log.io(error))?;
        for full in added.iter().filter(|part| part.width == WIDTH) {
            log.files.remove_partial(&full.folder());
        }
        Ok(())
    }

    /// Writes the tiles of hashes among `tiles` that are not there as they should be. They follow from
    /// the entries, so nothing waits until they are on the disk: whoever opens the log next writes
    /// what is missing.
    fn write_hashes(&self, tiles: &[Tile]) -> Result<(), LogError> {
        let log = self.log;
        let mut files = Vec::new();
        for tile in tiles {
            let Kind::Hashes(level) = tile.kind else {
                continue;
            };
            let content = tile::hashes(&self.known.tree, level, tile.number, tile.width)
                .ok_or_else(|| log.altered("a tile cannot be made"))?;
            let path = tile.path();
            let found = log.files.read(&path).map_err(|error| log.io(error))?;
            if found.as_ref() != Some(&content) {
                files.push((path, content));
            }
        }
        let written = log.files.write_derived(&files);
        written.map_err(|error| log.io(error))
    }

    /// The signed checkpoint over the first `size` entries. The same size gives the same bytes, and
    /// whatever it says is true of every later log, too.
    pub(crate) fn checkpoint(&self, size: u64) -> Result<String, LogError> {
        let root = self.known.tree.root(size);
        let root = root.ok_or_else(|| self.log.altered("it is shorter than it was"))?;
        Ok(self.log.key.checkpoint(size, root))
    }

    /// The proof that the entry at `index` is among the first `size`.
    pub(crate) fn prove(&self, index: u64, size: u64) -> Result<Proof, LogError> {
        let log = self.log;
        let path = self.known.tree.inclusion(index, size);
        let path = path.ok_or_else(|| log.altered("it is shorter than it was"))?;
        let number = index / WIDTH;
        let width = (self.size() - number * WIDTH).min(WIDTH);
        let bundle = if width == WIDTH {
            log.bundle(number, width)?
        } else {
            self.known.bundle.clone()
        };
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        let entry = tile::entries(&bundle, width).and_then(|all| all.get(place).copied());
        let entry = entry.ok_or_else(|| log.altered(format!("bundle {number} is cut off")))?;
        let leaf = usize::try_from(index).ok();
        let leaf = leaf.and_then(|index| self.known.tree.level(0).get(index));
        if leaf != Some(&leaf_hash(entry)) {
            return Err(log.altered(format!("entry {index} is another than it was")));
        }
        Ok(Proof {
            entry: entry.to_vec(),
            index,
            path,
            checkpoint: self.checkpoint(size)?,
        })
    }
}
