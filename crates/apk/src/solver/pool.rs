//! All packages of all repositories, and who provides what.

use super::{Chosen, Repository};
use crate::{Dependency, IndexEntry, Operator, Version};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Position of a package in the pool: repository order, then index order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PackageId(pub(super) u32);

impl PackageId {
    pub(super) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// A name, numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(u32);

/// Position of a package's constraint among those of all packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NeedId(u32);

/// Somebody who has a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provider<'a> {
    pub(super) id: PackageId,
    /// The version under that name.
    pub(super) version: Option<&'a Version>,
}

/// Who can meet a constraint.
#[derive(Debug, Default)]
pub(super) struct Fitting {
    /// Who meets it, each once, owners of the name first.
    pub(super) fit: Vec<PackageId>,
    /// Who has the name but does not meet it.
    pub(super) unfit: Vec<PackageId>,
}

struct Package<'a> {
    entry: &'a IndexEntry,
    repository: usize,
    tag: Option<&'a str>,
    own: NameId,
    /// In [`Pool::provided`].
    provided: Range<u32>,
    /// In [`Pool::needs`].
    needs: Range<u32>,
    /// [`Package::needs`] by text.
    sorted: OnceCell<Box<[NeedId]>>,
    hopeless: OnceCell<Option<NeedId>>,
}

struct Need<'a> {
    dependency: &'a Dependency,
    name: NameId,
    /// In [`Pool::fittings`]: the same for the same constraint, whoever has it.
    fitting: u32,
}

/// What the providers of a constraint depend on.
type Constraint<'a> = (NameId, Option<(Operator, &'a str)>);

pub(super) struct Pool<'a> {
    packages: Vec<Package<'a>>,
    numbers: HashMap<&'a str, NameId>,
    /// By name: owners first, then those that provide it, each in pool order.
    providers: Vec<Vec<Provider<'a>>>,
    /// What packages provide: the name, and whether with a version.
    provided: Vec<(NameId, bool)>,
    needs: Vec<Need<'a>>,
    fittings: Vec<OnceCell<Fitting>>,
    /// In [`Pool::fittings`].
    constraints: HashMap<Constraint<'a>, u32>,
    /// Packages by the names in their `install_if`.
    triggers: HashMap<&'a str, Vec<PackageId>>,
}

impl<'a> Pool<'a> {
    /// Takes the packages that `takes` says yes to.
    pub(super) fn new(
        repositories: &[Repository<'a>],
        takes: impl Fn(&IndexEntry) -> bool,
    ) -> Self {
        let count = repositories.iter().map(|r| r.index.entries.len()).sum();
        let mut pool = Self {
            packages: Vec::with_capacity(count),
            numbers: HashMap::with_capacity(count * 2),
            providers: Vec::with_capacity(count * 2),
            provided: Vec::new(),
            needs: Vec::new(),
            fittings: Vec::new(),
            constraints: HashMap::new(),
            triggers: HashMap::new(),
        };
        for (repository, &Repository { tag, index }) in repositories.iter().enumerate() {
            for entry in index.entries.iter().filter(|entry| takes(entry)) {
                pool.add(repository, tag, entry);
            }
        }
        for position in 0..pool.packages.len() {
            let Package {
                entry,
                ref provided,
                ..
            } = pool.packages[position];
            let names = &pool.provided[provided.start as usize..provided.end as usize];
            for (provide, &(name, _)) in entry.provides.iter().zip(names) {
                pool.providers[name.0 as usize].push(Provider {
                    id: id(position),
                    version: provide.version.as_ref(),
                });
            }
        }
        pool
    }

    fn add(&mut self, repository: usize, tag: Option<&'a str>, entry: &'a IndexEntry) {
        let package = id(self.packages.len());
        let own = self.number(&entry.name);
        self.providers[own.0 as usize].push(Provider {
            id: package,
            version: Some(&entry.version),
        });
        let first_provided = self.provided.len();
        for provide in &entry.provides {
            let name = self.number(&provide.name);
            self.provided.push((name, provide.version.is_some()));
        }
        let first_need = self.needs.len();
        for dependency in &entry.depends {
            let name = self.number(&dependency.name);
            let constraint = dependency.constraint.as_ref();
            let constraint = constraint.map(|(operator, version)| (*operator, version.as_str()));
            let next = narrow(self.fittings.len());
            let fitting = *self.constraints.entry((name, constraint)).or_insert(next);
            if fitting == next {
                self.fittings.push(OnceCell::new());
            }
            self.needs.push(Need {
                dependency,
                name,
                fitting,
            });
        }
        for condition in &entry.install_if {
            let waiting = self.triggers.entry(condition.name.as_str()).or_default();
            if waiting.last() != Some(&package) {
                waiting.push(package);
            }
        }
        self.packages.push(Package {
            entry,
            repository,
            tag,
            own,
            provided: span(first_provided, self.provided.len()),
            needs: span(first_need, self.needs.len()),
            sorted: OnceCell::new(),
            hopeless: OnceCell::new(),
        });
    }

    fn number(&mut self, name: &'a str) -> NameId {
        let next = self.providers.len();
        let found = *self.numbers.entry(name).or_insert(NameId(narrow(next)));
        if found.0 as usize == next {
            self.providers.push(Vec::new());
        }
        found
    }

    pub(super) fn len(&self) -> usize {
        self.packages.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = PackageId> + use<> {
        (0..narrow(self.packages.len())).map(PackageId)
    }

    pub(super) fn entry(&self, id: PackageId) -> &'a IndexEntry {
        self.packages[id.at()].entry
    }

    pub(super) fn tag(&self, id: PackageId) -> Option<&'a str> {
        self.packages[id.at()].tag
    }

