//! A recipe's repository at one commit, of which single files and folders are taken.

use super::archive::Blobs;
use super::cached::Cached;
use super::tree::{self, Entry, Kind};
use super::{GitError, Ground, MAX_ARCHIVE, TreeError};
use bessemer_attest::documents::is_branch_or_tag;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A repository at a commit. git checked every object against its name when it was fetched, so what
/// is taken is what the commit's name says.
#[derive(Debug)]
pub struct Commit {
    name: String,
    entries: Vec<Entry>,
}

impl Commit {
    /// Finds what `revision` names and lists its tree: a branch or tag (`refs/heads/…`,
    /// `refs/tags/…`), or a commit by its whole name in hexadecimal, which must be on a branch or tag
    /// of this repository. Servers that keep forks together hand out any fork's commits under the
    /// address of the original.
    pub fn open(uri: &str, revision: &str, ground: Ground<'_>) -> Result<Self, GitError> {
        // The cache is locked until here: a recipe may check out the very repository that it is in.
        let (repository, name) = if is_branch_or_tag(revision) {
            let repository = Cached::open(uri, 1, ground)?;
            let name = repository.tip(revision)?;
            (repository, name)
        } else {
            (published(uri, revision, ground)?, revision.to_owned())
        };
        let git = repository.git().clone();
        let entries = tree::list(&git, &name, &[])?;
        // So git writes them. Of a path that is there twice one reader takes the first, another the last.
        let unordered = entries.windows(2).find(|pair| pair[0].path >= pair[1].path);
        if let Some(pair) = unordered {
            return Err(TreeError::Twice(pair[1].path.clone()).into());
        }
        Ok(Self { name, entries })
    }

    /// The commit's name in hexadecimal.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes what stands at `path`, a file or a folder with all that is in it, below `into` under the
    /// same path, and says where; none if nothing stands there. Symbolic links and submodules are
    /// refused: what enters a build is files of this repository.
    pub fn export(&self, path: &str, into: &Path) -> Result<Option<PathBuf>, GitError> {
        let path = path.trim_end_matches('/');
        tree::check_path(path)?;
        let below = |entry: &&Entry| {
            let rest = entry.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut wanted = self.entries.iter().filter(below).peekable();
        let Some(first) = wanted.peek() else {
            return Ok(None);
        };
        let mut blobs = Blobs::open(first)?;
        let mut left = MAX_ARCHIVE;
        for entry in wanted {
            let size = write(entry, &mut blobs, into)?;
            left = left.checked_sub(size).ok_or(GitError::TooLarge)?;
        }
        Ok(Some(into.join(path)))
    }
}

/// A cached repository that has the commit on a branch or tag. Mostly it is at the tip of one, and
/// then no history is fetched.
fn published(uri: &str, commit: &str, ground: Ground<'_>) -> Result<Cached, GitError> {
    let shallow = Cached::open(uri, 1, ground)?;
    if shallow.fetch_tip(commit)? {
        return Ok(shallow);
    }
    drop(shallow);
    let whole = Cached::open(uri, 0, ground)?;
    whole.fetch_all()?;
    if whole.publishes(commit)? {
        return Ok(whole);
    }
    Err(GitError::Unpublished(commit.to_owned()))
}

fn write(entry: &Entry, blobs: &mut Blobs, into: &Path) -> Result<u64, GitError> {
    let mode = match entry.kind {
        Kind::File => 0o644,
        Kind::Executable => 0o755,
        Kind::Link | Kind::Submodule => return Err(GitError::NoFile(entry.path.clone())),
    };
    let place = into.join(&entry.path);
    if let Some(parent) = place.parent() {
        fs_err::create_dir_all(parent)?;
    }
    let size = blobs.ask(&entry.object)?;
    if size > MAX_ARCHIVE {
        return Err(GitError::TooLarge);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let mut file = options.open(&place)?;
    let written = io::copy(&mut blobs.content(size), &mut file)?;
    if written != size {
        return Err(GitError::Output("cat-file".to_owned()));
    }
    blobs.end()?;
    Ok(size)
}
