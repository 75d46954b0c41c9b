//! Folders of tests.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder that every uid may enter and read, because `bessemer` started as root does its work
/// under another uid.
#[derive(Debug)]
pub struct Workshop {
    path: PathBuf,
    /// Removes the folder when dropped.
    _temporary: Option<TempDir>,
}

impl Workshop {
    /// A temporary one, removed when dropped.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("bessemer-test-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("no temporary folder can be made");
        Self {
            path: directory.path().to_owned(),
            _temporary: Some(directory),
        }
    }

    /// One at a fixed path, for what the tests of one program share: nobody is left to drop it, so
    /// the next run empties it.
    pub fn shared(path: &Path) -> Self {
        let removed = match fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(path),
        };
        removed
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self {
            path: path.to_owned(),
            _temporary: None,
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside.
    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file that everybody may read; makes its folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        let written = fs::create_dir_all(path.parent().unwrap_or(self.path()))
            .and_then(|()| fs::write(&path, content))
            .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o644)));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// An empty folder inside.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}
