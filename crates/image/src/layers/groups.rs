//! Which packages share a layer: apko's strategy `origin` (`groupByOriginAndSize`).

use bessemer_apk::install::InstalledPackage;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Numbers of packages in each layer, the lowest layer first, each layer's packages sorted by name.
///
/// Packages of one origin are together, and so are packages that replace each other. The largest
/// groups have a layer of their own; when there are more than `budget`, the rest shares the last.
pub(super) fn groups(packages: &[InstalledPackage], budget: usize) -> Vec<Vec<usize>> {
    let mut union = Union((0..packages.len()).collect());
    let mut origins: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, package) in packages.iter().enumerate() {
        let first = *origins.entry(&package.entry.origin).or_insert(number);
        union.join(first, number);
    }
    for (number, package) in packages.iter().enumerate() {
        for replaced in &package.replaces {
            let meets = |other: &InstalledPackage| {
                other.entry.name == replaced.name && replaced.accepts(Some(&other.entry.version))
            };
            if let Some(other) = packages.iter().position(meets) {
                union.join(number, other);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for number in 0..packages.len() {
        groups.entry(union.find(number)).or_default().push(number);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_key(|group| {
        let sizes = group
            .iter()
            .map(|number| packages[*number].entry.installed_size);
        let names = group
            .iter()
            .map(|number| packages[*number].entry.name.as_str());
        (Reverse(sizes.sum::<u64>()), names.max())
    });
    if groups.len() > budget {
        let rest = groups.split_off(budget.saturating_sub(1));
        groups.push(rest.concat());
    }
    for group in &mut groups {
        group.sort_by_key(|number| packages[*number].entry.name.as_str());
    }
    groups
}

/// Sets that are joined: each number names another one of its set, or itself.
struct Union(Vec<usize>);

impl Union {
    fn find(&self, mut number: usize) -> usize {
        while self.0[number] != number {
            number = self.0[number];
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        self.0[one.max(other)] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_apk::{IndexEntry, Version};

    /// `name origin size replaces`.
    fn package(line: &str) -> InstalledPackage {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let mut entry = IndexEntry::new(word(), Version::new("1.2-r0"));
        entry.origin = word();
        entry.installed_size = word().parse().unwrap();
        let replaces = word();
        let mut package = InstalledPackage::new(entry);
        package.replaces = replaces
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| name.parse().unwrap())
            .collect();
        package
    }

    fn check(lines: &[&str], budget: usize, expected: &[&str]) {
        let packages: Vec<InstalledPackage> = lines.iter().map(|line| package(line)).collect();
        let names = |group: &Vec<usize>| {
            let names: Vec<&str> = group
                .iter()
                .map(|one| packages[*one].entry.name.as_str())
                .collect();
            names.join(" ")
        };
        let found: Vec<String> = groups(&packages, budget).iter().map(names).collect();
        assert_eq!(found, expected, "{lines:?} with {budget}");
    }

    #[test]
    fn as_apko_groups() {
        let three = ["a a 1", "b b 3", "c c 2"];
        check(&three, 3, &["b", "c", "a"]);
        check(&three, 10, &["b", "c", "a"]);
        check(&three, 2, &["b", "a c"]);
        check(&three, 1, &["a b c"]);
        check(&three, 0, &["a b c"]);
        // One origin, also the empty one.
        check(&["z a 1", "y a 1", "x b 1"], 5, &["y z", "x"]);
        check(&["z  1", "y  1"], 5, &["y z"]);
        // Equal sizes: by the last name.
        check(&["b b 1", "a a 1", "c c 1"], 3, &["a", "b", "c"]);
        // What replaces another is with it, if the version is meant.
        check(
            &["a a 5", "b b 1 a", "c c 1 a<1", "d d 1 absent"],
            5,
            &["a b", "c", "d"],
        );
        check(&["a a 1 b", "b b 1 c", "c c 1", "d c 1"], 5, &["a b c d"]);
        check(&[], 5, &[]);
    }
}
