//! Recipes that are named in a repository instead of a folder: only of those does provenance say a
//! commit, because only those did Bessemer get from there itself.

use super::recipe_file::RecipeArguments;
use crate::print::Hint;
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_attest::documents::{ConfigSource, is_branch_or_tag};
use bessemer_build::git::{Commit, GitError, Ground};
use bessemer_digest::Digest;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What an address of a recipe in a repository begins with.
pub(crate) const SCHEME: &str = "git+";

/// `git+<address>@<revision>#<path>`, as SPDX 2.3 (7.7) writes places in repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecipeAddress {
    repository: String,
    /// A commit's whole name, or `refs/heads/…`, `refs/tags/…`.
    revision: String,
    path: String,
}

impl FromStr for RecipeAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "it is not git+ADDRESS@REVISION#PATH".to_owned();
        let rest = text.strip_prefix(SCHEME).ok_or_else(form)?;
        let (place, path) = rest.split_once('#').ok_or_else(form)?;
        // A branch may have an `@` in its name.
        let named = place
            .find("@refs/")
            .map(|at| (&place[..at], &place[at + 1..]));
        let split = named.or_else(|| place.rsplit_once('@'));
        let (repository, revision) = split.ok_or_else(form)?;
        let (_, rest) = repository.split_once("://").ok_or_else(form)?;
        let authority = rest.split('/').next().unwrap_or_default();
        let hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let commit = matches!(revision.len(), 40 | 64) && revision.bytes().all(hexadecimal);
        if authority.contains('@') || repository.contains(['?', '\\', '%']) {
            return Err("its address has a user, a query or an escape".to_owned());
        }
        let odd = |text: &str| text.split('/').any(|part| matches!(part, "." | ".."));
        if odd(rest) || odd(path) || path.ends_with('/') {
            return Err(
                "its address or path has `.` or `..` in it, or its path is none of a file"
                    .to_owned(),
            );
        }
        if path.is_empty() || !(commit || is_branch_or_tag(revision)) {
            return Err(
                "its revision is no commit of 40 or 64 digits, refs/heads/… or refs/tags/…, or it has no path"
                    .to_owned(),
            );
        }
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// A recipe that was taken from a repository, and the repository, for what goes with it.
#[derive(Debug)]
pub(crate) struct RecipeAtCommit {
    address: RecipeAddress,
    commit: Commit,
    /// Files that were taken, under their paths in the repository.
    folder: PathBuf,
    recipe: PathBuf,
}

impl RecipeAtCommit {
    /// Takes the recipe from where the address `text` says. Files go below `folder`.
    pub(crate) fn take(text: &str, folder: PathBuf, ground: Ground<'_>) -> Result<Self> {
        let parsed = text.parse::<RecipeAddress>();
        let address = parsed.map_err(|reason| {
            anyhow!("{reason}")
                .context(Hint(
                    "for example git+https://example.org/recipes.git@refs/heads/main#hello.yaml"
                        .to_owned(),
                ))
                .context(format!("`{text}` names no recipe in a repository"))
        })?;
        let cannot = || format!("cannot take the recipe from {}", address.repository);
        let commit = match Commit::open(&address.repository, &address.revision, ground) {
            Err(error @ GitError::Unpublished(_)) => {
                let hint = "a commit of a fork or of a pull request has to be on a branch first";
                let error = anyhow::Error::new(error).context(Hint(hint.to_owned()));
                return Err(error.context(cannot()));
            }
            opened => opened.with_context(cannot)?,
        };
        let recipe = commit
            .export(&address.path, &folder)
            .with_context(cannot)?
            .filter(|place| place.is_file());
        let Some(recipe) = recipe else {
            bail!(
                "{} has no file {} at commit {}",
                address.repository,
                address.path,
                commit.name()
            );
        };
        Ok(Self {
            address,
            commit,
            folder,
            recipe,
        })
    }

