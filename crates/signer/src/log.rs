//! The append-only log: one canonical JSON entry a line, each naming the digest of the one before.
//!
//! Every operation takes the file's lock, reads and checks the whole chain, decides, appends and
//! syncs, in this order; so several signer processes may share a state directory. A last line
//! without a line end was never acknowledged to anybody and is cut off.

use bessemer_attest::documents::{CanonicalError, Timestamp, canonical_bytes};
use bessemer_digest::Digest;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The keys were made.
    Initialised {
        /// Digest of the trust root.
        trust_root: Digest,
    },
    /// A job was announced, before any VM of it.
    Registered {
        /// The id it was given.
        invocation_id: String,
        /// Digest of its JobSpec.
        job_spec: Digest,
        /// Digest of its Lock.
        lock: Digest,
    },
    /// The control member of an output was signed.
    ControlSigned {
        /// The job, or `import`.
        invocation_id: String,
        /// Digest of the control member.
        control: Digest,
        /// Its size in bytes.
        size: u64,
    },
    /// A job's statements were signed.
    Finished {
        /// The job.
        invocation_id: String,
        /// Digest of its Record.
        record: Digest,
        /// Digest of the stored result: every envelope.
        result: Digest,
    },
    /// An import attestation was signed.
    Imported {
        /// Digest of the package.
        subject: Digest,
        /// Digest of the envelope.
        envelope: Digest,
    },
    /// A repository index was signed.
    IndexSigned {
        /// Digest of the unsigned index.
        index: Digest,
    },
    /// A verification summary was signed.
    Summarised {
        /// Digest of the package.
        subject: Digest,
        /// Digest of the envelope.
        envelope: Digest,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Position, from 0.
    pub position: u64,
    /// Digest of the line before, without its line end; of nothing for the first.
    pub previous: Digest,
    /// The signer's clock.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Why the log cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system said no.
    #[error("cannot use the log `{path}`")]
    Io {
        /// The log's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The chain does not hold.
    #[error("the log `{path}` was altered at line {line}")]
    Altered {
        /// The log's file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
    },
    /// An entry has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// The log in `log.jsonl` of a state directory.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
}

/// The log while its lock is held.
#[derive(Debug)]
pub struct LockedLog<'a> {
    path: &'a Path,
    file: File,
    entries: Vec<Entry>,
    head: Digest,
}

impl Log {
    /// The log of the state directory `state`.
    pub fn in_directory(state: &Path) -> Self {
        Self {
            path: state.join("log.jsonl"),
        }
    }

    /// Takes the lock, then reads and checks the chain.
    pub fn lock(&self) -> Result<LockedLog<'_>, LogError> {
        let error = |source| LogError::Io {
            path: self.path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
            .map_err(error)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive).map_err(|e| error(e.into()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(error)?;
        let whole = bytes
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |last| last + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(error)?;
            file.seek(SeekFrom::End(0)).map_err(error)?;
            bytes.truncate(whole);
        }
        let (entries, head) = check(&bytes).map_err(|line| LogError::Altered {
            path: self.path.clone(),
            line,
        })?;
        Ok(LockedLog {
            path: &self.path,
            file,
            entries,
            head,
        })
    }
}

/// The entries and the digest of the last line; an error is the number of the bad line.
fn check(bytes: &[u8]) -> Result<(Vec<Entry>, Digest), usize> {
    let mut head = Digest::of(b"");
    let mut entries = Vec::new();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let entry: Entry = serde_json::from_slice(line).map_err(|_| index + 1)?;
        if entry.previous != head || entry.position != entries.len() as u64 {
            return Err(index + 1);
        }
        head = Digest::of(line);
        entries.push(entry);
    }
    Ok((entries, head))
}

impl LockedLog<'_> {
    /// Everything that happened, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes and syncs one entry.
    pub fn append(&mut self, time: Timestamp, event: Event) -> Result<(), LogError> {
        let entry = Entry {
            position: self.entries.len() as u64,
            previous: self.head,
            time,
            event,
        };
        let mut line = canonical_bytes(&entry)?;
        let head = Digest::of(&line);
        line.push(b'\n');
        let written = self
            .file
            .write_all(&line)
            .and_then(|()| self.file.sync_all());
        written.map_err(|source| LogError::Io {
            path: self.path.to_owned(),
            source,
        })?;
        self.head = head;
        self.entries.push(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str) -> Event {
        Event::Registered {
            invocation_id: id.to_owned(),
            job_spec: Digest::of("spec"),
            lock: Digest::of("lock"),
        }
    }

    #[test]
    fn keeps_a_chain_and_notices_changes() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::in_directory(directory.path());
        for id in ["a", "b", "c"] {
            log.lock()
                .unwrap()
                .append(Timestamp::epoch(), event(id))
                .unwrap();
        }
        assert_eq!(log.lock().unwrap().entries().len(), 3);
        let path = directory.path().join("log.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        let second = text.lines().nth(1).unwrap();
        let removed = text.replace(&format!("{second}\n"), "");
        for (altered, line) in [(removed, 2), (text.replace("\"b\"", "\"x\""), 3)] {
            std::fs::write(&path, altered).unwrap();
            match log.lock() {
                Err(LogError::Altered { line: found, .. }) => assert_eq!(found, line),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn cuts_off_a_line_that_was_never_acknowledged() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::in_directory(directory.path());
        log.lock()
            .unwrap()
            .append(Timestamp::epoch(), event("a"))
            .unwrap();
        let path = directory.path().join("log.jsonl");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"half\":").unwrap();
        let mut locked = log.lock().unwrap();
        assert_eq!(locked.entries().len(), 1);
        locked.append(Timestamp::epoch(), event("b")).unwrap();
        drop(locked);
        assert_eq!(log.lock().unwrap().entries().len(), 2);
    }
}
