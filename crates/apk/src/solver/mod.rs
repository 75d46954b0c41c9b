//! Choosing packages: which ones satisfy a world of constraints.
//!
//! The search is complete: if there is a choice, it is found, and if there is none, the rules that
//! rule it out are known and told. It learns from conflicts (CDCL, as SAT solvers do) and decides
//! in apko's order, so that a world which apko solves gives apko's packages. What a package needs
//! enters the search when it is first chosen, so that the size of the repositories hardly matters.
//!
//! Rules, from apk-tools and apko:
//! * of all that own or provide a name with a version, at most one is installed; a name provided
//!   without version excludes only those that own it or provide it with one;
//! * a constraint on a version is met by what a package provides under that very name;
//! * a package of a tagged repository needs a constraint of the world with that tag that leads to
//!   it;
//! * a package whose `install_if` conditions are met joins, unless that is impossible: [`InstallIf`].

mod explain;
mod learning;
mod pool;
mod preference;
mod search;
mod similar;
mod tags;
mod triggers;
mod walk;

pub use explain::Unsolvable;

use crate::{Dependency, Index, IndexEntry};
use pool::Pool;
use search::{Conflict, Search};
use std::collections::HashSet;
use std::fmt;
use walk::Walk;

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

/// Which packages can meet a condition of `install_if`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InstallIf {
    /// As apko: what one constraint of the world depends on, by the packages' own names, without
    /// the package that answers the constraint itself.
    #[default]
    Dependencies,
    /// As apk-tools: everything that is installed, by any name.
    All,
}

/// Repositories, ready for any number of worlds.
pub struct Solver<'a> {
    pool: Pool<'a>,
    install_if: InstallIf,
    limit: u64,
}

/// Steps after which a search gives up: a second or two.
const LIMIT: u64 = 150_000_000;

impl fmt::Debug for Solver<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Solver")
            .field("packages", &self.pool.len())
            .field("install_if", &self.install_if)
            .finish()
    }
}

impl<'a> Solver<'a> {
    /// Takes the repositories, in order.
    pub fn new(repositories: &[Repository<'a>]) -> Self {
        Self::with(repositories, |_| true)
    }

    /// Takes the repositories of several architectures, and gives a solver for each. As apko does,
    /// they leave out every package that is not there for all of them in the same version, so that
    /// a world means the same on each.
    pub fn for_all(architectures: &[Vec<Repository<'a>>]) -> Vec<Self> {
        let offered: Vec<HashSet<(&str, &str)>> = architectures
            .iter()
            .map(|repositories| {
                let entries = repositories.iter().flat_map(|r| &r.index.entries);
                entries
                    .map(|entry| (entry.name.as_str(), entry.version.as_str()))
                    .collect()
            })
            .collect();
        let everywhere = |entry: &IndexEntry| {
            let key = (entry.name.as_str(), entry.version.as_str());
            offered.iter().all(|offered| offered.contains(&key))
        };
        let solvers = architectures.iter();
        solvers
            .map(|repositories| Self::with(repositories, everywhere))
            .collect()
    }

    fn with(repositories: &[Repository<'a>], takes: impl Fn(&IndexEntry) -> bool) -> Self {
        Self {
            pool: Pool::new(repositories, takes),
            install_if: InstallIf::default(),
            limit: LIMIT,
        }
    }

    /// With another rule for `install_if`.
    #[must_use]
    pub const fn install_if(mut self, rule: InstallIf) -> Self {
        self.install_if = rule;
        self
    }

    /// With another bound on the steps of one search: packages, candidates and literals looked at.
    /// Whether a world has a solution is NP-complete, and an index may be a stranger's.
    #[must_use]
    pub const fn limit(mut self, steps: u64) -> Self {
        self.limit = steps;
        self
    }

    /// Chooses packages that satisfy `world`, in the order of installation: dependencies come before
    /// what needs them, cycles aside, following the world sorted by text, and what `install_if`
    /// brought in last. Of two packages with the same name and version, the one in the earlier
    /// repository is taken. The result depends on the repositories and the world alone.
    pub fn solve(&self, world: &[Dependency]) -> Result<Vec<Chosen<'a>>, Unsolvable> {
        let mut world: Vec<Dependency> = world.to_vec();
        world.sort_by_cached_key(ToString::to_string);
        world.dedup();
        let mut search = Search::new(&self.pool, &world, self.limit);
        let mut walk = Walk::new(&search);
        loop {
            match search.go_on(&mut walk) {
                Ok(()) => break,
                Err(Stopped::GaveUp) => return Err(Unsolvable::gave_up(self.limit)),
                Err(Stopped::Learnt) => walk.restart(&search),
                Err(Stopped::Contradiction(conflict)) => {
                    let rules = search.causes(conflict);
                    return Err(explain::explain(&self.pool, &world, &rules));
                }
            }
        }
        triggers::add(&mut search, &mut walk, self.install_if)
            .map_err(|GaveUp| Unsolvable::gave_up(self.limit))?;
        let mut seen = HashSet::new();
        let found = walk.found().iter().flat_map(|found| &found.packages);
        Ok(found
            .filter(|&&id| seen.insert(id))
            .map(|&id| self.pool.chosen(id))
            .collect())
    }
}

/// Chooses packages for one world; [`Solver::solve`] for several.
pub fn solve<'a>(
    repositories: &[Repository<'a>],
    world: &[Dependency],
) -> Result<Vec<Chosen<'a>>, Unsolvable> {
    Solver::new(repositories).solve(world)
}

/// Why the walk did not come to its end.
#[derive(Debug)]
enum Stopped {
    /// Something was learnt, and decisions were taken back: the walk must begin again.
    Learnt,
    /// No decision above the floor is to blame.
    Contradiction(Conflict),
    /// It has taken too long.
    GaveUp,
}

/// The search has taken too long.
#[derive(Debug)]
struct GaveUp;

impl<'a> Search<'_, 'a> {
    /// Draws conclusions and decides as the walk says, until its end or a conflict.
    fn go_on(&mut self, walk: &mut Walk<'a>) -> Result<(), Stopped> {
        loop {
            let conflict = self.propagate();
            if self.is_exhausted() {
                return Err(Stopped::GaveUp);
            }
            if let Some(conflict) = conflict {
                return Err(if self.learn(conflict) {
                    Stopped::Learnt
                } else {
                    Stopped::Contradiction(conflict)
                });
            }
            match walk.next(self) {
                Some(id) => self.decide(id),
                None => return Ok(()),
            }
        }
    }
}
