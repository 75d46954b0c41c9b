//! `bessemer lint` and `bessemer scan` on real packages. Needs no guest.

use bessemer_testkit::{Outcome, Workshop};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const LIBCAP: &str = "libcap-2.69-r0.apk";

fn package(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../package/tests/fixtures")
        .join(name)
}

fn run(words: &[&str], home: &Workshop) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
    command.env_clear().env("HOME", home.path());
    command
        .stdin(Stdio::null())
        .current_dir(home.path())
        .args(words);
    Outcome::of(&mut command, Duration::from_secs(20))
}

#[test]
fn findings_are_shown_and_fail_only_where_they_must_not_be() {
    let home = Workshop::new();
    let path = package(LIBCAP);
    let path = path.to_str().unwrap();
    let warned = run(&["lint", path], &home);
    warned.expect(0);
    let start = format!("{path}: warning: [lddcheck] libcap has ");
    assert!(warned.stdout.starts_with(&start), "{warned}");
    assert!(
        warned.stdout.contains("\n    usr/lib/libcap.so.2\n"),
        "{warned}"
    );
    let failed = run(&["lint", path, "--lint-require", "lddcheck,dev"], &home);
    failed.expect(1);
    assert!(failed.stdout.contains("error: [lddcheck]"), "{failed}");
    assert!(
        failed.stderr.contains("1 of 1 packages do not pass"),
        "{failed}"
    );
    let off = run(&["lint", path, "--lint-warn="], &home);
    off.expect(0);
    assert_eq!(off.stdout, format!("{path}: nothing found\n"));
    let unknown = run(&["lint", path, "--lint-warn", "nope"], &home);
    unknown.expect(2);
    assert!(
        unknown.stderr.contains("there is no such linter"),
        "{unknown}"
    );
}

#[test]
fn results_are_json_in_a_file_and_on_standard_output() {
    let home = Workshop::new();
    let path = package(LIBCAP);
    let words = [
        "lint",
        path.to_str().unwrap(),
        "--json",
        "--persist-lint-results",
    ];
    let outcome = run(&words, &home);
    outcome.expect(0);
    let printed: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let printed = &printed["packages"][0];
    let file = home
        .path()
        .join("packages/aarch64/lint-libcap-2.69-r0.json");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(kept["package_name"], "libcap-2.69-r0");
    assert_eq!(kept["findings"], printed["findings"]);
    let paths = &kept["findings"]["lddcheck"][0]["details"]["paths"];
    assert!(paths.as_array().unwrap().len() > 2, "{kept}");
    assert_eq!(printed["failed"], serde_json::json!([]));
}

/// The fixture is of 2023; what it lacks is what has been detected since.
#[test]
fn scan_shows_what_differs() {
    let home = Workshop::new();
    let folder = home.path().join("packages/aarch64");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(package(LIBCAP), folder.join(LIBCAP)).unwrap();
    let recipe = home.file(
        "libcap.yaml",
        "package:\n  name: libcap\n  version: 2.69\n  epoch: 0\n  description: POSIX 1003.1e capabilities\n  \
         copyright:\n    - license: BSD-3-Clause OR GPL-2.0-only\npipeline:\n  - runs: \"true\"\nsubpackages:\n  - name: libcap-x\n",
    );
    let words = ["scan", recipe.to_str().unwrap(), "--arch", "aarch64"];
    let printed = run(&words, &home);
    printed.expect(0);
    assert!(
        printed.stderr.contains("libcap-x-2.69-r0.apk is not there"),
        "{printed}"
    );
    let provided = "provides = so-ver:libcap.so.2=2.69-r0\nprovides = so-ver:libpsx.so.2=2.69-r0\n";
    assert!(printed.stdout.contains(provided), "{printed}");
    let unknown = run(&[&words[..], &["-p", "libcap-y"]].concat(), &home);
    unknown.expect(1);
    let said = "no package `libcap-y` that is there; there are libcap\n";
    assert!(unknown.stderr.contains(said), "{unknown}");
    let differs = run(&[&words[..], &["--diff"]].concat(), &home);
    differs.expect(1);
    for line in [
        "-depend = so:libcap.so.2\n",
        "+provides = so:libcap.so.2=2\n",
    ] {
        assert!(differs.stdout.contains(line), "{differs}");
    }
}
