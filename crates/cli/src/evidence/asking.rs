//! Asking the repositories and registries that provenance names.

use super::attached::open_attached;
use crate::commands::image::registries::RegistryArguments;
use crate::commands::verify::images::in_registry;
use crate::fetching::{FetchArguments, Fetching};
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_attest::chain::{Artifact, Chain, Pool, Verdict};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_digest::Digest;
use bessemer_registry::Reference;
use bessemer_repository::{Access, AttestationsError, attestations};
use bessemer_store::{Store, in_parallel};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A store and a client for asking alone.
pub(super) struct Own {
    store: Store,
    _folder: tempfile::TempDir,
    fetching: Fetching,
}

impl Own {
    pub(super) fn open() -> Result<Self> {
        // Gone afterwards: what a server did not have today, or had and was none, is not what it has tomorrow.
        let folder = tempfile::tempdir().context("cannot make a folder for what is fetched")?;
        Ok(Self {
            store: Store::open(folder.path().join("store"))?,
            _folder: folder,
            fetching: FetchArguments::default().open(&[])?,
        })
    }

    pub(super) fn access(&self) -> Access<'_> {
        Access {
            store: &self.store,
            client: &self.fetching.client,
        }
    }
}

/// A way to ask for what is missing in a chain. Nothing is asked twice, and nobody who did not answer.
pub(crate) struct Asking<'a> {
    access: Access<'a>,
    registries: &'a RegistryArguments,
    roots: &'a [TrustRoot],
    asked: Mutex<BTreeSet<Digest>>,
    silent: Mutex<BTreeSet<String>>,
}

impl<'a> Asking<'a> {
    pub(crate) fn new(
        access: Access<'a>,
        registries: &'a RegistryArguments,
        roots: &'a [TrustRoot],
    ) -> Self {
        Self {
            access,
            registries,
            roots,
            asked: Mutex::default(),
            silent: Mutex::default(),
        }
    }

    /// Asks for everything that is missing; whether something new was found. A place that cannot be asked is
    /// named, and the gap stays.
    pub(super) fn fill(&self, chain: &Chain, pool: &mut Pool) -> Result<bool> {
        // What is refused may be so for want of what lies there: half of it anybody may have attached.
        let missing = chain
            .gaps()
            .filter(|node| is_asked_for(&node.verdict))
            .filter_map(|node| Some((node.uri.clone()?, node.artifact.sha256)))
            .filter(|(uri, sha256)| self.is_new(uri, sha256));
        let missing: Vec<_> = missing.collect();
        let found = in_parallel(&missing, |(uri, sha256)| {
            Ok::<_, anyhow::Error>(self.beside(uri, sha256))
        })?;
        let before = pool.len();
        for sidecar in found.into_iter().flatten() {
            pool.add(sidecar);
        }
        for image in missing_bases(chain) {
            if self.is_new(&image.to_string(), &Digest::of([])) && !self.access.client.is_offline()
            {
                self.fill_base(&image, pool);
            }
        }
        Ok(pool.len() > before)
    }

    fn is_new(&self, place: &str, sha256: &Digest) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(Digest::of(format!("{place} {sha256}")))
    }

    /// What lies beside a package, unless its server did not answer before.
    fn beside(&self, uri: &str, sha256: &Digest) -> Option<Sidecar> {
        let host = host(uri);
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent().contains(host) {
            return None;
        }
        match attestations(uri, sha256, self.access) {
            Ok(found) => found,
            Err(AttestationsError::Fetch(error)) if error.is_offline() => None,
            Err(error) => {
                let is_silent =
                    matches!(&error, AttestationsError::Fetch(error) if error.is_silence());
                // Said once of a server, and not of each package there.
                if !is_silent || silent().insert(host.to_owned()) {
                    let error = anyhow::Error::new(error);
                    let text = format!("cannot ask for what lies beside {uri}: {error:#}");
                    print::warning(&print::plain_line(&text));
                }
                None
            }
        }
    }

    /// What is attached to a base in the registry that it was published in, and what is behind it there.
    fn fill_base(&self, image: &Reference, pool: &mut Pool) {
        match in_registry(image, self.registries) {
            Ok(found) => {
                for (_, attached) in found.attached {
                    pool.add(attached);
                }
                open_attached(image, self.registries, self.roots, pool);
            }
            Err(error) => {
                let text = format!("cannot ask for what is attached to {image}: {error:#}");
                print::warning(&print::plain_line(&text));
            }
        }
    }
}

fn is_asked_for(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Missing | Verdict::Refused { .. })
}

/// The server of a URL; nothing of a path.
fn host(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// The bases whose attestations are missing, as their registries have them.
fn missing_bases(chain: &Chain) -> Vec<Reference> {
    let nodes = chain.bases().into_iter();
    let nodes = nodes.filter_map(|number| chain.nodes.get(number));
    let missing = nodes.filter(|node| is_asked_for(&node.verdict));
    let references = missing.filter_map(|node| {
        let Artifact { name, sha256, .. } = &node.artifact;
        format!("{name}@{sha256}").parse().ok()
    });
    references.collect()
}