    /// The arguments with everything that is in the repository as a file here: the recipe, and
    /// folders of pipelines and variables that are named by relative paths.
    pub(crate) fn local(&self, arguments: &RecipeArguments) -> Result<RecipeArguments> {
        let mut local = arguments.clone();
        local.recipe = Some(self.recipe.clone());
        local.shown = Some(format!("{}#{}", self.shown(), self.address.path));
        for directory in local.pipeline_dirs.iter_mut().chain(&mut local.vars_file) {
            *directory = self.named(directory)?;
        }
        Ok(local)
    }

    /// What a relative path means here: it is one in the repository.
    pub(crate) fn named(&self, path: &Path) -> Result<PathBuf> {
        if path.is_absolute() {
            return Ok(path.to_owned());
        }
        let text = path.to_str().context("a path is not UTF-8")?;
        let text = text.trim_start_matches("./");
        self.export(text)?
            .with_context(|| format!("{} has no {text}", self.shown()))
    }

    /// The folder of a package's own files beside the recipe, if the repository has it.
    pub(crate) fn beside(&self, name: &str) -> Result<Option<PathBuf>> {
        let parent = self.address.path.rsplit_once('/');
        let path = parent.map_or_else(|| name.to_owned(), |(parent, _)| format!("{parent}/{name}"));
        Ok(self.export(&path)?.filter(|place| place.is_dir()))
    }

    /// What provenance says of where the recipe is from.
    pub(crate) fn config_source(&self, sha256: Digest) -> ConfigSource {
        let revision = &self.address.revision;
        ConfigSource {
            repository: Some(self.address.repository.clone()),
            reference: is_branch_or_tag(revision).then(|| revision.clone()),
            commit: Some(self.commit.name().to_owned()),
            path: self.address.path.clone(),
            sha256,
        }
    }

    /// The commit's name in hexadecimal.
    pub(crate) fn commit(&self) -> &str {
        self.commit.name()
    }

    fn shown(&self) -> String {
        format!("{SCHEME}{}@{}", self.address.repository, self.commit.name())
    }

    fn export(&self, path: &str) -> Result<Option<PathBuf>> {
        self.commit
            .export(path, &self.folder)
            .with_context(|| format!("cannot take {path} from {}", self.shown()))
    }
}

/// The address, if the recipe is named by one.
pub(crate) fn address(arguments: &RecipeArguments) -> Option<&str> {
    let text = arguments.recipe.as_ref()?.to_str()?;
    text.starts_with(SCHEME).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::RecipeAddress;

    #[test]
    fn addresses() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let parse = |text: &str| text.parse::<RecipeAddress>();
        for (place, revision) in [
            ("https://example.org/r.git", commit),
            ("ssh://example.org/r", "refs/heads/a@b"),
        ] {
            let found = parse(&format!("git+{place}@{revision}#p/x.yaml")).unwrap();
            assert_eq!(
                (found.repository.as_str(), found.revision.as_str()),
                (place, revision)
            );
            assert_eq!(found.path, "p/x.yaml");
        }
        for bad in [
            "hello.yaml".to_owned(),
            format!("git+https://example.org/r.git@{commit}"),
            format!("git+https://example.org/r.git@{commit}#"),
            "git+https://example.org/r.git@main#x.yaml".to_owned(),
            format!("git+https://user:word@example.org/r.git@{commit}#x.yaml"),
            format!("git+example.org/r.git@{commit}#x.yaml"),
            format!("git+ssh://git@example.org/r@{commit}#x.yaml"),
            format!("git+https://example.org/a/../b@{commit}#x.yaml"),
            format!("git+https://example.org/b@{commit}#a/../x.yaml"),
            "git+https://example.org/r.git@refs/pull/1/head#x.yaml".to_owned(),
            "git+https://example.org/r.git@refs/stash#x.yaml".to_owned(),
        ] {
            assert!(parse(&bad).is_err(), "{bad}");
        }
    }
}
