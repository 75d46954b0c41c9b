//! Repositories as fetched, kept between runs.

use super::command::{Git, check_name, check_uri, without_credentials};
use super::{GitError, Ground};
use bessemer_digest::Digest;
use bessemer_recipe::GitRequest;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;

/// Where the remote's own HEAD is kept.
const REMOTE_HEAD: &str = "refs/bessemer/HEAD";

/// Where the branches and tags of the remote are kept, as it had them when it was asked last for all.
const PUBLISHED: &str = "refs/bessemer/published";
/// Where what was asked for by its name is kept.
const FOUND: &str = "refs/bessemer/found";

/// A bare repository in the cache. Each depth has one of its own: fetching with a depth cuts the
/// history that is there.
#[derive(Debug)]
pub(super) struct Cached {
    git: Git,
    uri: String,
    depth: u64,
    offline: bool,
    _lock: File,
}

impl Cached {
    /// Opens or makes the repository, and keeps other processes away from it.
    pub(super) fn open(uri: &str, depth: u64, ground: Ground<'_>) -> Result<Self, GitError> {
        check_uri(uri)?;
        let folder = ground.cache.join("git");
        fs_err::create_dir_all(&folder)?;
        let name = format!("{}-{depth}", Digest::of(uri).hex());
        let lock = File::create(folder.join(format!("{name}.lock")))?;
        flock(&lock, FlockOperation::LockExclusive).map_err(std::io::Error::from)?;
        let directory = folder.join(format!("{name}.git"));
        fs_err::create_dir_all(&directory)?;
        let git = Git::at(&directory);
        if !directory.join("HEAD").exists() {
            git.run(&["init", "--quiet", "--bare", "."])?;
        }
        Ok(Self {
            git,
            uri: uri.to_owned(),
            depth,
            offline: ground.offline && !uri.starts_with("file://"),
            _lock: lock,
        })
    }

    pub(super) fn git(&self) -> &Git {
        &self.git
    }

    /// Finds the commit that the request names, from the cache when it is pinned and there.
    pub(super) fn resolve(&self, request: &GitRequest) -> Result<String, GitError> {
        let (remote, local, shown) = reference(request)?;
        let expected = request.expected_commit.as_str();
        if !expected.is_empty()
            && let Ok(commit) = self.commit(&local)
            && (commit == expected || self.reaches(expected, &commit)?)
        {
            return Ok(expected.to_owned());
        }
        match self.fetch(&format!("+{remote}:{local}")) {
            // Offline, a reference leads where it was last seen to lead, as with indexes.
            Err(GitError::Offline(_)) if self.commit(&local).is_ok() => {}
            fetched => fetched?,
        }
        let found = self.commit(&local)?;
        if expected.is_empty() || expected == found {
            return Ok(found);
        }
        let tag = !request.tag.is_empty();
        if tag && self.git.line(&["rev-parse", "--verify", &local])? == expected {
            // The recipe pins the annotated tag itself, which pins its commit.
            return Ok(found);
        }
        let expected = expected.to_owned();
        let reference = shown;
        if !tag && self.depth == 0 {
            if self.reaches(&expected, &found)? {
                return Ok(expected);
            }
            let tip = found;
            return Err(GitError::NotInHistory {
                reference,
                tip,
                expected,
            });
        }
        Err(GitError::Commit {
            reference,
            found,
            expected,
        })
    }

