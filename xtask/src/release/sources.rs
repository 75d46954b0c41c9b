//! What a program of the workspace is made of: a commit, and the crates it asks for.

use super::crates::Crate;
use crate::workspace::{bessemer_cache, cargo, check, output, root};
use anyhow::Result;
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a build has each crate's archive, in a folder of its own: registries name all of them alike.
const CRATES: &str = "/home/build/crates";
/// The clone's only branch.
const BRANCH: &str = "source";

/// A commit of this repository, in a clone that a build may read.
#[derive(Debug)]
pub(super) struct Source {
    /// The clone, without a work tree.
    repository: PathBuf,
    /// A work tree of it.
    tree: PathBuf,
    /// The commit, in lower-case hexadecimal.
    pub(super) commit: String,
}

impl Source {
    /// Clones what is committed. Git reads no stranger's repository: the clone is given to whoever
    /// has Bessemer's own cache, which is who builds.
    pub(super) fn clone_into(folder: &Path) -> Result<Self> {
        let (repository, tree) = (folder.join("source.git"), folder.join("source"));
        for old in [&repository, &tree] {
            if old.exists() {
                fs_err::remove_dir_all(old)?;
            }
        }
        check(git(&["init", "--quiet", "--bare"]).arg(&repository))?;
        check(
            git(&["fetch", "--quiet", "--update-shallow"])
                .arg(root())
                .arg(format!("HEAD:refs/heads/{BRANCH}"))
                .current_dir(&repository),
        )?;
        let commit = output(git(&["rev-parse", "HEAD"]).current_dir(root()))?;
        check(
            git(&["clone", "--quiet", "--branch", BRANCH])
                .arg(&repository)
                .arg(&tree),
        )?;
        let owner = fs_err::metadata(bessemer_cache()?)?.uid();
        check(
            Command::new("chown")
                .arg("-R")
                .arg(owner.to_string())
                .arg(&repository),
        )?;
        Ok(Self {
            repository,
            tree,
            commit: commit.trim().to_owned(),
        })
    }

    /// The crates that these of the workspace need, tests aside: of `Cargo.lock`, what is left when
    /// the workspace is narrowed to them.
    pub(super) fn crates(&self, of: &[&str]) -> Result<Vec<Crate>> {
        check(git(&["checkout", "--quiet", "--force", BRANCH]).current_dir(&self.tree))?;
        check(
            Command::new("sh")
                .arg("release/narrow.sh")
                .args(of)
                .current_dir(&self.tree),
        )?;
        // Cargo takes out of the lock what nothing asks for any more.
        output(
            cargo()
                .args(["metadata", "--format-version", "1", "--offline"])
                .current_dir(&self.tree),
        )?;
        Crate::locked(&fs_err::read_to_string(self.tree.join("Cargo.lock"))?)
    }

    /// The steps of a recipe that bring commit and crates.
    pub(super) fn steps(&self, crates: &[Crate]) -> String {
        let mut steps = format!(
            "- uses: git-checkout\n    with:\n      repository: file://{}\n      branch: {BRANCH}\n      expected-commit: {}\n      destination: bessemer",
            self.repository.display(),
            self.commit
        );
        for one in crates {
            let Crate {
                name,
                version,
                sha256,
                uri,
                ..
            } = one;
            // Writing to a string cannot fail.
            let _ = write!(
                steps,
                "\n  - uses: fetch\n    working-directory: {CRATES}/{name}-{version}\n    with:\n      uri: {uri}\n      expected-sha256: {sha256}\n      extract: false\n      purl-name: {name}\n      purl-version: \"{version}\""
            );
        }
        steps
    }
}

fn git(words: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(words);
    command
}
