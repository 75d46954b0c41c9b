//! From a plan to a lock: every input of a run, by digest.

use crate::worker::BuiltPackage;
use bessemer_apk::solver::{self, Unsolvable, solve};
use bessemer_apk::{Dependency, Index, IndexEntry, ParseDependencyError};
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::{LockedIndex, LockedKey};
use bessemer_repository::{
    Access, IngestError, PackageFile, Repository, Taking, ingest, ingest_all,
};
use bessemer_store::{Client, Store};
use std::path::Path;

/// Where packages are resolved and what they are checked with.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The opened repositories, in order of preference.
    pub repositories: &'a [Repository],
    /// How many of them, from the first on, are the recipe's own choice and not the operator's.
    pub of_recipe: usize,
    /// The keys that index signatures are checked with: file name and digest.
    pub keys: &'a [LockedKey],
    /// Where packages are kept by digest.
    pub store: &'a Store,
    /// Fetches packages.
    pub client: &'a Client,
    /// Cache directory of this machine.
    pub cache: &'a Path,
    /// What the attestations of packages are verified with; without it they are not looked at.
    pub trust_root: Option<&'a TrustRoot>,
}

impl<'a> Sources<'a> {
    fn taking(&self) -> Taking<'a> {
        Taking {
            access: Access {
                store: self.store,
                client: self.client,
            },
            cache: self.cache,
            trust_root: self.trust_root,
        }
    }
}

/// Why an environment could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A recipe asks for something that is not a constraint.
    #[error("`{text}` is not a package constraint")]
    Constraint {
        /// As written.
        text: String,
        /// Why not.
        source: ParseDependencyError,
    },
    /// No set of packages satisfies the constraints; the text explains.
    #[error("no set of packages satisfies the {what} environment\n{source}")]
    Unsolvable {
        /// Which environment.
        what: String,
        /// The explanation, several lines.
        source: Box<Unsolvable>,
    },
    /// The solver chose an output that this build did not make.
    #[error("package {0} is not one of this build's")]
    NotAnOutput(String),
    /// A package could not be taken into the store.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// Resolves `world` and takes every chosen package into the store, in install order.
pub fn resolve(
    what: &str,
    world: &[String],
    sources: &Sources<'_>,
) -> Result<Vec<PackageFile>, ResolveError> {
    let indexes: Vec<_> = sources
        .repositories
        .iter()
        .map(|repository| solver::Repository {
            tag: repository.tag.as_deref(),
            index: &repository.index,
        })
        .collect();
    let chosen =
        solve(&indexes, &constraints(world)?).map_err(|source| ResolveError::Unsolvable {
            what: what.to_owned(),
            source: Box::new(source),
        })?;
    let chosen: Vec<(&Repository, &IndexEntry)> = chosen
        .iter()
        .map(|candidate| (&sources.repositories[candidate.repository], candidate.entry))
        .collect();
    Ok(ingest_all(&chosen, sources.taking())?)
}

fn constraints(world: &[String]) -> Result<Vec<Dependency>, ResolveError> {
    world
        .iter()
        .map(|text| {
            text.parse().map_err(|source| ResolveError::Constraint {
                text: text.clone(),
                source,
            })
        })
        .collect()
}

/// Resolves `world` against the repositories and the packages just made. Those are offered by the
/// index entries that their own files give, and when chosen they are the files themselves.
pub fn resolve_with_outputs(
    what: &str,
    world: &[String],
    outputs: &[BuiltPackage],
    sources: &Sources<'_>,
) -> Result<Vec<PackageFile>, ResolveError> {
    let mut own = Index::default();
    for output in outputs {
        own.entries.push(output.index_entry());
    }
    let mut indexes = vec![solver::Repository {
        tag: None,
        index: &own,
    }];
    indexes.extend(
        sources
            .repositories
            .iter()
            .map(|repository| solver::Repository {
                tag: repository.tag.as_deref(),
                index: &repository.index,
            }),
    );
    let chosen =
        solve(&indexes, &constraints(world)?).map_err(|source| ResolveError::Unsolvable {
            what: what.to_owned(),
            source: Box::new(source),
        })?;
    chosen
        .iter()
        .map(|candidate| match candidate.repository.checked_sub(1) {
            Some(number) => {
                let repository = &sources.repositories[number];
                Ok(ingest(repository, candidate.entry, sources.taking())?)
            }
            None => outputs
                .iter()
                .find(|output| output.output.package == candidate.entry.name)
                .map(BuiltPackage::package_file)
                .ok_or_else(|| ResolveError::NotAnOutput(candidate.entry.name.clone())),
        })
        .collect()
}

/// The snapshots that a resolution read, for the lock.
pub fn locked_indexes(repositories: &[Repository]) -> Vec<LockedIndex> {
    repositories
        .iter()
        .map(|repository| LockedIndex {
            uri: repository.uri.clone(),
            sha256: repository.snapshot,
            key: repository.key.clone(),
            tag: repository.tag.clone(),
        })
        .collect()
}
