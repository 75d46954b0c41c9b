//! Where caches, state and sockets live.

use anyhow::{Context, Result};
use std::path::PathBuf;

/// Directories of this machine, after the XDG base directory specification for an ordinary user and
/// after the file hierarchy standard for root.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// Content that can be made again: packages, sources, disks.
    pub(crate) cache: PathBuf,
    /// Keys and the signer's log; never removed by us.
    pub(crate) signer_state: PathBuf,
    /// Sockets and scratch of this run.
    pub(crate) runtime: PathBuf,
    /// The socket of a signer that runs as a service of its own; without it one is started.
    pub(crate) signer_service: Option<PathBuf>,
}

impl Places {
    /// For the user who started the program.
    pub(crate) fn of(root: bool) -> Result<Self> {
        let signer_service = given("BESSEMER_SIGNER");
        if root {
            return Ok(Self {
                signer_service,
                cache: "/var/cache/bessemer".into(),
                signer_state: "/var/lib/bessemer/signer".into(),
                runtime: "/run/bessemer".into(),
            });
        }
        let cache = directory("XDG_CACHE_HOME", ".cache")?.join("bessemer");
        Ok(Self {
            signer_state: directory("XDG_DATA_HOME", ".local/share")?.join("bessemer/signer"),
            runtime: given("XDG_RUNTIME_DIR")
                .map_or_else(|| cache.join("run"), |runtime| runtime.join("bessemer")),
            signer_service,
            cache,
        })
    }
}

/// What a variable says; by the specification a relative path, such as an empty one, says nothing.
fn given(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_absolute())
}

fn directory(variable: &str, below_home: &str) -> Result<PathBuf> {
    if let Some(path) = given(variable) {
        return Ok(path);
    }
    let home =
        std::env::var_os("HOME").context("HOME is not set, so there is no place for caches")?;
    Ok(PathBuf::from(home).join(below_home))
}
