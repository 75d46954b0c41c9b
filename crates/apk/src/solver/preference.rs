//! Which of several candidates is better: apko's order.

use super::pool::{PackageId, Pool};
use crate::dependency::comparable;
use crate::{Dependency, IndexEntry, Version};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is chosen already: versions by origin.
pub(super) type Origins<'a> = BTreeMap<&'a str, Vec<&'a Version>>;

/// The best of `candidates` for `dependency`; `None` when there are none.
pub(super) fn best(
    pool: &Pool<'_>,
    dependency: &Dependency,
    candidates: impl IntoIterator<Item = PackageId>,
    origins: &Origins<'_>,
) -> Option<PackageId> {
    candidates.into_iter().reduce(|best, other| {
        if compare(pool, dependency, origins, other, best).is_gt() {
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
    origins: &Origins<'_>,
    a: PackageId,
    b: PackageId,
) -> Ordering {
    let pin = dependency.pin.as_deref();
    let (tag_a, tag_b) = (pool.tag(a) == pin, pool.tag(b) == pin);
    let (a, b) = (pool.entry(a), pool.entry(b));
    let kin = |entry: &IndexEntry| {
        !entry.origin.is_empty()
            && origins
                .get(entry.origin.as_str())
                .is_some_and(|found| found.contains(&&entry.version))
    };
    let same_name = || {
        if a.name == b.name {
            a.version.cmp(&b.version)
        } else {
            Ordering::Equal
        }
    };
    let priority = |entry: &IndexEntry| entry.provider_priority.unwrap_or(0);
    kin(a)
        .cmp(&kin(b))
        .then(tag_a.cmp(&tag_b))
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
