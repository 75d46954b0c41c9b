//! `--generate-index`: the index beside the packages, as melange writes it.

use crate::commands::index::entry;
use crate::commands::publish::{keyring, present_index};
use crate::print;
use crate::signing::signed_index;
use anyhow::{Context, Result};
use bessemer_apk::write_index;
use bessemer_attest::TrustRoot;
use bessemer_package::Scratch;
use bessemer_repository::INDEX;
use bessemer_signer::{Client, Repository};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Whether an index is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Wanted {
    No,
    /// Unless another key signed the one that is there.
    IfOwn,
    Yes,
}

/// The folder that packages go to, and the key whose index may be there.
#[derive(Debug)]
pub(super) struct Neighbours {
    index: PathBuf,
    trust_root: TrustRoot,
    key: String,
}

impl Neighbours {
    /// Looks, before anything is built, whether the index can be extended afterwards. Nothing when
    /// none is wanted.
    pub(super) fn look(
        wanted: Wanted,
        out: &Path,
        trust_root: &TrustRoot,
        key: &str,
    ) -> Result<Option<Self>> {
        let neighbours = Self {
            index: out.join(INDEX),
            trust_root: trust_root.clone(),
            key: key.to_owned(),
        };
        let present = match wanted {
            Wanted::No => return Ok(None),
            Wanted::IfOwn | Wanted::Yes => neighbours.present(),
        };
        match present {
            Ok(_) => Ok(Some(neighbours)),
            Err(error) if wanted == Wanted::IfOwn => {
                print::warning(&format!("the index is left as it is: {error:#}"));
                Ok(None)
            }
            Err(error) => Err(error.context("nothing was built")),
        }
    }

    fn present(&self) -> Result<bessemer_apk::Index> {
        present_index(&self.index, &keyring(&self.trust_root, &self.key)?)
    }

    /// Adds the packages that the worker lists to what is in the index, signs and replaces it.
    pub(super) fn extend(
        &self,
        result: &Value,
        client: &mut Client,
        scratch: &Scratch,
    ) -> Result<PathBuf> {
        // Two builds into one folder must not lose each other's packages.
        let lock = File::create(self.index.with_file_name(".lock"))?;
        flock(&lock, FlockOperation::LockExclusive)?;
        let mut index = self.present()?;
        let packages = result["packages"].as_array();
        let packages = packages.context("the worker's result lists no packages")?;
        let paths = packages.iter().map(|package| package["path"].as_str());
        let entries = paths.map(|path| entry(Path::new(path.unwrap_or_default())));
        index.extend(entries.collect::<Result<Vec<_>>>()?);
        index
            .entries
            .sort_by(|one, two| (&one.name, &one.version).cmp(&(&two.name, &two.version)));
        let signed = signed_index(client, Repository::Packages, &write_index(&index)?)?;
        scratch
            .write_whole(&self.index, &signed)
            .with_context(|| format!("cannot write {}", self.index.display()))?;
        Ok(self.index.clone())
    }
}
