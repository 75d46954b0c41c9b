//! Whether the inputs of an earlier build can be had again.

use crate::print::{Hint, plain_line};
use anyhow::{Result, anyhow};
use bessemer_apk::Index;
use bessemer_attest::documents::LockedPackage;
use bessemer_repository::Repository;
use std::collections::{BTreeMap, BTreeSet};

/// Most names that an error lists.
const SHOWN: usize = 20;

/// Refuses when repositories offer a package in other versions only, or not at all; the error names
/// all of them.
pub(super) fn all_offered(constraints: &[String], repositories: &[Repository]) -> Result<()> {
    let indexes = repositories.iter().map(|repository| &repository.index);
    let missing = missing(constraints, indexes);
    if missing.is_empty() {
        return Ok(());
    }
    let error = anyhow!(
        "{} of the {} packages that the build environment had are in no repository: {}",
        missing.len(),
        constraints.len(),
        listed(&missing)
    );
    Err(error.context(Hint(
        "name a repository that still has these versions with --repository-append, such as an archive".to_owned(),
    )))
}

/// Of constraints `name=version`, those that no index offers in exactly that version.
fn missing<'a>(constraints: &[String], indexes: impl Iterator<Item = &'a Index>) -> Vec<String> {
    let entries = indexes.flat_map(|index| &index.entries);
    let offered: BTreeSet<String> = entries
        .map(|entry| format!("{}={}", entry.name, entry.version.as_str()))
        .collect();
    let absent = constraints.iter().filter(|text| !offered.contains(*text));
    absent.map(|text| plain_line(text)).collect()
}

/// Refuses packages that bear the version of an attested one and are other files.
pub(super) fn as_attested(
    packages: &[LockedPackage],
    attested: &BTreeMap<String, String>,
) -> Result<()> {
    let other = packages.iter().filter_map(|package| {
        let file = format!("{}-{}.apk", package.name, package.version);
        let expected = attested.get(&file)?;
        (*expected != package.sha256.hex()).then_some(file)
    });
    let other: Vec<String> = other.collect();
    if other.is_empty() {
        return Ok(());
    }
    let error = anyhow!(
        "the repositories have other files than the attested build had, under the same names: {}",
        listed(&other)
    );
    Err(error.context(Hint(
        "name the repository that the build was made from".to_owned(),
    )))
}

fn listed(names: &[String]) -> String {
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names[..names.len().min(SHOWN)].join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_digest::Digest;

    #[test]
    fn only_the_very_version_will_do() {
        let index = Index::parse("P:a\nV:1-r0\nA:x86_64\n\nP:b\nV:2-r1\nA:x86_64\n\n").unwrap();
        let asked = ["a=1-r0", "b=2-r0", "c=1-r0"].map(str::to_owned);
        assert_eq!(missing(&asked, [&index].into_iter()), ["b=2-r0", "c=1-r0"]);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..25).map(|number| format!("p{number}")).collect();
        assert!(listed(&names).ends_with("p19 and 5 more"));
        assert_eq!(listed(&names[..2]), "p0, p1");
    }

    #[test]
    fn the_same_name_with_other_bytes_is_seen() {
        let package = LockedPackage {
            name: "a".to_owned(),
            version: "1-r0".to_owned(),
            architecture: "x86_64".to_owned(),
            uri: "repository/x86_64/a-1-r0.apk".to_owned(),
            sha256: Digest::of("a"),
            size: 1,
            control_sha1: String::new(),
            attestation: None,
            from_build: false,
        };
        let attested = |digest: Digest| BTreeMap::from([("a-1-r0.apk".to_owned(), digest.hex())]);
        let packages = [package];
        as_attested(&packages, &BTreeMap::new()).unwrap();
        as_attested(&packages, &attested(Digest::of("a"))).unwrap();
        let error = as_attested(&packages, &attested(Digest::of("b"))).unwrap_err();
        assert!(format!("{error:#}").contains("a-1-r0.apk"));
    }
}
