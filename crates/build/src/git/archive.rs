//! The tar archive that the guest unpacks.

use super::export::History;
use super::tree::{Entry, Kind};
use super::{GitError, MAX_ARCHIVE};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout};
use tar::{Builder, EntryType, Header};

/// The `.git/config` of a delivered work tree; git needs the format's version.
const CONFIG: &[u8] = b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n";

/// Writes the work tree and `.git`. Every entry has the commit's time, so that the archive depends
/// on the commit alone; `.git` has no index, which the guest makes from the files as it has them.
pub(super) fn write(
    history: &History,
    head: &str,
    entries: &[Entry],
    out: &mut std::fs::File,
) -> Result<(), GitError> {
    let time = history
        .git()
        .line(&["show", "--no-patch", "--format=%ct", head])?;
    let time = time
        .parse()
        .map_err(|_| GitError::Output("show".to_owned()))?;
    let mut archive = Archive {
        builder: Builder::new(BufWriter::new(out)),
        time,
        written: 0,
    };
    archive.git_directory(history)?;
    let mut blobs: Option<(&Path, Blobs)> = None;
    for entry in entries {
        let directory = entry.git.directory();
        let blobs = match &mut blobs {
            Some((of, open)) if *of == directory => open,
            other => &mut other.insert((directory, Blobs::open(entry)?)).1,
        };
        archive.entry(entry, blobs)?;
    }
    archive.builder.into_inner()?.flush()?;
    Ok(())
}

struct Archive<W: Write> {
    builder: Builder<W>,
    time: u64,
    written: u64,
}

impl<W: Write> Archive<W> {
    fn header(&self, kind: EntryType, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.time);
        header.set_uid(0);
        header.set_gid(0);
        header
    }

    fn git_directory(&mut self, history: &History) -> Result<(), GitError> {
        for folder in [".git/", ".git/objects/", ".git/refs/", ".git/refs/heads/"] {
            let mut header = self.header(EntryType::Directory, 0o755, 0);
            self.builder.append_data(&mut header, folder, io::empty())?;
        }
        let mut header = self.header(EntryType::Regular, 0o644, CONFIG.len() as u64);
        self.builder
            .append_data(&mut header, ".git/config", CONFIG)?;
        for (name, path) in history.files()? {
            let file = fs_err::File::open(path)?;
            let size = file.metadata()?.len();
            self.count(size)?;
            let mut header = self.header(EntryType::Regular, 0o644, size);
            self.builder
                .append_data(&mut header, format!(".git/{name}"), file)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, blobs: &mut Blobs) -> Result<(), GitError> {
        let mode = match entry.kind {
            Kind::Submodule => {
                // As git leaves it: an empty folder where the submodule would be.
                let mut header = self.header(EntryType::Directory, 0o755, 0);
                self.builder
                    .append_data(&mut header, format!("{}/", entry.path), io::empty())?;
                return Ok(());
            }
            Kind::Executable => 0o755,
            Kind::File => 0o644,
            Kind::Link => 0o777,
        };
        let size = blobs.ask(&entry.object)?;
        self.count(size)?;
        if entry.kind == Kind::Link {
            let mut target = Vec::new();
            blobs.content(size).read_to_end(&mut target)?;
            let target = std::ffi::OsStr::new(
                std::str::from_utf8(&target)
                    .map_err(|_| GitError::Output("cat-file".to_owned()))?,
            );
            let mut header = self.header(EntryType::Symlink, mode, 0);
            self.builder.append_link(&mut header, &entry.path, target)?;
        } else {
            let mut header = self.header(EntryType::Regular, mode, size);
            self.builder
                .append_data(&mut header, &entry.path, blobs.content(size))?;
        }
        blobs.end()
    }

    fn count(&mut self, size: u64) -> Result<(), GitError> {
        self.written = self.written.saturating_add(size);
        if self.written > MAX_ARCHIVE {
            return Err(GitError::TooLarge);
        }
        Ok(())
    }
}

/// A running `git cat-file --batch`.
pub(super) struct Blobs {
    child: Child,
    asked: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Blobs {
    pub(super) fn open(entry: &Entry) -> Result<Self, GitError> {
        let mut child = entry.git.converse(&["cat-file", "--batch"])?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (asked, answers) = pipes.ok_or_else(|| GitError::Output("cat-file".to_owned()))?;
        let answers = BufReader::new(answers);
        Ok(Self {
            child,
            asked,
            answers,
        })
    }

    /// Asks for a blob; its size. [`Self::content`] follows, then [`Self::end`].
    pub(super) fn ask(&mut self, object: &str) -> Result<u64, GitError> {
        let odd = || GitError::Output("cat-file".to_owned());
        writeln!(self.asked, "{object}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let mut words = line.trim_end().split(' ');
        let answer = (words.next(), words.next(), words.next());
        match answer {
            (Some(found), Some("blob"), Some(size)) if found == object => {
                size.parse().map_err(|_| odd())
            }
            _ => Err(odd()),
        }
    }

    pub(super) fn content(&mut self, size: u64) -> impl Read + '_ {
        (&mut self.answers).take(size)
    }

    pub(super) fn end(&mut self) -> Result<(), GitError> {
        let mut newline = [0];
        self.answers.read_exact(&mut newline)?;
        Ok(())
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // It would end by itself once its input is closed; it holds nothing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
