//! What a program of the workspace is made of: a commit, and the crates it asks for.

use crate::workspace::{check, output, root};
use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where crates come from; the cache that a build is given has them already.
const CRATES: &str = "https://static.crates.io/crates";

/// The clone's only branch.
const BRANCH: &str = "source";

/// A commit of this repository, in a clone that a build may read.
#[derive(Debug)]
pub(super) struct Source {
    /// The clone, without a work tree.
    pub(super) repository: PathBuf,
    /// A work tree of it.
    tree: PathBuf,
    /// The commit, in lower-case hexadecimal.
    pub(super) commit: String,
}

impl Source {
    /// Clones what is committed; `owner` is who will read it, since git reads no stranger's repository.
    pub(super) fn clone_into(folder: &Path, owner: Option<u32>) -> Result<Self> {
        let repository = folder.join("source.git");
        if repository.exists() {
            fs_err::remove_dir_all(&repository)?;
        }
        let git = |words: &[&str]| {
            let mut command = Command::new("git");
            command.args(words);
            command
        };
        check(git(&["init", "--quiet", "--bare"]).arg(&repository))?;
        let branch = format!("HEAD:refs/heads/{BRANCH}");
        check(
            git(&["fetch", "--quiet", "--update-shallow"])
                .arg(root())
                .arg(branch)
                .current_dir(&repository),
        )?;
        let commit = output(git(&["rev-parse", "HEAD"]).current_dir(root()))?;
        let tree = folder.join("source");
        if tree.exists() {
            fs_err::remove_dir_all(&tree)?;
        }
        check(
            git(&["clone", "--quiet", "--branch", BRANCH])
                .arg(&repository)
                .arg(&tree),
        )?;
        if let Some(owner) = owner {
            check(
                Command::new("chown")
                    .arg("-R")
                    .arg(owner.to_string())
                    .arg(&repository),
            )?;
        }
        Ok(Self {
            repository,
            tree,
            commit: commit.trim().to_owned(),
        })
    }

    /// The crates that these of the workspace need, tests aside: of `Cargo.lock`, what is left when
    /// the workspace is narrowed to them.
    pub(super) fn crates(&self, of: &[&str]) -> Result<Vec<Crate>> {
        check(
            Command::new("git")
                .args(["checkout", "--quiet", "--force", BRANCH])
                .current_dir(&self.tree),
        )?;
        check(
            Command::new("sh")
                .arg("release/narrow.sh")
                .args(of)
                .current_dir(&self.tree),
        )?;
        // Cargo takes out of the lock what nothing asks for any more.
        output(
            Command::new("cargo")
                .args(["metadata", "--format-version", "1", "--offline"])
                .current_dir(&self.tree),
        )?;
        let lock = fs_err::read_to_string(self.tree.join("Cargo.lock"))?;
        parse(&lock)
    }
}

/// A crate of the registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Crate {
    name: String,
    version: String,
    /// Of the `.crate`, in hexadecimal.
    sha256: String,
}

impl Crate {
    fn file(&self) -> String {
        format!("{}-{}.crate", self.name, self.version)
    }
}

/// The entries of a `Cargo.lock` that come from the registry.
fn parse(lock: &str) -> Result<Vec<Crate>> {
    let mut crates = Vec::new();
    for entry in lock.split("[[package]]").skip(1) {
        let value = |name: &str| {
            let start = format!("{name} = \"");
            let mut lines = entry.lines();
            lines.find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'))
        };
        if value("source").is_none() {
            continue;
        }
        let field = |name: &str| {
            let found = value(name).map(str::to_owned);
            found.with_context(|| format!("an entry of Cargo.lock has no {name}: {entry}"))
        };
        crates.push(Crate {
            name: field("name")?,
            version: field("version")?,
            sha256: field("checksum")?,
        });
    }
    Ok(crates)
}

/// Puts the crates where a build looks for sources by their digests, out of cargo's own cache.
pub(super) fn fill_cache(crates: &[Crate], folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let registries = cargo_home()?.join("registry/cache");
    for wanted in crates {
        let name = folder.join(format!("sha256:{}", wanted.sha256));
        if name.exists() {
            continue;
        }
        let mut found = None;
        for registry in fs_err::read_dir(&registries)? {
            let path = registry?.path().join(wanted.file());
            found = found.or_else(|| path.exists().then_some(path));
        }
        let Some(found) = found else {
            bail!("cargo's cache has no {}; run `cargo fetch`", wanted.file());
        };
        // A build holds it against the digest; here it is only put in place.
        fs_err::copy(found, name)?;
    }
    Ok(())
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".cargo"))
}

/// The steps of a recipe that bring commit and crates.
pub(super) fn steps(source: &Source, crates: &[Crate]) -> String {
    let mut steps = format!(
        "- uses: git-checkout\n    with:\n      repository: file://{}\n      branch: {}\n      expected-commit: {}\n      destination: bessemer",
        source.repository.display(),
        BRANCH,
        source.commit
    );
    for one in crates {
        // Writing to a string cannot fail.
        let _ = write!(
            steps,
            "\n  - uses: fetch\n    with:\n      uri: {CRATES}/{}/{}\n      expected-sha256: {}\n      extract: false\n      purl-name: {}\n      purl-version: \"{}\"",
            one.name,
            one.file(),
            one.sha256,
            one.name,
            one.version
        );
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_from_a_registry_is_a_source() {
        let lock = "version = 4\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\ndependencies = [\n \"libc\",\n]\n\n[[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nsource = \"registry+https://example\"\nchecksum = \"aa\"\n";
        let expected = Crate {
            name: "libc".to_owned(),
            version: "0.2.1".to_owned(),
            sha256: "aa".to_owned(),
        };
        assert_eq!(parse(lock).unwrap(), [expected]);
        let without = lock.replace("checksum = \"aa\"\n", "");
        assert!(parse(&without).is_err());
    }
}