    /// The package's own name.
    pub(super) fn own_name(&self, id: PackageId) -> NameId {
        self.packages[id.at()].own
    }

    pub(super) fn chosen(&self, id: PackageId) -> Chosen<'a> {
        let Package {
            entry, repository, ..
        } = self.packages[id.at()];
        Chosen { repository, entry }
    }

    /// Every name that some package has.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        let had = |id: NameId| !self.providers[id.0 as usize].is_empty();
        self.numbers
            .iter()
            .filter(move |&(_, &id)| had(id))
            .map(|(&name, _)| name)
    }

    /// Everybody who has `name`, whatever the version.
    pub(super) fn providers(&self, name: &str) -> &[Provider<'a>] {
        self.numbers
            .get(name)
            .map_or(&[], |id| &self.providers[id.0 as usize])
    }

    /// The package's constraints, in the order of the index.
    pub(super) fn needs(&self, id: PackageId) -> impl Iterator<Item = NeedId> + use<> {
        self.packages[id.at()].needs.clone().map(NeedId)
    }

    /// The package's constraints, ordered by their text.
    pub(super) fn sorted_needs(&self, id: PackageId) -> &[NeedId] {
        self.packages[id.at()].sorted.get_or_init(|| {
            let mut needs: Vec<NeedId> = self.needs(id).collect();
            needs.sort_by_cached_key(|&need| self.dependency(need).to_string());
            needs.into_boxed_slice()
        })
    }

    /// A constraint of the package that nothing can meet.
    pub(super) fn hopeless(&self, id: PackageId) -> Option<NeedId> {
        *self.packages[id.at()].hopeless.get_or_init(|| {
            self.needs(id)
                .find(|&need| !self.dependency(need).conflict && self.fitting(need).fit.is_empty())
        })
    }

    pub(super) fn dependency(&self, need: NeedId) -> &'a Dependency {
        self.needs[need.0 as usize].dependency
    }

    /// The name that a constraint is on.
    pub(super) fn needed_name(&self, need: NeedId) -> NameId {
        self.needs[need.0 as usize].name
    }

    /// Who can meet a package's constraint, whatever their tags.
    pub(super) fn fitting(&self, need: NeedId) -> &Fitting {
        let Need {
            dependency,
            name,
            fitting,
        } = &self.needs[need.0 as usize];
        let providers = &self.providers[name.0 as usize];
        self.fittings[*fitting as usize].get_or_init(|| fitting_of(dependency, providers))
    }

    /// Who can meet a constraint of the world, whatever their tags.
    pub(super) fn fitting_world(&self, dependency: &Dependency) -> Fitting {
        fitting_of(dependency, self.providers(&dependency.name))
    }

    /// Whether the package itself meets `dependency`.
    pub(super) fn meets(&self, id: PackageId, dependency: &Dependency) -> bool {
        let entry = self.entry(id);
        let named = entry.name == dependency.name && dependency.accepts(Some(&entry.version));
        named
            || entry.provides.iter().any(|provide| {
                provide.name == dependency.name && dependency.accepts(provide.version.as_ref())
            })
    }

    /// Names that the package provides with a version.
    pub(super) fn versioned_names(&self, id: PackageId) -> impl Iterator<Item = NameId> {
        self.provided_names(id)
            .filter(|&(_, versioned)| versioned)
            .map(|(name, _)| name)
    }

    fn provided_names(&self, id: PackageId) -> impl Iterator<Item = (NameId, bool)> {
        let Range { start, end } = self.packages[id.at()].provided;
        self.provided[start as usize..end as usize].iter().copied()
    }

    /// Packages that cannot be installed together with this one because they share a name; some
    /// more than once.
    pub(super) fn rivals(&self, id: PackageId) -> impl Iterator<Item = PackageId> {
        std::iter::once((self.own_name(id), true))
            .chain(self.provided_names(id))
            .flat_map(|(name, versioned)| {
                let others = self.providers[name.0 as usize].iter();
                others.filter(move |other| versioned || other.version.is_some())
            })
            .map(|other| other.id)
            .filter(move |&other| other != id)
    }

    /// Packages that have a package of this name in their `install_if`.
    pub(super) fn waiting_for(&self, name: &str) -> &[PackageId] {
        self.triggers.get(name).map_or(&[], Vec::as_slice)
    }
}

fn fitting_of(dependency: &Dependency, providers: &[Provider<'_>]) -> Fitting {
    let mut found = Fitting::default();
    let mut seen = HashSet::new();
    for provider in providers {
        if dependency.accepts(provider.version) && seen.insert(provider.id) {
            found.fit.push(provider.id);
        }
    }
    // Without a version every one fits.
    if dependency.constraint.is_some() {
        let rest = providers.iter().map(|provider| provider.id);
        found.unfit = rest.filter(|&id| seen.insert(id)).collect();
    }
    found
}

fn id(position: usize) -> PackageId {
    PackageId(narrow(position))
}

fn span(start: usize, end: usize) -> Range<u32> {
    narrow(start)..narrow(end)
}

/// An index text of 300 MiB, the most that is read, has less than 2^32 of anything.
fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("fewer than 2^32 of anything are read")
}
