//! `--accelerator direct`: the same packages without a machine, and no claim that there was one.

use crate::commands::{ARCH, build, run, verify};
use crate::fixture::{FILES, recipe, tiny, trust_root};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_testkit::Workshop;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The statements in the envelopes of a sidecar.
pub(crate) fn statements(sidecar: &str) -> impl Iterator<Item = Value> {
    sidecar.lines().map(|line| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let payload = envelope["payload"].as_str().unwrap();
        let bytes = STANDARD.decode(payload).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    })
}

/// The predicate of the provenance beside a package.
pub(crate) fn provenance(package: &Path) -> Value {
    let beside = format!("{}.intoto.jsonl", package.display());
    let text = fs::read_to_string(beside).unwrap();
    let mut provenance = statements(&text).filter(|statement| {
        statement["predicateType"]
            .as_str()
            .unwrap()
            .contains("provenance")
    });
    provenance.next().unwrap()["predicate"].clone()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_direct_runner_makes_the_same_packages_and_says_that_it_did() {
    let workshop = Workshop::new();
    let copy = workshop.file("tiny/tiny.yaml", fs::read(recipe()).unwrap());
    let out = workshop.at("packages");
    let mut command = build(&copy, &out);
    run(command.args(["--accelerator", "direct"])).expect(0);
    for file in FILES {
        let (direct, guest) = (out.join(ARCH).join(file), tiny().builds[0].join(file));
        assert_eq!(
            fs::read(&direct).unwrap(),
            fs::read(guest).unwrap(),
            "{file}"
        );
        let said = provenance(&direct);
        let internal = &said["buildDefinition"]["internalParameters"];
        assert_eq!(internal["accelerator"], "direct");
        assert_eq!(internal["machine"], "direct");
        assert_eq!(internal["isolation"]["jailProfile"], "direct");
        assert!(
            internal["isolation"]["hostKernel"].is_string(),
            "{internal}"
        );
        let text = said.to_string();
        assert!(
            !text.contains("\"kernel\"") && !text.contains("qemu"),
            "{text}"
        );
        let guest = provenance(&tiny().builds[0].join(file)).to_string();
        assert!(
            guest.contains("\"kernel\"") && guest.contains("qemu"),
            "{guest}"
        );
    }
    // Level 1 is the most there is for it.
    let package = out.join(ARCH).join(FILES[0]);
    for (level, status) in [("1", 0), ("2", 1)] {
        let mut command = verify(&package, trust_root());
        run(command.args(["--min-level", level])).expect(status);
    }
}
