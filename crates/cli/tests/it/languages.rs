//! The built-in pipelines of other languages, each on a tiny project, in real guests: what they
//! build passes its own tests.

use crate::commands::{ARCH, build_from, names, run, verify};
use crate::fixture::trust_root;
use bessemer_testkit::{Outcome, Workshop, variable};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time for one of these builds; a quiet machine takes about a minute for the slowest.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_secs(600);

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/pipelines")
}

/// Builds and tests the project; every package of it has proof that its tests passed.
fn builds(name: &str, packages: &[&str]) {
    let workshop = Workshop::new();
    let recipe = copied(&workshop, name);
    let out = workshop.at("packages");
    let repository = variable("BESSEMER_TEST_LANGUAGES");
    let mut command = build_from(&repository, &recipe, &out);
    Outcome::of(&mut command, BUILD_LIMIT).expect(0);
    let folder = out.join(ARCH);
    assert_eq!(names(&folder, ".apk"), packages);
    for package in packages {
        let outcome = run(&mut verify(&folder.join(package), trust_root()));
        outcome.expect(0);
        assert!(outcome.stdout.contains("PASS"), "{outcome}");
    }
}

/// The recipe and its folder, where the uid that does the work may read them.
fn copied(workshop: &Workshop, name: &str) -> PathBuf {
    let mut folders = vec![PathBuf::from(name)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(examples().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read(entry.path()).unwrap();
                workshop.file(path.to_str().unwrap(), text);
            }
        }
    }
    let file = format!("{name}.yaml");
    workshop.file(&file, std::fs::read(examples().join(&file)).unwrap())
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn autoconf() {
    let packages =
        ["", "-dev", "-static"].map(|part| format!("autoconf-sample{part}-1.0.0-r0.apk"));
    builds("autoconf-sample", &packages.each_ref().map(String::as_str));
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn cmake() {
    builds("cmake-sample", &["cmake-sample-1.0.0-r0.apk"]);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn meson_and_patch() {
    builds("meson-sample", &["meson-sample-1.0.0-r0.apk"]);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn perl() {
    let packages = ["perl-sample-1.0.0-r0.apk", "perl-sample-doc-1.0.0-r0.apk"];
    builds("perl-sample", &packages);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn python() {
    builds("python-sample", &["python-sample-1.0.0-r0.apk"]);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn ruby() {
    builds("ruby-sample", &["ruby-sample-1.0.0-r0.apk"]);
}
