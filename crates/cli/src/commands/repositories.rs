//! Repositories and keys, from the command line.

use crate::hints::NO_REPOSITORY;
use crate::places::Places;
use crate::print::Hint;
use anyhow::{Context, Result, anyhow};
use bessemer_apk::Keyring;
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::LockedKey;
use bessemer_build::lock::{Sources, locked_key};
use bessemer_build::repository::Repository;
use bessemer_store::Store;
use std::path::PathBuf;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RepositoryArguments {
    /// Repository that packages come from, a folder with `<architecture>/APKINDEX.tar.gz`; may be
    /// repeated
    #[arg(short = 'r', long = "repository-append", value_name = "DIR")]
    pub(crate) repositories: Vec<String>,
    /// Public key that signs a repository's index; may be repeated
    #[arg(short = 'k', long = "keyring-append", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
}

/// Opened repositories and the keys they were checked with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) repositories: Vec<Repository>,
    pub(crate) keys: Vec<LockedKey>,
}

impl Opened {
    /// Packages come from here, into this store; the attestations of packages are looked at if
    /// there is a trust root.
    pub(crate) fn sources<'a>(
        &'a self,
        store: &'a Store,
        places: &'a Places,
        trust_root: Option<&'a TrustRoot>,
    ) -> Sources<'a> {
        Sources {
            repositories: &self.repositories,
            keys: &self.keys,
            store,
            cache: &places.cache,
            trust_root,
        }
    }
}

impl RepositoryArguments {
    /// The key files' names, as provenance states them.
    pub(crate) fn key_names(&self) -> Vec<String> {
        self.keys
            .iter()
            .filter_map(|path| path.file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    /// Reads the keys and opens every repository, the recipe's own first.
    pub(crate) fn open(&self, own: &[String], arch: &str, store: &Store) -> Result<Opened> {
        if own.is_empty() && self.repositories.is_empty() {
            return Err(anyhow!("no repository is named").context(Hint(NO_REPOSITORY.to_owned())));
        }
        let mut keyring = Keyring::new();
        let mut keys = Vec::new();
        for path in &self.keys {
            let unusable = || format!("cannot use the key {}", path.display());
            let key = locked_key(path).with_context(unusable)?;
            let text = fs_err::read_to_string(path).with_context(unusable)?;
            keyring.add(&key.name, &text).with_context(unusable)?;
            keys.push(key);
        }
        let mut repositories = Vec::new();
        for location in own.iter().chain(&self.repositories) {
            repositories.push(Repository::open(location, arch, &keyring, store)?);
        }
        Ok(Opened { repositories, keys })
    }
}
