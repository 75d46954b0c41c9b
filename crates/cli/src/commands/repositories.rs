//! Repositories and keys, from the command line.

use crate::hints::NO_REPOSITORY;
use crate::places::Places;
use crate::print::{self, Hint};
use anyhow::{Context, Result, anyhow};
use bessemer_apk::Keyring;
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::LockedKey;
use bessemer_build::lock::{Sources, locked_key};
use bessemer_build::repository::{INDEX, Repository};
use bessemer_store::Store;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

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
        for path in self.keys.iter().filter(|path| is_there(path)) {
            let unusable = || format!("cannot use the key {}", path.display());
            let key = locked_key(path).with_context(unusable)?;
            let text = fs_err::read_to_string(path).with_context(unusable)?;
            keyring.add(&key.name, &text).with_context(unusable)?;
            keys.push(key);
        }
        let mut repositories = Vec::new();
        let added = self.repositories.iter().filter(|at| has_index(at, arch));
        for location in own.iter().chain(added) {
            repositories.push(Repository::open(location, arch, &keyring, store)?);
        }
        if repositories.is_empty() {
            let error = anyhow!("no repository has an index for {arch}");
            return Err(error.context(Hint(NO_REPOSITORY.to_owned())));
        }
        Ok(Opened { repositories, keys })
    }
}

/// Whether a key file is there. A missing one is said and left out, as `--keyring-append` may name a
/// key that a first build makes; what only it signs is refused then.
fn is_there(key: &Path) -> bool {
    let missing = fs_err::metadata(key).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if missing {
        print::warning(&format!("the key {} is not there, left out", key.display()));
    }
    !missing
}

/// Whether a local folder has an index for this architecture yet. One without is said and left out,
/// as with melange: `--repository-append` may name the folder that packages are built into.
fn has_index(location: &str, arch: &str) -> bool {
    let path = location.strip_prefix("file://").unwrap_or(location);
    if path.contains("://") {
        return true;
    }
    let index = Path::new(path).join(arch).join(INDEX);
    let missing = fs_err::metadata(&index).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    if missing {
        print::warning(&format!(
            "repository {path} has no index for {arch}, left out"
        ));
    }
    !missing
}
