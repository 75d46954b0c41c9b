//! Choosing packages: which ones satisfy a world of constraints.
//!
//! The search is complete: if there is a choice, it is found, and if there is none, the clauses
//! that rule it out are known and told. It learns from conflicts (CDCL, as SAT solvers do) and
//! decides by apko's order of preference. Rules of a package enter the search when it is first
//! chosen, so that the size of the repositories hardly matters.
//!
//! Rules, from apk-tools and apko:
//! * of all that own or provide a name with a version, at most one is installed; a name provided
//!   without version excludes only those that own it or provide it with one;
//! * a constraint on a version is met by what a package provides under that very name;
//! * a package of a tagged repository needs a constraint of the world with that tag;
//! * a package whose `install_if` conditions are all met joins, unless that is impossible.

mod explain;
mod order;
mod pool;
mod preference;
mod search;

pub use explain::Unsolvable;

use crate::{Dependency, Index, IndexEntry};
use pool::{PackageId, Pool};
use search::Search;

/// A repository to choose from.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    /// The tag that constraints must have (`name@tag`); `None` for an ordinary repository.
    pub tag: Option<&'a str>,
    /// Its packages.
    pub index: &'a Index,
}

/// A package of the solution.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// Position in the list of repositories.
    pub repository: usize,
    /// The package.
    pub entry: &'a IndexEntry,
}

/// Chooses packages that satisfy `world`, in the order of installation: dependencies come before
/// what needs them, cycles aside, following the world sorted by text. Of two packages with the
/// same name and version, the one in the earlier repository is taken. The result depends on the
/// arguments alone.
pub fn solve<'a>(
    repositories: &[Repository<'a>],
    world: &[Dependency],
) -> Result<Vec<Chosen<'a>>, Unsolvable> {
    let mut world: Vec<Dependency> = world.to_vec();
    world.sort_by_key(ToString::to_string);
    world.dedup();
    let pool = Pool::new(repositories, &world);
    let mut search = Search::new(&pool, &world);
    let mut chosen = search
        .run()
        .map_err(|clauses| explain::explain(&pool, &clauses))?;
    add_triggered(&pool, &world, &mut chosen);
    Ok(order::install_order(&pool, &world, &chosen)
        .into_iter()
        .map(|id| pool.chosen(id))
        .collect())
}

/// Adds packages whose `install_if` conditions are met, until nothing changes.
fn add_triggered(pool: &Pool<'_>, world: &[Dependency], chosen: &mut Vec<PackageId>) {
    let mut refused = Vec::new();
    loop {
        let triggered = pool.triggered(chosen, &refused);
        if triggered.is_empty() {
            return;
        }
        // All at once nearly always works; one by one finds out which does not.
        if extend(pool, world, chosen, &triggered) {
            continue;
        }
        for package in triggered {
            if !extend(pool, world, chosen, &[package]) {
                refused.push(package);
            }
        }
    }
}

/// Adds `packages` and what they need to a solution; false if that is impossible.
fn extend(
    pool: &Pool<'_>,
    world: &[Dependency],
    chosen: &mut Vec<PackageId>,
    packages: &[PackageId],
) -> bool {
    let mut search = Search::new(pool, world);
    for &id in chosen.iter().chain(packages) {
        search.require(id);
    }
    let found = search.run();
    found.map(|more| *chosen = more).is_ok()
}
