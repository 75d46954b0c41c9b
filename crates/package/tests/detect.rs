//! Detection against real packages: what it finds in their files is what melange wrote into their
//! `.PKGINFO`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it could not look at"
)]

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

/// Too large to be kept here: they are looked at where the folder of real packages is.
const LARGE: [Case; 2] = [
    Case {
        file: "hello-wolfi-2.12.1-r0.apk",
        since: &[],
        gone: &[],
    },
    Case {
        file: "aws-c-s3-0.4.9-r0.apk",
        since: &[
            "so-ver:libaws-c-s3.so.0unstable=0.4.9-r0",
            "so:libaws-c-s3.so.0unstable=0",
        ],
        // What its recipe declares, and a version that is none.
        gone: &[
            "aws-c-auth",
            "aws-c-cal",
            "aws-c-common",
            "aws-c-http",
            "aws-c-io",
            "aws-checksums",
            "so:libaws-c-s3.so.0unstable=0unstable",
        ],
    },
];

fn check(case: &Case, folder: &Path) {
    let path = folder.join(case.file);
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
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for case in &CASES {
        check(case, &fixtures);
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|parent| parent.join("../shared/data"))
        .find(|candidate| candidate.is_dir());
    let Some(shared) = shared else {
        println!(
            "no shared data on this machine: {} packages fewer",
            LARGE.len()
        );
        return;
    };
    for case in &LARGE {
        check(case, &shared);
    }
}
