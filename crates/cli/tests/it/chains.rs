//! What is behind packages: `verify --recursive`, bundles, `trace`, `explain`, `diff`, `affected`.

use crate::commands::{bessemer, run, verify};
use crate::fixture::{FILES, tiny};
use bessemer_digest::Digest;
use bessemer_testkit::{Outcome, Workshop, variable};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn package(number: usize) -> PathBuf {
    tiny().repositories[0].join(FILES[number])
}

/// `bessemer WORDS --trust-root …` with the bootstrapped repository as evidence.
fn behind(words: &[&str]) -> Outcome {
    let mut command = bessemer();
    command
        .args(words)
        .arg("--trust-root")
        .arg(&tiny().trust_root);
    command
        .arg("--evidence")
        .arg(variable("BESSEMER_TEST_REPOSITORY"));
    run(&mut command)
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_package_verifies_down_to_its_seed() {
    let package = package(0);
    let outcome = behind(&["verify", text(&package), "--recursive"]);
    outcome.expect(0);
    assert!(
        outcome
            .stdout
            .contains("chain: 0 images and 1 package built"),
        "{outcome}"
    );
    assert!(outcome.stdout.contains(" 0 gaps"), "{outcome}");
    assert!(outcome.stdout.contains("bootstrap seed"), "{outcome}");
    assert!(
        outcome.stdout.contains("├─ kernel: 1 imported from"),
        "{outcome}"
    );
    let outcome = behind(&["verify", text(&package), "--recursive", "--json"]);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["result"], "PASS");
    assert_eq!(report["chain"]["gaps"], 0);
    let nodes = report["chain"]["nodes"].as_array().unwrap();
    let members = nodes[0]["members"].as_array().unwrap();
    assert_eq!(members.len() + 1, nodes.len());
}

