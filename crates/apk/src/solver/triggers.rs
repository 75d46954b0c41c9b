//! `install_if`: packages that join when others are in.

use super::pool::{PackageId, Pool};
use super::search::Search;
use super::walk::Walk;
use super::{GaveUp, InstallIf};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Adds packages whose `install_if` conditions are met, with what they need, where that is possible
/// without taking anything back.
pub(super) fn add<'a>(
    search: &mut Search<'_, 'a>,
    walk: &mut Walk<'a>,
    rule: InstallIf,
) -> Result<(), GaveUp> {
    let groups: Vec<Vec<PackageId>> = match rule {
        InstallIf::Dependencies => walk
            .found()
            .iter()
            .map(|found| {
                let root = found.root;
                let packages = found.packages.iter().copied();
                packages.filter(|&id| Some(id) != root).collect()
            })
            .collect(),
        InstallIf::All => vec![
            walk.found()
                .iter()
                .flat_map(|f| f.packages.clone())
                .collect(),
        ],
    };
    let mut refused = HashSet::new();
    for (at, group) in groups.into_iter().enumerate() {
        let mut set = Set::new(search.pool, rule);
        let mut queue = Vec::new();
        for id in group {
            set.add(id, &mut queue);
        }
        let mut next = 0;
        while next < queue.len() {
            for id in set.triggered_by(search, queue[next]) {
                if search.state(id) == Some(true) || !refused.insert(id) {
                    continue;
                }
                let Some(found) = join(search, walk, id) else {
                    continue;
                };
                // apko looks at the package alone, not at what it needs.
                let news = match rule {
                    InstallIf::Dependencies => {
                        walk.put_before_root(search.pool, at);
                        vec![id]
                    }
                    InstallIf::All => found,
                };
                for id in news {
                    set.add(id, &mut queue);
                }
            }
            next += 1;
            if search.is_exhausted() {
                return Err(GaveUp);
            }
        }
    }
    Ok(())
}

/// Adds a package and what it needs; gives what was added, or `None` if it cannot be.
fn join<'a>(
    search: &mut Search<'_, 'a>,
    walk: &mut Walk<'a>,
    id: PackageId,
) -> Option<Vec<PackageId>> {
    // What is copied costs some eight times what is looked at.
    search.spend(walk.size() * 8);
    let before = walk.clone();
    search.floor = search.level();
    loop {
        match search.state(id) {
            Some(false) => {
                *walk = before;
                return None;
            }
            Some(true) => {}
            None => search.decide(id),
        }
        walk.enter_triggered(search.pool, id);
        if search.go_on(walk).is_ok() {
            return walk.found().last().map(|found| found.packages.clone());
        }
        search.spend(before.size() * 8);
        *walk = before.clone();
        if search.is_exhausted() || search.level() < search.floor {
            return None;
        }
    }
}

/// What conditions are held against.
struct Set<'p, 'a> {
    pool: &'p Pool<'a>,
    rule: InstallIf,
    /// By name: a package's own, with [`InstallIf::All`] also those it provides.
    packages: HashMap<&'a str, Vec<PackageId>>,
    known: HashSet<PackageId>,
}

impl<'p, 'a> Set<'p, 'a> {
    fn new(pool: &'p Pool<'a>, rule: InstallIf) -> Self {
        Self {
            pool,
            rule,
            packages: HashMap::new(),
            known: HashSet::new(),
        }
    }

    fn add(&mut self, id: PackageId, queue: &mut Vec<PackageId>) {
        if !self.known.insert(id) {
            return;
        }
        queue.push(id);
        for name in self.names(id) {
            self.packages.entry(name).or_default().push(id);
        }
    }

    fn names(&self, id: PackageId) -> Vec<&'a str> {
        let entry = self.pool.entry(id);
        let mut names = vec![entry.name.as_str()];
        if self.rule == InstallIf::All {
            names.extend(entry.provides.iter().map(|provide| provide.name.as_str()));
        }
        names
    }

    /// Packages whose conditions are met now that `id` is in, of each name the highest version.
    fn triggered_by(&self, search: &Search<'_, '_>, id: PackageId) -> Vec<PackageId> {
        let mut found: BTreeMap<&str, PackageId> = BTreeMap::new();
        for name in self.names(id) {
            for &waiting in self.pool.waiting_for(name) {
                let entry = self.pool.entry(waiting);
                let had = self
                    .packages
                    .get(entry.name.as_str())
                    .is_some_and(|others| {
                        others
                            .iter()
                            .any(|&o| self.pool.entry(o).name == entry.name)
                    });
                if had || self.pool.tag(waiting).is_some() || !self.are_met(search, waiting) {
                    continue;
                }
                let best = found.entry(&entry.name).or_insert(waiting);
                if self.pool.entry(*best).version < entry.version {
                    *best = waiting;
                }
            }
        }
        found.into_values().collect()
    }

    /// Absence is held against everything that is in, whatever the rule.
    fn are_met(&self, search: &Search<'_, '_>, waiting: PackageId) -> bool {
        self.pool.entry(waiting).install_if.iter().all(|condition| {
            if condition.conflict {
                let fit = self.pool.fitting_world(condition).fit;
                return fit.iter().all(|&id| search.state(id) != Some(true));
            }
            let others = self.packages.get(condition.name.as_str());
            let mut others = others.into_iter().flatten();
            others.any(|&other| self.pool.meets(other, condition))
        })
    }
}
