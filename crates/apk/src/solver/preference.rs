//! Which of several candidates is better: apko's order.

use super::pool::{NameId, PackageId, Pool};
use crate::dependency::comparable;
use crate::{Dependency, IndexEntry, Version};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What is chosen already, as far as the order of preference takes notice of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Existing<'a> {
    packages: HashMap<NameId, PackageId>,
    /// The version last chosen of each origin.
    origins: HashMap<&'a str, &'a Version>,
}

impl<'a> Existing<'a> {
    pub(super) fn add(&mut self, pool: &Pool<'a>, id: PackageId) {
        self.packages.insert(pool.own_name(id), id);
        let entry = pool.entry(id);
        if !entry.origin.is_empty() {
            self.origins.insert(&entry.origin, &entry.version);
        }
    }

    pub(super) fn clear(&mut self) {
        self.packages.clear();
        self.origins.clear();
    }

    fn has(&self, pool: &Pool<'_>, id: PackageId) -> bool {
        // Before anything is chosen there may be thousands to compare.
        if self.packages.is_empty() {
            return false;
        }
        let chosen = self.packages.get(&pool.own_name(id));
        chosen.is_some_and(|&other| pool.entry(other).version == pool.entry(id).version)
    }

    fn has_origin(&self, entry: &IndexEntry) -> bool {
        !self.origins.is_empty()
            && !entry.origin.is_empty()
            && self
                .origins
                .get(entry.origin.as_str())
                .is_some_and(|&version| *version == entry.version)
    }
}

/// The best of `candidates` for `dependency`, where packages with the tag `tag` come before others;
/// `None` when there are none.
pub(super) fn best(
    pool: &Pool<'_>,
    dependency: &Dependency,
    tag: Option<&str>,
    candidates: impl IntoIterator<Item = PackageId>,
    existing: &Existing<'_>,
) -> Option<PackageId> {
    candidates.into_iter().reduce(|best, other| {
        if compare(pool, dependency, tag, existing, other, best).is_gt() {
            other
        } else {
            best
        }
    })
}

/// Greater is better; the first difference decides. Equal ones are for the order of repositories.
fn compare(
    pool: &Pool<'_>,
    dependency: &Dependency,
    tag: Option<&str>,
    existing: &Existing<'_>,
    left: PackageId,
    right: PackageId,
) -> Ordering {
    let (a, b) = (pool.entry(left), pool.entry(right));
    let same_name = || {
        if a.name == b.name {
            a.version.cmp(&b.version)
        } else {
            Ordering::Equal
        }
    };
    let priority = |entry: &IndexEntry| entry.provider_priority.unwrap_or(0);
    let is_in = existing.has(pool, left).cmp(&existing.has(pool, right));
    is_in
        .then_with(|| existing.has_origin(a).cmp(&existing.has_origin(b)))
        .then_with(|| (pool.tag(left) == tag).cmp(&(pool.tag(right) == tag)))
        .then_with(|| {
            match (
                version_as(a, &dependency.name),
                version_as(b, &dependency.name),
            ) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => Ordering::Equal,
            }
        })
        .then_with(same_name)
        .then_with(|| priority(a).cmp(&priority(b)))
        .then_with(|| a.version.cmp(&b.version))
        .then_with(|| b.name.cmp(&a.name))
}

/// The version that `entry` has under `name`.
fn version_as<'a>(entry: &'a IndexEntry, name: &str) -> Option<Cow<'a, Version>> {
    if entry.name == name {
        return Some(comparable(name, &entry.version));
    }
    let provided = entry.provides.iter().filter(|provide| provide.name == name);
    provided
        .filter_map(|provide| provide.version.as_ref())
        .map(|v| comparable(name, v))
        .max()
}
