//! Which packages of tagged repositories a world lets in.

use super::pool::{PackageId, Pool};
use crate::Dependency;
use std::collections::{BTreeSet, HashSet};

/// Whether a package's repository lets it answer a constraint of the world: it has no tag, or the
/// one that the constraint names.
pub(super) fn may_answer(pool: &Pool<'_>, id: PackageId, dependency: &Dependency) -> bool {
    let tag = pool.tag(id);
    tag.is_none() || tag == dependency.pin.as_deref()
}

/// Packages of tagged repositories that no constraint of the world with their tag leads to.
pub(super) fn closed_off(pool: &Pool<'_>, world: &[Dependency]) -> Vec<PackageId> {
    let tagged: Vec<PackageId> = pool.ids().filter(|&id| pool.tag(id).is_some()).collect();
    if tagged.is_empty() {
        return tagged;
    }
    let tags: BTreeSet<&str> = world.iter().filter_map(|d| d.pin.as_deref()).collect();
    let mut open = HashSet::new();
    for tag in tags {
        let pinned = world
            .iter()
            .filter(|d| !d.conflict && d.pin.as_deref() == Some(tag));
        let mut queue: Vec<PackageId> = pinned.flat_map(|d| pool.fitting_world(d).fit).collect();
        let mut reached = HashSet::new();
        while let Some(id) = queue.pop() {
            if pool.tag(id).is_some_and(|own| own != tag) || !reached.insert(id) {
                continue;
            }
            for need in pool.needs(id).filter(|&n| !pool.dependency(n).conflict) {
                queue.extend(&pool.fitting(need).fit);
            }
        }
        open.extend(reached);
    }
    tagged.into_iter().filter(|id| !open.contains(id)).collect()
}
