//! A build's packages and attestations, until all of them are ready.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A directory beside the finished files, on the same file system; removed when dropped, and by the
/// next run if this one is killed.
#[derive(Debug)]
pub(crate) struct Staging {
    out: PathBuf,
    path: PathBuf,
}

impl Staging {
    /// Makes the directory in `out`.
    pub(crate) fn create(out: &Path) -> Result<Self> {
        let path = out.join(format!("{}build", bessemer_package::partial_prefix()));
        fs_err::create_dir_all(&path)?;
        let out = out.to_path_buf();
        Ok(Self { out, path })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a package in place, then its attestations if it has any. Those of an earlier build go
    /// first: at no moment do they stand beside a package that they do not speak of.
    pub(crate) fn place(&self, file: &str) -> Result<PathBuf> {
        let target = self.out.join(file);
        let sidecar = format!("{file}.intoto.jsonl");
        remove(&self.out.join(&sidecar))?;
        fs_err::rename(self.path.join(file), &target)?;
        let staged = self.path.join(&sidecar);
        if staged.exists() {
            fs_err::rename(staged, self.out.join(sidecar))?;
        }
        Ok(target)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What a failure leaves here, the next run removes.
        drop(fs_err::remove_dir_all(&self.path));
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
        fs_err::write(out.path().join("a.apk"), "old").unwrap();
        fs_err::write(out.path().join("a.apk.intoto.jsonl"), "of the old").unwrap();
        let staging = Staging::create(out.path()).unwrap();
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
