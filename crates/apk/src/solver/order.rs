//! The order of installation.

use super::pool::{PackageId, Pool};
use crate::Dependency;
use std::collections::BTreeSet;

/// Orders the chosen packages: depth first from the world, dependencies before dependents. What
/// only `install_if` brought in follows, by name.
pub(super) fn install_order(
    pool: &Pool<'_>,
    world: &[Dependency],
    chosen: &[PackageId],
) -> Vec<PackageId> {
    let mut walk = Walk {
        pool,
        chosen,
        seen: BTreeSet::new(),
        order: Vec::new(),
    };
    for dependency in world {
        walk.visit_providers(dependency);
    }
    let mut rest: Vec<PackageId> = chosen
        .iter()
        .copied()
        .filter(|&id| !pool.entry(id).install_if.is_empty())
        .collect();
    rest.sort_by_key(|&id| &pool.entry(id).name);
    for id in rest {
        walk.visit(id);
    }
    walk.order
}

struct Walk<'p, 'a> {
    pool: &'p Pool<'a>,
    chosen: &'p [PackageId],
    seen: BTreeSet<PackageId>,
    order: Vec<PackageId>,
}

impl Walk<'_, '_> {
    fn visit_providers(&mut self, dependency: &Dependency) {
        if dependency.conflict {
            return;
        }
        let mut found: Vec<PackageId> = self
            .chosen
            .iter()
            .copied()
            .filter(|&id| self.pool.meets(id, dependency))
            .collect();
        found.sort_by_key(|&id| {
            let entry = self.pool.entry(id);
            (entry.name != dependency.name, &entry.name)
        });
        for id in found {
            self.visit(id);
        }
    }

    /// Visits without recursion, so that a long chain of packages cannot exhaust the stack.
    fn visit(&mut self, root: PackageId) {
        let mut stack = vec![(root, false)];
        while let Some((id, done)) = stack.pop() {
            if done {
                self.order.push(id);
                continue;
            }
            if !self.seen.insert(id) {
                continue;
            }
            stack.push((id, true));
            let mut needed = Vec::new();
            for dependency in self.pool.entry(id).depends.iter().filter(|d| !d.conflict) {
                let met = |&other: &PackageId| self.pool.meets(other, dependency);
                needed.extend(self.chosen.iter().copied().filter(met));
            }
            needed.dedup();
            stack.extend(needed.into_iter().rev().map(|other| (other, false)));
        }
    }
}