/// The control run is the test above: the same with the evidence.
#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn evidence_that_is_missing_or_changed_is_a_gap() {
    let package = package(0);
    let mut command = verify(&package, &tiny().trust_root);
    let outcome = run(command.arg("--recursive"));
    outcome.expect(1);
    assert!(
        outcome.stderr.contains("error: the chain has "),
        "{outcome}"
    );
    assert!(outcome.stderr.contains("hint: --evidence DIR"), "{outcome}");
    // The repositories that provenance names are asked only when that is said.
    let mut command = verify(&package, &tiny().trust_root);
    run(command.args(["--recursive", "--fetch"])).expect(0);

    let workshop = Workshop::new();
    let folder = variable("BESSEMER_TEST_REPOSITORY").join(std::env::consts::ARCH);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".intoto.jsonl") && !name.ends_with(".tlog-proof") {
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        if name.starts_with("busybox-") && name.ends_with(".intoto.jsonl") {
            // Another letter within the payload: still an envelope.
            let place = bytes
                .windows(10)
                .position(|part| part == b"\"payload\":")
                .unwrap()
                + 40;
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        }
        workshop.file(&format!("evidence/{name}"), bytes);
    }
    let evidence = workshop.at("evidence");
    let mut command = verify(&package, &tiny().trust_root);
    let outcome = run(command.arg("--recursive").arg("--evidence").arg(evidence));
    outcome.expect(1);
    let gap = "the chain has 1 gap: busybox-1-r0.apk (its attestation is not there)";
    assert!(outcome.stderr.contains(gap), "{outcome}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_bundle_verifies_offline_and_the_same_evidence_gives_the_same_bytes() {
    let workshop = Workshop::new();
    let package = package(0);
    let bundles = ["one.bundle", "two.bundle"].map(|name| {
        let bundle = workshop.at(name);
        behind(&["export", text(&package), "-o", text(&bundle)]).expect(0);
        bundle
    });
    let bytes = fs::read(&bundles[0]).unwrap();
    assert_eq!(bytes, fs::read(&bundles[1]).unwrap());
    let mut command = verify(&bundles[0], &tiny().trust_root);
    let outcome = run(command.arg("--recursive"));
    outcome.expect(0);
    assert!(
        outcome.stdout.starts_with(&format!("PASS {}", FILES[0])),
        "{outcome}"
    );
    // Nothing is written where something is missing.
    let bundle = workshop.at("three.bundle");
    let mut command = bessemer();
    command.args(["export", text(&package), "-o", text(&bundle)]);
    let outcome = run(command.arg("--trust-root").arg(&tiny().trust_root));
    outcome.expect(1);
    assert!(outcome.stderr.contains("nothing was written"), "{outcome}");
    assert!(!bundle.exists());
    let half = workshop.file("half.bundle", &bytes[..bytes.len() / 2]);
    let outcome = run(&mut verify(&half, &tiny().trust_root));
    outcome.expect(1);
    assert!(
        outcome.stderr.contains("cannot read the bundle"),
        "{outcome}"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_file_is_traced_and_an_artifact_explained() {
    let package = package(0);
    let outcome = behind(&["trace", text(&package), "/usr/bin/tiny"]);
    outcome.expect(0);
    assert!(
        outcome
            .stdout
            .starts_with("/usr/bin/tiny\n  content  sha256:"),
        "{outcome}"
    );
    assert!(
        outcome
            .stdout
            .contains(&format!("  package  {}, its own file", FILES[0])),
        "{outcome}"
    );
    assert!(outcome.stdout.contains("build environment: "), "{outcome}");
    let outcome = behind(&["trace", text(&package), "/usr/bin/none"]);
    outcome.expect(1);
    assert!(
        outcome
            .stderr
            .contains("there is no /usr/bin/none in the package"),
        "{outcome}"
    );
    let outcome = behind(&["trace", text(&package), "/usr/bin/tiny", "--arch", "x86_64"]);
    outcome.expect(1);
    assert!(
        outcome
            .stderr
            .contains("--arch chooses an image of an index"),
        "{outcome}"
    );

    let outcome = behind(&["explain", text(&package)]);
    outcome.expect(0);
    for title in [
        "What it is",
        "Where it is from",
        "Who vouches for it",
        "How it was checked",
        "Behind it",
        "Not known",
    ] {
        assert!(
            outcome.stdout.contains(&format!("{title}\n  ")),
            "{title}: {outcome}"
        );
    }
    assert!(
        outcome
            .stdout
            .lines()
            .all(|line| line.chars().count() <= 100),
        "{outcome}"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn two_builds_do_not_differ_and_two_packages_do() {
    let again = tiny().repositories[1].join(FILES[0]);
    let (one, other) = (package(0), package(1));
    let outcome = behind(&["diff", text(&one), text(&again), "--exit-code"]);
    outcome.expect(0);
    assert_eq!(outcome.stdout, "no difference\n");
    let outcome = behind(&["diff", text(&one), text(&other), "--exit-code", "--json"]);
    outcome.expect(1);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let changes = report["changes"].as_array().unwrap();
    assert!(
        changes.iter().all(|change| change["kind"] == "artifact"),
        "{outcome}"
    );
    assert_eq!(changes.len(), 2);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_an_input_went_into_is_named() {
    let folder = variable("BESSEMER_TEST_REPOSITORY").join(std::env::consts::ARCH);
    let busybox = fs::read(folder.join("busybox-1-r0.apk")).unwrap();
    let affected = |digest: &str| {
        let mut command = bessemer();
        command.args(["affected", digest, "--json", "--trust-root"]);
        command
            .arg(&tiny().trust_root)
            .arg("--evidence")
            .arg(&tiny().repositories[0]);
        let outcome = run(&mut command);
        outcome.expect(0);
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let affected = report["affected"].as_array().unwrap().iter();
        let names = affected.map(|one| one["artifact"]["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(affected(&Digest::of(busybox).to_string()), FILES);
    assert!(affected(&Digest::of("nothing").to_string()).is_empty());
}

/// Packages of one build name each other in their provenance; each is found by its own attestations.
#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn siblings_are_told_apart_and_a_bundle_says_that_nothing_was_measured() {
    let workshop = Workshop::new();
    let bundle = workshop.at("both.bundle");
    let (one, other) = (package(0), package(1));
    behind(&["export", text(&one), text(&other), "-o", text(&bundle)]).expect(0);
    let outcome = run(verify(&bundle, &tiny().trust_root).args(["--recursive", "--json"]));
    outcome.expect(0);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let targets = report["targets"].as_array().unwrap();
    let names = targets
        .iter()
        .map(|target| target["package"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), FILES);
    assert!(
        targets.iter().all(|target| target["measured"] == false),
        "{outcome}"
    );
    // A package alone, and its siblings' attestations among the evidence.
    let alone = workshop.file(FILES[1], fs::read(&other).unwrap());
    let mut command = verify(&alone, &tiny().trust_root);
    run(command.arg("--evidence").arg(&tiny().repositories[0])).expect(0);
    let mut command = verify(&bundle, &tiny().trust_root);
    let refused = run(command.arg("--refuse-imports"));
    refused.expect(1);
    assert!(refused.stderr.contains("are for images"), "{refused}");
}

#[test]
fn demands_that_no_target_can_meet_are_refused() {
    let cases: [(&[&str], &str); 3] = [
        (&["a.apk", "--recursive", "--complete"], "two questions"),
        (
            &["docker://host/app:1", "--require-gate"],
            "are for packages",
        ),
        (
            &["docker://host/app:1", "--complete"],
            "--complete builds packages again",
        ),
    ];
    for (words, message) in cases {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bessemer"));
        let outcome = run(command
            .args(["verify", "--trust-root", "t.json"])
            .args(words));
        outcome.expect(2);
        assert!(outcome.stderr.contains(message), "{outcome}");
    }
}
