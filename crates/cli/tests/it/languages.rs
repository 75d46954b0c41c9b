//! The built-in pipelines, each on a tiny project, in real guests: what they build passes its own
//! tests. `docs/reference/pipelines.md` says which example runs which.

use crate::commands::{ARCH, build_from, names, run, verify};
use crate::fixture::trust_root;
use bessemer_testkit::{Outcome, Workshop, variable};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[allow(dead_code, reason = "the page needs more of the table than this test")]
#[path = "../../src/pipelines_page/table.rs"]
mod table;

/// Longest time for one of these builds; a quiet machine takes about a minute for the slowest.
pub(crate) const BUILD_LIMIT: Duration = Duration::from_secs(600);

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// Builds the recipe with these arguments. Of each package with a test there is proof that it passed;
/// `untested` have none, and are tested with the main package.
fn builds(workshop: &Workshop, recipe: &Path, more: &[&str], tested: &[&str], untested: &[&str]) {
    let out = workshop.at("packages");
    let repository = variable("BESSEMER_TEST_LANGUAGES");
    let mut command = build_from(&repository, recipe, &out);
    command.args(more).current_dir(workshop.path());
    Outcome::of(&mut command, BUILD_LIMIT).expect(0);
    let folder = out.join(ARCH);
    let file = |name: &&str| format!("{name}-1.0.0-r0.apk");
    let mut files: Vec<String> = tested.iter().chain(untested).map(file).collect();
    files.sort();
    assert_eq!(names(&folder, ".apk"), files);
    for package in tested {
        let outcome = run(&mut verify(&folder.join(file(package)), trust_root()));
        outcome.expect(0);
        assert!(outcome.stdout.contains("PASS"), "{outcome}");
    }
    for package in untested {
        let mut command = verify(&folder.join(file(package)), trust_root());
        run(command.arg("--allow-untested")).expect(0);
    }
}

/// A file or folder of the examples, where the uid that does the work may read it.
fn copied(workshop: &Workshop, name: &str) -> PathBuf {
    let path = examples().join(name);
    if path.is_dir() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap().file_name();
            copied(workshop, &format!("{name}/{}", entry.to_str().unwrap()));
        }
        return workshop.at(name);
    }
    workshop.file(name, std::fs::read(path).unwrap())
}

/// A sample with its project's folder beside it.
fn sample(name: &str, tested: &[&str], untested: &[&str]) {
    let workshop = Workshop::new();
    copied(&workshop, &format!("pipelines/{name}"));
    let recipe = copied(&workshop, &format!("pipelines/{name}.yaml"));
    builds(&workshop, &recipe, &[], tested, untested);
}

macro_rules! samples {
    ($($test:ident: $name:literal, $tested:expr, $untested:expr;)*) => {
        /// What the tests below build.
        const SAMPLES: &[&str] = &[$($name),*];

        $(
            #[test]
            #[ignore = "needs a guest: run through cargo xtask test"]
            fn $test() {
                sample($name, &$tested, &$untested);
            }
        )*
    };
}

samples! {
    autoconf: "autoconf-sample", ["autoconf-sample", "autoconf-sample-static"], [
        "autoconf-sample-bin",
        "autoconf-sample-dev",
        "autoconf-sample-doc",
        "autoconf-sample-info",
        "autoconf-sample-lang",
        "libautoconf-sample",
    ];
    cmake: "cmake-sample", ["cmake-sample"], ["cmake-sample-dbg"];
    meson_and_patch: "meson-sample", ["meson-sample"], [];
    perl_and_git_am: "perl-sample", ["perl-sample", "perl-sample-doc"], [];
    python: "python-sample", ["python-sample"], ["python-sample-legacy"];
    ruby: "ruby-sample", ["ruby-sample"], [];
}

/// The call that Wolfi's makefile makes: a directory of pipelines, relative, with a slash at its end.
#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn local_pipelines_and_fetch() {
    let workshop = Workshop::new();
    let folder = copied(&workshop, "local");
    let tarball = folder.join("local-1.0.0.tar");
    // As the recipe says; its checksum tells when this gives something else.
    let made = Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0"])
        .args(["--numeric-owner", "--mode=u=rwX,go=rX", "--format=ustar"])
        .args(["--transform=s,^source,local-1.0.0,", "-cf"])
        .arg(&tarball)
        .arg("source")
        .current_dir(&folder)
        .status()
        .unwrap();
    assert!(made.success());
    let recipe = folder.join("local.yaml");
    let mirror = folder.to_str().unwrap().to_owned();
    let more = ["--pipeline-dir=./local/pipelines/", "--mirror", &mirror];
    builds(&workshop, &recipe, &more, &["local"], &["local-doc"]);
}

#[test]
fn every_example_of_the_table_is_built_here() {
    for row in &table::ROWS {
        if let table::Place::Guest(example) = row.place {
            let sample = example.strip_prefix("pipelines/");
            let built =
                sample.is_some_and(|name| SAMPLES.contains(&name)) || example == "local/local";
            assert!(built, "{}: no test builds {example}", row.name);
        }
    }
}
