//! Summaries (VSA) of packages that were built again: signed, read, published, handed to other programs.
//! The runs have no machine: whose bytes they compare makes no difference to a summary.

use crate::commands::{self, ARCH, BESIDE, build, names, publish, run, verify};
use crate::direct::statements;
use crate::fixture::{FILES, recipe, trust_root};
use bessemer_testkit::{Outcome, Workshop};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const DIRECT: [&str; 2] = ["--accelerator", "direct"];

/// The packages of `examples/tiny`, built without a machine.
fn built(workshop: &Workshop) -> Vec<PathBuf> {
    let copy = workshop.file("tiny/tiny.yaml", fs::read(recipe()).unwrap());
    let out = workshop.at("packages");
    run(build(&copy, &out).args(DIRECT)).expect(0);
    FILES.map(|file| out.join(ARCH).join(file)).to_vec()
}

fn rebuild(packages: &[PathBuf], out: &Path, more: &[&str]) -> Outcome {
    commands::rebuild(packages, out, &[&DIRECT[..], more].concat())
}

/// Where the summary of a rebuild stands, beside a package.
fn beside(package: &Path) -> [PathBuf; 2] {
    BESIDE.map(|end| PathBuf::from(format!("{}.reproduced{end}", package.display())))
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_is_the_same_again_is_signed_read_and_published() {
    let workshop = Workshop::new();
    let packages = built(&workshop);
    let again = workshop.at("again");
    let outcome = rebuild(&packages, &again, &[]);
    outcome.expect(0);
    let rebuilt: Vec<_> = FILES
        .iter()
        .map(|file| again.join(ARCH).join(file))
        .collect();
    let lines = FILES.iter().zip(&rebuilt).map(|(file, path)| {
        let signed = beside(path)[0].display().to_string();
        format!("equal: {file}\n  signed: {signed}\n")
    });
    assert_eq!(outcome.stdout, lines.collect::<Vec<_>>().concat());

    // It lies beside what was built again, and beside the original when it is taken there.
    let line = ": made again by the same builder, with the same control and data";
    let judged = |package: &Path| run(&mut verify(package, trust_root()));
    // A rebuild runs no tests.
    let outcome = run(verify(&rebuilt[0], trust_root()).arg("--allow-untested"));
    outcome.expect(0);
    assert!(outcome.stdout.contains(line), "{outcome}");
    let before = judged(&packages[0]);
    before.expect(0);
    assert!(!before.stdout.contains("reproduced:"), "{before}");
    for (from, to) in beside(&rebuilt[0]).iter().zip(beside(&packages[0])) {
        fs::copy(from, to).unwrap();
    }
    let outcome = judged(&packages[0]);
    outcome.expect(0);
    assert!(outcome.stdout.contains(line), "{outcome}");
    let json = run(verify(&packages[0], trust_root()).arg("--json"));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let reproduced = &json["report"]["reproduced"][0];
    assert_eq!(reproduced["levels"][0], "BESSEMER_REPRODUCED");
    let (original, second) = (&reproduced["original"], &reproduced["rebuild"]);
    assert_eq!(original["builder_id"], second["builder_id"]);
    assert_ne!(original["invocation_id"], second["invocation_id"]);

    // The gate takes it along, and both are read where they are fetched.
    let repository = workshop.at("repository");
    let place = "https://packages.example";
    let mut command = publish(&packages[..1], &repository);
    run(command.args(["--resource-uri", place])).expect(0);
    let published = repository.join(ARCH).join(FILES[0]);
    let vsa = workshop.at("vsa");
    let mut command = verify(&published, trust_root());
    command
        .args(["--resource-uri", place])
        .arg("--write-vsa")
        .arg(&vsa);
    let outcome = run(&mut command);
    outcome.expect(0);
    assert!(outcome.stdout.contains(line), "{outcome}");
    let written = names(&vsa, ".vsa.json");
    let expected = ["gate", "rebuild-1"].map(|role| format!("{}.{role}.vsa.json", FILES[0]));
    assert_eq!(written, expected);
    for (name, uri) in expected.iter().zip([
        format!("{place}/{ARCH}/{}", FILES[0]),
        format!("{ARCH}/{}", FILES[0]),
    ]) {
        let text = fs::read_to_string(vsa.join(name)).unwrap();
        let said: Vec<_> = statements(&text).collect();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0]["predicate"]["resourceUri"], *uri);
    }
    assert_eq!(names(&vsa, ".pub").len(), 2);
    let elsewhere = format!("{place}/{ARCH}/{}", FILES[1]);
    let mut command = verify(&published, trust_root());
    run(command.args(["--resource-uri", &elsewhere])).expect(1);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_summary_that_does_not_hold_fails_the_package_beside_it() {
    let workshop = Workshop::new();
    let packages = built(&workshop);
    let again = workshop.at("again");
    rebuild(&packages, &again, &[]).expect(0);
    let rebuilt: Vec<_> = FILES
        .iter()
        .map(|file| again.join(ARCH).join(file))
        .collect();
    let [envelope, proof] = beside(&packages[0]);
    let [good, good_proof] = beside(&rebuilt[0]).map(|path| fs::read(path).unwrap());
    let [other, other_proof] = beside(&rebuilt[1]).map(|path| fs::read(path).unwrap());
    let mut flipped = good.clone();
    flipped[100] = if flipped[100] == b'A' { b'B' } else { b'A' };
    let provenance = fs::read(format!("{}{}", packages[0].display(), BESIDE[0])).unwrap();
    let judge = |envelopes: &[u8], proofs: &[u8]| {
        fs::write(&envelope, envelopes).unwrap();
        fs::write(&proof, proofs).unwrap();
        run(&mut verify(&packages[0], trust_root()))
    };
    judge(&good, &good_proof).expect(0);
    for (envelopes, proofs, message) in [
        (&flipped, &good_proof, "not that of any key"),
        (&good, &other_proof, "nothing beside it proves"),
        (&other, &other_proof, "is not among the subjects"),
        (
            &provenance,
            &good_proof,
            "role `provenance` signed a statement of role `rebuild`",
        ),
    ] {
        let outcome = judge(envelopes, proofs);
        outcome.expect(1);
        assert!(outcome.stderr.contains(message), "{outcome}");
        let outcome = run(&mut publish(&packages[..1], &workshop.at("repository")));
        outcome.expect(1);
        assert!(outcome.stderr.contains(message), "{outcome}");
    }

    // What is not the same, or not asked for, has none, and an earlier one does not stay.
    let outcome = rebuild(&packages, &again, &["--no-summary", "--json"]);
    outcome.expect(0);
    let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(json["packages"][0]["summary"], Value::Null);
    assert!(beside(&rebuilt[0]).iter().all(|path| !path.exists()));
    let json = rebuild(&packages[..1], &again, &["--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let said = &json["packages"][0]["summary"];
    let [envelope, proof] = beside(&rebuilt[0]).map(|path| path.display().to_string());
    assert_eq!(said["attestation"], envelope);
    assert_eq!(said["proof"], proof);
    // Without attestations there is nothing that a summary could rest on.
    fs::remove_file(format!("{}{}", packages[0].display(), BESIDE[0])).unwrap();
    rebuild(&packages[..1], &again, &[]).expect(0);
    assert!(beside(&rebuilt[0]).iter().all(|path| !path.exists()));
}
