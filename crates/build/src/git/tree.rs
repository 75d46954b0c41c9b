//! What a commit's tree holds.

use super::GitError;
use super::command::Git;
use std::io::{BufRead, BufReader, Read as _};

/// Most files of a checkout.
const MAX_ENTRIES: usize = 2_000_000;
/// Longest line about one of them, in bytes: a path and what it is.
const MAX_LINE: u64 = 16 << 10;

/// A tree that is no work tree.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A path that leads out, or into git's own directory.
    #[error("the tree names `{0}`, which is no path in a work tree")]
    Path(String),
    /// A path that is not UTF-8.
    #[error("the tree names `{0}`, which is not UTF-8")]
    Encoding(String),
    /// A mode that git does not write.
    #[error("`{path}` has mode {mode}")]
    Mode {
        /// Where.
        path: String,
        /// As the tree has it, octal.
        mode: String,
    },
    /// Two files of one name: a reader takes the first, another the last.
    #[error("the tree names `{0}` twice")]
    Twice(String),
    /// More files than anybody builds.
    #[error("the tree has more than {MAX_ENTRIES} files")]
    TooMany,
}

/// What a tree's entry is (gitformat: the file mode of a tree object).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Executable,
    Link,
    /// A commit of another repository.
    Submodule,
}

/// An entry of a tree, read from the repository it is in.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) kind: Kind,
    /// The object's name in hexadecimal.
    pub(super) object: String,
    pub(super) git: Git,
}

/// The entries of a commit's tree in git's order; with sparse paths, those that cone mode checks
/// out: what is below them, and the files beside them and beside their parents.
pub(super) fn list(git: &Git, commit: &str, sparse: &[String]) -> Result<Vec<Entry>, GitError> {
    // Read as it is printed: a small repository can have trees that name each other without end.
    let mut child = git.converse(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
    let odd = || GitError::Output("ls-tree".to_owned());
    let mut printed = BufReader::new(child.stdout.take().ok_or_else(odd)?);
    let listed = read(&mut printed, git, sparse);
    if listed.is_err() {
        drop(child.kill());
    }
    let ended = child.wait()?;
    let entries = listed?;
    if !ended.success() {
        return Err(odd());
    }
    Ok(entries)
}

fn read(printed: &mut impl BufRead, git: &Git, sparse: &[String]) -> Result<Vec<Entry>, GitError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        if printed.take(MAX_LINE).read_until(0, &mut line)? == 0 {
            return Ok(entries);
        }
        seen += 1;
        if line.pop() != Some(0) || seen > MAX_ENTRIES {
            return Err(TreeError::TooMany.into());
        }
        let entry = parse(&line, git)?;
        if wanted(&entry.path, sparse) {
            entries.push(entry);
        }
    }
}

/// `MODE TYPE OBJECT\tPATH`, as `git ls-tree -z` prints it.
fn parse(line: &[u8], git: &Git) -> Result<Entry, GitError> {
    let lossy = || String::from_utf8_lossy(line).into_owned();
    let text = std::str::from_utf8(line).map_err(|_| TreeError::Encoding(lossy()))?;
    let odd = || GitError::Output("ls-tree".to_owned());
    let (facts, path) = text.split_once('\t').ok_or_else(odd)?;
    let mut facts = facts.split(' ');
    let (mode, object) = facts.next().zip(facts.nth(1)).ok_or_else(odd)?;
    let kind = match mode {
        "100644" | "100664" => Kind::File,
        "100755" => Kind::Executable,
        "120000" => Kind::Link,
        "160000" => Kind::Submodule,
        _ => {
            let (path, mode) = (path.to_owned(), mode.to_owned());
            return Err(TreeError::Mode { path, mode }.into());
        }
    };
    check_path(path)?;
    Ok(Entry {
        path: path.to_owned(),
        kind,
        object: object.to_owned(),
        git: git.clone(),
    })
}

/// Git itself refuses such trees in a checkout (`verify_path`); nothing is checked out here.
pub(super) fn check_path(path: &str) -> Result<(), TreeError> {
    let bad = |part: &str| {
        part.is_empty() || part == "." || part == ".." || part.eq_ignore_ascii_case(".git")
    };
    if path.split('/').any(bad) || path.contains('\0') {
        return Err(TreeError::Path(path.to_owned()));
    }
    Ok(())
}

fn wanted(path: &str, sparse: &[String]) -> bool {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    sparse.is_empty()
        || parent.is_empty()
        || sparse.iter().any(|cone| {
            let cone = cone.trim_matches('/');
            let below = |path: &str, folder: &str| {
                path.strip_prefix(folder)
                    .is_some_and(|rest| rest.starts_with('/'))
            };
            below(path, cone) || below(cone, parent)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_work_tree() {
        for good in ["a", "a/b.c", "..a/b", ".gitignore"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/a",
            "a//b",
            "../a",
            "a/../b",
            ".git/config",
            "a/.GIT/hooks/x",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cones() {
        let cone = ["src/deep".to_owned()];
        for inside in ["top", "src/beside", "src/deep/x", "src/deep/er/x"] {
            assert!(wanted(inside, &cone), "{inside}");
        }
        for outside in ["other/x", "src/deeper/x", "src/other/y"] {
            assert!(!wanted(outside, &cone), "{outside}");
        }
    }
}
