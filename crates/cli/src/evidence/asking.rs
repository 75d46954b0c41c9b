//! Asking the repositories that provenance names.

use crate::fetching::{FetchArguments, Fetching};
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_attest::chain::{Chain, Pool, Verdict};
use bessemer_repository::{Access, attestations};
use bessemer_store::{Store, in_parallel};

/// A way to ask repositories for what lies beside their packages.
pub(super) struct Asking {
    store: Store,
    _folder: tempfile::TempDir,
    fetching: Fetching,
}

impl Asking {
    pub(super) fn open() -> Result<Self> {
        // Of its own, and gone afterwards: what a server did not have today, or had and was none, is not
        // what it has tomorrow.
        let folder = tempfile::tempdir().context("cannot make a folder for what is fetched")?;
        Ok(Self {
            store: Store::open(folder.path().join("store"))?,
            _folder: folder,
            fetching: FetchArguments::default().open(&[])?,
        })
    }

    /// Asks for everything that is missing; whether something new was found. A place that cannot be asked is
    /// named, and the gap stays.
    pub(super) fn fill(&self, chain: &Chain, pool: &mut Pool) -> Result<bool> {
        let missing = chain
            .gaps()
            .filter(|node| node.verdict == Verdict::Missing)
            .filter_map(|node| Some((node.uri.clone()?, node.artifact.sha256)));
        let missing: Vec<_> = missing.collect();
        let access = Access {
            store: &self.store,
            client: &self.fetching.client,
        };
        let found = in_parallel(&missing, |(uri, sha256)| {
            let found = attestations(uri, sha256, access);
            Ok::<_, anyhow::Error>(found.map_err(|error| (uri.clone(), error)))
        })?;
        let before = pool.len();
        for one in found {
            match one {
                Ok(Some(sidecar)) => pool.add(sidecar),
                Ok(None) => {}
                Err((uri, error)) => {
                    let error = anyhow::Error::new(error);
                    let text = format!("cannot ask for what lies beside {uri}: {error:#}");
                    print::warning(&print::plain_line(&text));
                }
            }
        }
        Ok(pool.len() > before)
    }
}
