//! Choosing the packages of an image, for all its architectures at once.

use crate::base::{Base, Bases};
use crate::offers::Offers;
use crate::{Architecture, Configuration};
use bessemer_apk::solver::{self, Chosen, Solver, Unsolvable};
use bessemer_apk::{Dependency, IndexEntry, ParseDependencyError};
use bessemer_repository::Repository;
use std::collections::{BTreeMap, BTreeSet};

/// The packages of one architecture.
#[derive(Debug)]
pub struct Choice<'a> {
    /// Which one.
    pub arch: Architecture,
    /// What was chosen and from where, in the order of installation.
    pub packages: Vec<(&'a Repository, &'a IndexEntry)>,
}

/// Why packages cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A constraint of the image file is none.
    #[error(transparent)]
    Constraint(#[from] ParseDependencyError),
    /// Nothing meets all constraints.
    #[error("there is no solution for {arch}")]
    Unsolvable {
        /// For which architecture, apk's name.
        arch: &'static str,
        /// Why not.
        source: Unsolvable,
    },
    /// Architectures would have different versions of something that was asked for.
    #[error("architectures would have different versions of {package}: {versions}")]
    Differs {
        /// What was asked for.
        package: String,
        /// `1-r0 (amd64), 2-r0 (arm64)`.
        versions: String,
    },
}

/// The world that an image file asks for.
pub fn world(configuration: &Configuration) -> Result<Vec<Dependency>, ParseDependencyError> {
    let mut packages: Vec<&String> = configuration.contents.packages.iter().collect();
    packages.sort();
    packages.dedup();
    packages.into_iter().map(|text| text.parse()).collect()
}

/// Chooses packages: only those that every architecture has in the same version, as apko does. Those of a
/// base are there already, each in its version, and no part of the choice.
pub fn resolve<'a>(
    configuration: &Configuration,
    offers: &'a Offers,
    bases: &'a Bases,
) -> Result<Vec<Choice<'a>>, ResolveError> {
    let world = world(configuration)?;
    let lists = solver_lists(offers, Some(bases));
    let solvers = Solver::for_all(&lists);
    let mut choices = Vec::new();
    for ((arch, repositories), solver) in offers.architectures.iter().zip(&solvers) {
        let base = bases.get(arch);
        let mut whole = world.clone();
        whole.extend(base.into_iter().flat_map(Base::world));
        choices.push(choose(*arch, repositories, solver, &whole, base)?);
    }
    check_agreement(&world, &choices, bases)?;
    Ok(choices)
}

/// The same packages in the order in which apko installs them: a world of all of them, each in its
/// version, is solved again (`LockImageConfiguration`, then `FixateWorld`).
pub fn resolve_pinned<'a>(
    pinned: &BTreeMap<Architecture, Vec<Dependency>>,
    offers: &'a Offers,
) -> Result<Vec<Choice<'a>>, ResolveError> {
    let lists = solver_lists(offers, None);
    let mut choices = Vec::new();
    for ((arch, repositories), list) in offers.architectures.iter().zip(&lists) {
        let solver = Solver::new(list);
        let world = pinned.get(arch).map_or(&[][..], Vec::as_slice);
        choices.push(choose(*arch, repositories, &solver, world, None)?);
    }
    Ok(choices)
}

/// The repositories of each architecture; a base comes last, as one more.
fn solver_lists<'a>(
    offers: &'a Offers,
    bases: Option<&'a Bases>,
) -> Vec<Vec<solver::Repository<'a>>> {
    let architectures = offers.architectures.iter();
    let list = |(arch, repositories): &'a (Architecture, Vec<Repository>)| {
        let base = bases.and_then(|bases| bases.get(arch));
        let base = base.map(|base| solver::Repository {
            tag: None,
            index: &base.index,
        });
        repositories.iter().map(offered).chain(base).collect()
    };
    architectures.map(list).collect()
}

fn offered(repository: &Repository) -> solver::Repository<'_> {
    solver::Repository {
        tag: repository.tag.as_deref(),
        index: &repository.index,
    }
}

fn choose<'a>(
    arch: Architecture,
    repositories: &'a [Repository],
    solver: &Solver<'a>,
    world: &[Dependency],
    base: Option<&Base>,
) -> Result<Choice<'a>, ResolveError> {
    let chosen = solver.solve(world);
    let chosen = chosen.map_err(|source| ResolveError::Unsolvable {
        arch: arch.apk(),
        source,
    })?;
    let installed = |name: &str| base.is_some_and(|base| base.has(name));
    let chosen = chosen.into_iter();
    let new = chosen.filter(|chosen| !installed(&chosen.entry.name));
    // What only the base has was filtered out, so there is a repository.
    let from =
        |Chosen { repository, entry }: Chosen<'a>| Some((repositories.get(repository)?, entry));
    Ok(Choice {
        arch,
        packages: new.filter_map(from).collect(),
    })
}

/// Every package with its exact version and the tag that the image file asks for it with: the world
/// of the finished image.
pub fn pinned<'a>(
    world: &[Dependency],
    packages: impl Iterator<Item = (&'a str, &'a bessemer_apk::Version)>,
) -> Vec<Dependency> {
    let pin = |name: &str| {
        let asked = world.iter().find(|one| one.name == name && !one.conflict);
        asked.and_then(|one| one.pin.clone())
    };
    packages
        .map(|(name, version)| Dependency {
            pin: pin(name),
            ..Dependency::on_version(name, version)
        })
        .collect()
}

/// What was asked for by its own name must be the same everywhere.
fn check_agreement(
    world: &[Dependency],
    choices: &[Choice<'_>],
    bases: &Bases,
) -> Result<(), ResolveError> {
    for wanted in world.iter().filter(|wanted| !wanted.conflict) {
        let mut versions: BTreeMap<&str, BTreeSet<Architecture>> = BTreeMap::new();
        for choice in choices {
            let base = bases.get(&choice.arch);
            let installed = base.into_iter().flat_map(|base| &base.index.entries);
            let chosen = choice.packages.iter().map(|(_, entry)| *entry);
            let mut packages = chosen.chain(installed);
            let found = packages.find(|entry| entry.name == wanted.name);
            let version = found.map_or("none", |entry| entry.version.as_str());
            versions.entry(version).or_default().insert(choice.arch);
        }
        if versions.len() > 1 {
            let cluster = |(version, archs): (&&str, &BTreeSet<Architecture>)| {
                let names: Vec<&str> = archs.iter().map(|arch| arch.oci()).collect();
                format!("{version} ({})", names.join(", "))
            };
            let all: Vec<String> = versions.iter().map(cluster).collect();
            return Err(ResolveError::Differs {
                package: wanted.name.clone(),
                versions: all.join(", "),
            });
        }
    }
    Ok(())
}
