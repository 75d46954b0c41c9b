//! A bootstrapped repository with the tools of one build, and the keys of this machine's signer.

use crate::workspace::{check, output, root};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a recipe of this repository is built with.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The repository.
    pub(crate) repository: PathBuf,
    /// The public key of its index.
    pub(crate) key: PathBuf,
    /// The public key of what is built here.
    pub(crate) own_key: PathBuf,
}

impl Tools {
    /// Bootstraps what `list`, a file of this repository, names into `tools` below the folder, and
    /// exports the keys to `keys` beside it.
    pub(crate) fn prepare(bessemer: &Path, list: &str, folder: &Path) -> Result<Self> {
        let repository = folder.join("tools");
        check(
            Command::new(bessemer)
                .args(["bootstrap", "debian", "--list"])
                .arg(root().join(list))
                .arg("--out")
                .arg(&repository),
        )?;
        let keys = folder.join("keys");
        let exported = output(
            Command::new(bessemer)
                .args(["keys", "export", "--json", "--out"])
                .arg(&keys),
        )?;
        let exported: Value = serde_json::from_str(&exported)?;
        let key = |name: &str| -> Result<PathBuf> {
            let file = exported[name].as_str().context("no key was exported")?;
            Ok(keys.join(file))
        };
        Ok(Self {
            key: key("import_key")?,
            own_key: key("apk_key")?,
            repository,
        })
    }
}
