//! The linter of files that stand in a package more than once.

use super::paths::pattern;
use super::{Found, counted, extension, file_name};
use crate::{Details, Duplicate, Package};
use bessemer_apk::EntryKind;
use bessemer_digest::{Digest, HashingReader};
use bessemer_package::Node;
use regex::Regex;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

/// Smaller files are not worth a link.
const SMALLEST: u64 = 1024;
/// Names of licences' texts, of which each package may have its own, as licensee knows them.
static LICENCE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(((un)?licen[sc]e|copy(ing|right))([-_][^.]*)?|\w+[-_]((un)?licen[sc]e|copy(ing|right))[^.]*|ofl|patents)(\.[^./]+)?$",
    )
});
/// Ends of names that look like a licence's and are none.
const NO_LICENCE: [&str; 5] = ["xml", "go", "gemspec", "spdx", "header"];

pub(super) fn check(package: &Package<'_>) -> io::Result<Option<Found>> {
    let mut candidates: BTreeMap<(&str, u64), Vec<&Node>> = BTreeMap::new();
    for (path, node) in package.tree.iter() {
        let name = file_name(path.as_str());
        if let EntryKind::File { size } = node.entry.kind
            && size >= SMALLEST
            && !is_licence(name)
        {
            candidates.entry((name, size)).or_default().push(node);
        }
    }
    let mut duplicates = Vec::new();
    for ((name, size), nodes) in candidates {
        if nodes.len() > 1 {
            equal_files(package, name, size, &nodes, &mut duplicates)?;
        }
    }
    duplicates.sort_by_key(|set| Reverse(set.wasted_bytes));
    let wasted = duplicates.iter().map(|set| set.wasted_bytes).sum();
    let says = "more than once under the same name";
    Ok((!duplicates.is_empty()).then(|| {
        let message = counted(package.name, duplicates.len(), "file", "files", says);
        let details = Details::Duplicates {
            total_duplicate_sets: duplicates.len(),
            total_wasted_bytes: wasted,
            total_wasted_size: for_a_person(wasted),
            duplicates,
        };
        Found::new(message, details)
    }))
}

/// Which of the files of one name and size are equal. Only those are read.
fn equal_files(
    package: &Package<'_>,
    name: &str,
    size: u64,
    nodes: &[&Node],
    duplicates: &mut Vec<Duplicate>,
) -> io::Result<()> {
    let mut by_digest: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    for node in nodes {
        let mut reader = HashingReader::new(package.tree.open(node)?);
        io::copy(&mut reader, &mut io::sink())?;
        let digest = reader.digest();
        let paths = by_digest.entry(digest).or_default();
        paths.push(node.entry.path.to_string());
    }
    for paths in by_digest.into_values().filter(|paths| paths.len() > 1) {
        let wasted = (paths.len() as u64 - 1) * size;
        duplicates.push(Duplicate {
            basename: name.to_owned(),
            count: paths.len(),
            size_bytes: size,
            size: for_a_person(size),
            wasted_bytes: wasted,
            wasted_size: for_a_person(wasted),
            paths,
        });
    }
    Ok(())
}

fn is_licence(name: &str) -> bool {
    LICENCE.is_match(name) && !NO_LICENCE.contains(&extension(name))
}

/// `1.5 kB`, `83 MB`: powers of ten, one digit after the point below ten.
#[expect(
    clippy::cast_precision_loss,
    reason = "a person reads two digits of it"
)]
fn for_a_person(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let rounded = (value * 10.0).round() / 10.0;
    if unit == 0 || rounded >= 10.0 {
        format!("{rounded:.0} {}", UNITS[unit])
    } else {
        format!("{rounded:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::{for_a_person, is_licence};

    #[test]
    fn sizes_are_short() {
        let cases = [
            (7, "7 B"),
            (1024, "1.0 kB"),
            (1550, "1.6 kB"),
            (82_854_982, "83 MB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(for_a_person(bytes), text);
        }
    }

    #[test]
    fn licences_may_stand_anywhere() {
        for name in [
            "LICENSE",
            "licence.txt",
            "COPYING-MIT",
            "MIT-LICENSE",
            "OFL",
            "PATENTS.txt",
        ] {
            assert!(is_licence(name), "{name}");
        }
        for name in ["license.go", "licensing.md", "library", "a.patents"] {
            assert!(!is_licence(name), "{name}");
        }
    }
}