    /// Fetches one commit by its name, for a submodule; remotes that refuse that are fetched whole.
    pub(super) fn fetch_commit(&self, commit: &str) -> Result<(), GitError> {
        if self.has(commit)? {
            return Ok(());
        }
        let named = format!("+{commit}:refs/bessemer/{commit}");
        match self.fetch(&named) {
            Err(error @ GitError::Offline(_)) => return Err(error),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let mut words = vec!["fetch", "--quiet", "--no-tags", "--", &self.uri];
        words.extend(all);
        self.git.run(&words)?;
        if self.has(commit)? {
            return Ok(());
        }
        Err(GitError::Failed {
            command: "fetch".to_owned(),
            said: format!("the remote has no commit {commit}"),
        })
    }

    /// Fetches a branch that a cherry-pick is on.
    pub(super) fn fetch_branch(&self, branch: &str) -> Result<(), GitError> {
        check_name(branch)?;
        self.fetch(&format!("+refs/heads/{branch}:refs/heads/{branch}"))
    }

    /// Where a branch or tag (`refs/…`) leads, fetched without its history. The remote is always
    /// asked, and for the very reference: git itself would take a tag for a branch of that name.
    pub(super) fn tip(&self, reference: &str) -> Result<String, GitError> {
        check_name(reference)?;
        let listed = self.listed()?;
        let mut lines = listed.iter();
        let Some((object, _)) = lines.find(|(_, name)| name == reference) else {
            return Err(GitError::NoReference(reference.to_owned()));
        };
        self.fetch(&format!("+{object}:{FOUND}"))?;
        self.commit(FOUND)
    }

    /// Whether a branch or tag that was fetched leads to the commit.
    pub(super) fn publishes(&self, commit: &str) -> Result<bool, GitError> {
        let contains = format!("--contains={commit}");
        let words = ["for-each-ref", "--count=1", &contains, PUBLISHED];
        Ok(self.has(commit)? && !self.git.line(&words)?.is_empty())
    }

    /// Fetches the commit, if a branch or tag of the remote has it at its tip.
    pub(super) fn fetch_tip(&self, commit: &str) -> Result<bool, GitError> {
        let listed = self.listed()?;
        if !listed.iter().any(|(object, _)| object == commit) {
            return Ok(false);
        }
        self.fetch(&format!("+{commit}:{FOUND}"))?;
        Ok(self.commit(FOUND)? == commit)
    }

    /// What the remote says of its branches and tags: object and name. Behind an annotated tag its
    /// commit follows, under the tag's name with `^{}`.
    fn listed(&self) -> Result<Vec<(String, String)>, GitError> {
        self.online()?;
        let words = ["ls-remote", "--heads", "--tags", "--", &self.uri];
        let text = self.git.line(&words)?;
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines
            .map(|(object, name)| (object.to_owned(), name.to_owned()))
            .collect())
    }

    /// Fetches every branch and tag with the history that this repository keeps; those that are gone
    /// from the remote go here, too.
    pub(super) fn fetch_all(&self) -> Result<(), GitError> {
        self.online()?;
        let (heads, tags) = (
            format!("+refs/heads/*:{PUBLISHED}/heads/*"),
            format!("+refs/tags/*:{PUBLISHED}/tags/*"),
        );
        let words = [
            "fetch",
            "--quiet",
            "--force",
            "--prune",
            "--no-tags",
            "--",
            &self.uri,
            &heads,
            &tags,
        ];
        self.git.run(&words).map(drop)
    }

    fn online(&self) -> Result<(), GitError> {
        if self.offline {
            return Err(GitError::Offline(without_credentials(&self.uri)));
        }
        Ok(())
    }

    pub(super) fn has(&self, commit: &str) -> Result<bool, GitError> {
        self.git
            .holds(&["cat-file", "-e", &format!("{commit}^{{commit}}")])
    }

    fn fetch(&self, refspec: &str) -> Result<(), GitError> {
        self.online()?;
        let depth = format!("--depth={}", self.depth);
        let mut words = vec!["fetch", "--quiet", "--force"];
        if self.depth > 0 {
            words.extend(["--no-tags", depth.as_str()]);
        }
        words.extend(["--", self.uri.as_str(), refspec]);
        self.git.run(&words).map(drop)
    }

    fn commit(&self, reference: &str) -> Result<String, GitError> {
        let reference = format!("{reference}^{{commit}}");
        self.git
            .line(&["rev-parse", "--verify", "--quiet", &reference])
    }

    /// Whether the pinned commit is in the history of a tip that a branch has; only the whole
    /// history can tell.
    fn reaches(&self, commit: &str, tip: &str) -> Result<bool, GitError> {
        if self.depth > 0 || !self.has(commit)? {
            return Ok(false);
        }
        self.git
            .holds(&["merge-base", "--is-ancestor", commit, tip])
    }
}

/// The remote's reference, where it is kept, and how it is named in messages.
fn reference(request: &GitRequest) -> Result<(String, String, String), GitError> {
    let (kind, folder, name) = if !request.tag.is_empty() {
        ("tag", "refs/tags", &request.tag)
    } else if !request.branch.is_empty() {
        ("branch", "refs/heads", &request.branch)
    } else {
        return Ok(("HEAD".to_owned(), REMOTE_HEAD.to_owned(), "HEAD".to_owned()));
    };
    check_name(name)?;
    let full = format!("{folder}/{name}");
    Ok((full.clone(), full, format!("{kind} {name}")))
}
