//! All packages of all repositories, and who provides what.

use super::{Chosen, Repository};
use crate::{Dependency, IndexEntry, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Position of a package in the pool: repository order, then index order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PackageId(pub(super) usize);

/// Somebody who has a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Provider<'a> {
    pub(super) id: PackageId,
    /// The version under that name.
    pub(super) version: Option<&'a Version>,
}

struct Package<'a> {
    entry: &'a IndexEntry,
    repository: usize,
    tag: Option<&'a str>,
}

pub(super) struct Pool<'a> {
    packages: Vec<Package<'a>>,
    /// By name: owners first, then those that provide it, each in pool order.
    providers: HashMap<&'a str, Vec<Provider<'a>>>,
    /// Packages with `install_if`.
    conditional: Vec<PackageId>,
    /// Tags that the world names.
    tags: BTreeSet<String>,
}

impl<'a> Pool<'a> {
    pub(super) fn new(repositories: &[Repository<'a>], world: &[Dependency]) -> Self {
        let mut packages = Vec::new();
        for (repository, &Repository { tag, index }) in repositories.iter().enumerate() {
            packages.extend(index.entries.iter().map(|entry| Package {
                entry,
                repository,
                tag,
            }));
        }
        let mut providers: HashMap<&str, Vec<Provider<'_>>> = HashMap::new();
        for (position, package) in packages.iter().enumerate() {
            let provider = Provider {
                id: PackageId(position),
                version: Some(&package.entry.version),
            };
            providers
                .entry(&package.entry.name)
                .or_default()
                .push(provider);
        }
        for (position, package) in packages.iter().enumerate() {
            for provide in &package.entry.provides {
                let provider = Provider {
                    id: PackageId(position),
                    version: provide.version.as_ref(),
                };
                providers.entry(&provide.name).or_default().push(provider);
            }
        }
        let conditional = (0..packages.len())
            .filter(|&position| !packages[position].entry.install_if.is_empty())
            .map(PackageId)
            .collect();
        let tags = world
            .iter()
            .filter_map(|dependency| dependency.pin.clone())
            .collect();
        Self {
            packages,
            providers,
            conditional,
            tags,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.packages.len()
    }

    pub(super) fn entry(&self, id: PackageId) -> &'a IndexEntry {
        self.packages[id.0].entry
    }

    pub(super) fn tag(&self, id: PackageId) -> Option<&'a str> {
        self.packages[id.0].tag
    }

    pub(super) fn chosen(&self, id: PackageId) -> Chosen<'a> {
        let Package {
            entry, repository, ..
        } = self.packages[id.0];
        Chosen { repository, entry }
    }

    /// Everybody who has `name`, whatever the version.
    pub(super) fn providers(&self, name: &str) -> &[Provider<'a>] {
        self.providers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Who meets `dependency`, each once, owners of the name first. In the world a tagged package
    /// needs exactly its tag; elsewhere any tag that the world names will do.
    pub(super) fn candidates(&self, dependency: &Dependency, in_world: bool) -> Vec<PackageId> {
        let mut seen = BTreeSet::new();
        self.providers(&dependency.name)
            .iter()
            .filter(|provider| dependency.accepts(provider.version))
            .map(|provider| provider.id)
            .filter(|&id| self.tag_allows(id, dependency, in_world))
            .filter(|&id| seen.insert(id))
            .collect()
    }

    fn tag_allows(&self, id: PackageId, dependency: &Dependency, in_world: bool) -> bool {
        match self.tag(id) {
            None => true,
            Some(tag) if in_world && !dependency.conflict => dependency.pin.as_deref() == Some(tag),
            Some(tag) => self.tags.contains(tag),
        }
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

    /// Packages that cannot be installed together with this one because they share a name.
    pub(super) fn rivals(&self, id: PackageId) -> BTreeSet<PackageId> {
        let entry = self.entry(id);
        let own = (entry.name.as_str(), true);
        let provided = entry
            .provides
            .iter()
            .map(|provide| (provide.name.as_str(), provide.version.is_some()));
        let mut rivals = BTreeSet::new();
        for (name, versioned) in std::iter::once(own).chain(provided) {
            let others = self.providers(name).iter();
            rivals.extend(
                others
                    .filter(|other| versioned || other.version.is_some())
                    .map(|other| other.id)
                    .filter(|&other| other != id),
            );
        }
        rivals
    }

    /// Packages that are not chosen or refused and whose `install_if` conditions the chosen ones
    /// meet, one of each name: the highest version.
    pub(super) fn triggered(&self, chosen: &[PackageId], refused: &[PackageId]) -> Vec<PackageId> {
        let is_met = |condition: &Dependency| {
            chosen.iter().any(|&id| self.meets(id, condition)) != condition.conflict
        };
        let names: BTreeSet<&str> = chosen
            .iter()
            .map(|&id| self.entry(id).name.as_str())
            .collect();
        let mut found: BTreeMap<&str, PackageId> = BTreeMap::new();
        let fresh = self
            .conditional
            .iter()
            .copied()
            .filter(|id| !refused.contains(id));
        for id in fresh.filter(|&id| self.tag(id).is_none()) {
            let entry = self.entry(id);
            if names.contains(entry.name.as_str()) || !entry.install_if.iter().all(is_met) {
                continue;
            }
            let best = found.entry(&entry.name).or_insert(id);
            if self.entry(*best).version < entry.version {
                *best = id;
            }
        }
        found.into_values().collect()
    }
}
