//! Detection against real packages: what it finds in their files is what melange wrote into their
//! `.PKGINFO`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bessemer_apk::Limits;
use bessemer_package::Opened;
use bessemer_package::detect::{Options, Package, detect};
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// A package, and in what its `.PKGINFO` differs from what melange (August 2026) writes: these are
/// of 2023, before it provided `so-ver:`, took libraries that may be run for libraries, and knew
/// Perl.
struct Case {
    file: &'static str,
    /// Found today, and not in the file's `.PKGINFO`.
    since: &'static [&'static str],
    /// In the file's `.PKGINFO`, and not found today.
    gone: &'static [&'static str],
}

const CASES: [Case; 3] = [
    Case {
        file: "libcap-2.69-r0.apk",
        since: &[
            "so-ver:libcap.so.2=2.69-r0",
            "so-ver:libpsx.so.2=2.69-r0",
            "so:libcap.so.2=2",
            "so:libpsx.so.2=2",
        ],
        // It provides them itself.
        gone: &["so:libcap.so.2", "so:libpsx.so.2"],
    },
    Case {
        file: "perl-json-4.11-r0.apk",
        since: &["perl~5"],
        gone: &[],
    },
    Case {
        file: "ruby3.2-base64-0.2.0-r2.apk",
        since: &[],
        gone: &[],
    },
];

fn check(case: &Case) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(case.file);
    let scratch = tempfile::tempdir().unwrap();
    let file = File::open(path).unwrap();
    let opened = Opened::read(file, scratch.path(), Limits::default()).unwrap();
    let info = &opened.header.control.pkginfo;
    let package = Package {
        name: &info.name,
        version: &info.version,
        tree: &opened.tree,
        runtime: &[],
        options: Options::default(),
    };
    let found = detect(&package, &[]).unwrap();
    let found: BTreeSet<&str> = all(&found.depends, &found.provides, &found.vendored);
    let written = all(&info.depends, &info.provides, &info.vendored);
    let differ = |one: &BTreeSet<&str>, other: &BTreeSet<&str>| -> Vec<String> {
        one.difference(other).map(|&name| name.to_owned()).collect()
    };
    assert_eq!(differ(&found, &written), case.since, "{}", case.file);
    assert_eq!(differ(&written, &found), case.gone, "{}", case.file);
}

fn all<'a>(one: &'a [String], two: &'a [String], three: &'a [String]) -> BTreeSet<&'a str> {
    let names = one.iter().chain(two).chain(three);
    names.map(String::as_str).collect()
}

#[test]
fn real_packages_need_and_provide_what_they_say() {
    for case in &CASES {
        check(case);
    }
}
