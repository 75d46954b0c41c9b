//! Folders for results. When a command fails, those that it made and left empty go again.

use crate::print::Hint;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Folders that this run made, outermost first. What is still empty when this is dropped is removed.
#[derive(Debug)]
pub(crate) struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// Makes what is missing of a path.
    pub(crate) fn make(path: &Path) -> Result<Self> {
        let missing = |path: &&Path| {
            let found = fs::symlink_metadata(path);
            found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
        };
        let named = path.ancestors().filter(|path| !path.as_os_str().is_empty());
        let mut missing: Vec<&Path> = named.take_while(missing).collect();
        let mut made = Self(Vec::new());
        while let Some(folder) = missing.pop() {
            match fs::create_dir(folder) {
                Ok(()) => made.0.push(folder.to_path_buf()),
                // Another run made it in this moment, and it is that one's.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot make the folder {}", folder.display()));
                }
            }
        }
        if let Some(file) = file_in_the_way(path) {
            bail!("{} is a file, and a folder is needed", file.display());
        }
        fs::metadata(path).with_context(|| format!("cannot use the folder {}", path.display()))?;
        reachable(path)?;
        Ok(made)
    }

    /// Leaves them, now that the work is done.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // Refused where something is in it, which is to stay.
            drop(fs::remove_dir(folder));
        }
    }
}

/// A folder below one that this uid may not enter is reached from the current directory, and not by
/// whoever is told its whole path: a build would be over before that is noticed.
fn reachable(path: &Path) -> Result<()> {
    let absolute = std::path::absolute(path)?;
    let Err(error) = fs::metadata(&absolute) else {
        return Ok(());
    };
    let uid = rustix::process::geteuid().as_raw();
    let hint = format!("choose a folder that uid {uid} can reach: /root is closed to others");
    let cannot = format!("cannot use the folder {}", absolute.display());
    Err(anyhow::Error::new(error)
        .context(Hint(hint))
        .context(cannot))
}

/// The part of a path that is a file, where all must be folders.
pub(crate) fn file_in_the_way(path: &Path) -> Option<&Path> {
    let is_file = |path: &&Path| fs::metadata(path).is_ok_and(|found| !found.is_dir());
    path.ancestors().find(is_file)
}

/// Checks that a folder that a flag names is one; what cannot be seen is not said to be none.
pub(crate) fn check(flag: &str, path: &Path) -> Result<()> {
    let shown = path.display();
    let found = fs::metadata(path).with_context(|| format!("cannot use {flag} {shown}"))?;
    if !found.is_dir() {
        bail!("{flag} {shown} is no folder");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_folders_of_a_run_that_fails_go_and_no_others() {
        let work = tempfile::tempdir().unwrap();
        let own = work.path().join("own");
        fs::create_dir(&own).unwrap();
        drop(NewFolders::make(&own.join("a/b")).unwrap());
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
        drop(NewFolders::make(&own).unwrap());
        assert!(own.is_dir());
        let made = NewFolders::make(&own.join("a/b")).unwrap();
        fs::write(own.join("a/letter"), "").unwrap();
        drop(made);
        assert!(own.join("a/letter").is_file());
        assert!(!own.join("a/b").exists());
        NewFolders::make(&own.join("a/b")).unwrap().keep();
        assert!(own.join("a/b").is_dir());
    }

    #[test]
    fn a_file_is_named_where_a_folder_must_be() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("a")] {
            let error = format!("{:#}", NewFolders::make(&path).unwrap_err());
            assert!(
                error.contains("file is a file, and a folder is needed")
                    || error.contains("cannot make"),
                "{error}"
            );
        }
        let error = check("--source-dir", &file).unwrap_err().to_string();
        assert!(error.starts_with("--source-dir "), "{error}");
        assert!(error.ends_with(" is no folder"), "{error}");
        let error = format!(
            "{:#}",
            check("--source-dir", &work.path().join("none")).unwrap_err()
        );
        assert!(error.contains("No such file"), "{error}");
    }
}
