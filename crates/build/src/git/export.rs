//! The history that goes along, as a repository of its own whose bytes depend on nothing else.

use super::GitError;
use super::cached::Cached;
use super::command::{Git, file_uri};
use bessemer_recipe::GitRequest;
use std::path::{Path, PathBuf};

/// A repository with the commit, as much history as was asked for, and the tag.
#[derive(Debug)]
pub(super) struct History {
    git: Git,
}

impl History {
    /// Copies what is reachable from the commit out of the cache, into `work`.
    pub(super) fn of(
        cached: &Cached,
        request: &GitRequest,
        commit: &str,
        work: &Path,
    ) -> Result<Self, GitError> {
        let directory = work.join("history.git");
        fs_err::create_dir(&directory)?;
        let git = Git::at(&directory);
        git.run(&["init", "--quiet", "--bare", "."])?;
        let from = file_uri(cached.git().directory());
        let from = from
            .to_str()
            .ok_or_else(|| GitError::Output("init".to_owned()))?;
        let depth = format!("--depth={}", request.depth);
        let head = format!("{commit}:refs/bessemer/commit");
        let tag = format!("refs/tags/{0}:refs/tags/{0}", request.tag);
        let mut words = vec!["fetch", "--quiet"];
        if request.depth > 0 {
            words.extend(["--no-tags", &depth]);
        }
        words.extend(["--", from, &head]);
        if !request.tag.is_empty() {
            words.push(&tag);
        }
        git.run(&words)?;
        Ok(Self { git })
    }

    pub(super) fn git(&self) -> &Git {
        &self.git
    }

    /// Takes in a commit that was made elsewhere on this host.
    pub(super) fn take(&self, from: &Path, commit: &str) -> Result<(), GitError> {
        let from = file_uri(from);
        let from = from
            .to_str()
            .ok_or_else(|| GitError::Output("fetch".to_owned()))?;
        let head = format!("+{commit}:refs/bessemer/commit");
        self.git
            .run(&["fetch", "--quiet", "--update-shallow", "--", from, &head])
            .map(drop)
    }

    /// Packs everything anew, so that the bytes depend on the objects and on git's version alone.
    pub(super) fn pack(&self, head: &str) -> Result<(), GitError> {
        self.git.run(&["update-ref", "--no-deref", "HEAD", head])?;
        self.git
            .run(&["update-ref", "-d", "refs/bessemer/commit"])?;
        self.git.run(&["pack-refs", "--all"])?;
        self.git
            .run(&["repack", "-a", "-d", "-f", "-q", "--threads=1"])
            .map(drop)
    }

    /// The files of the `.git` directory, in order: path in it, path on this host.
    pub(super) fn files(&self) -> Result<Vec<(String, PathBuf)>, GitError> {
        let root = self.git.directory();
        let mut files = Vec::new();
        for name in ["HEAD", "packed-refs", "shallow"] {
            files.push((name.to_owned(), root.join(name)));
        }
        let packs = root.join("objects/pack");
        for entry in fs_err::read_dir(&packs)? {
            let name = entry?.file_name();
            let name = name
                .to_str()
                .ok_or_else(|| GitError::Output("repack".to_owned()))?;
            if matches!(name.rsplit_once('.'), Some((_, "pack" | "idx"))) {
                files.push((format!("objects/pack/{name}"), packs.join(name)));
            }
        }
        files.retain(|(_, path)| path.exists());
        files.sort();
        Ok(files)
    }
}
