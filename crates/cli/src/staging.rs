//! A build's packages and attestations, until all of them are ready.

use anyhow::{Context, Result};
use bessemer_package::Scratch;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How the files beside a package end: proofs before what they are of.
const BESIDE: [&str; 2] = [".tlog-proof", ".intoto.jsonl"];

/// A directory from which the finished files are renamed to their places; removed when dropped, and
/// by the next run if this one is killed.
#[derive(Debug)]
pub(crate) struct Staging {
    out: PathBuf,
    directory: TempDir,
}

impl Staging {
    /// Makes the directory for files that belong in `out`.
    pub(crate) fn create(scratch: &Scratch, out: &Path) -> Result<Self> {
        let directory = scratch
            .directory(out)
            .with_context(|| format!("cannot prepare what goes to {}", out.display()))?;
        let out = out.to_path_buf();
        Ok(Self { out, directory })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Puts a package in place, then its attestations and their proofs if it has any. Those of an
    /// earlier build go first: at no moment do they stand beside a package that they do not speak of.
    pub(crate) fn place(&self, file: &str) -> Result<PathBuf> {
        let target = self.out.join(file);
        let beside = BESIDE.map(|end| format!("{file}{end}"));
        for name in &beside {
            remove(&self.out.join(name))?;
        }
        fs_err::rename(self.path().join(file), &target)?;
        for name in &beside {
            let staged = self.path().join(name);
            if staged.exists() {
                fs_err::rename(staged, self.out.join(name))?;
            }
        }
        Ok(target)
    }
}

fn remove(path: &Path) -> Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).context("cannot remove the attestations of an earlier build")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_of_an_earlier_build_do_not_outlive_its_package() {
        let out = tempfile::tempdir().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        fs_err::write(out.path().join("a.apk"), "old").unwrap();
        for end in BESIDE {
            let name = format!("a.apk{end}");
            fs_err::write(out.path().join(name), "of the old").unwrap();
        }
        let staging = Staging::create(&Scratch::new(scratch.path()), out.path()).unwrap();
        fs_err::write(staging.path().join("a.apk"), "new").unwrap();
        let placed = staging.place("a.apk").unwrap();
        assert_eq!(fs_err::read_to_string(placed).unwrap(), "new");
        drop(staging);
        let names: Vec<_> = fs_err::read_dir(out.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["a.apk"]);
    }
}
