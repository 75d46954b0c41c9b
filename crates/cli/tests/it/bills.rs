//! Bills of material, read by the validators of others.

use crate::image::{command, workshop};
use bessemer_testkit::{Outcome, variable};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// A file, a place in it (RFC 6901), and what is put there.
const CHANGES: [(&str, &str, &str); 4] = [
    (
        "sbom-x86_64.spdx.json",
        "/packages/0/downloadLocation",
        "nowhere",
    ),
    (
        "sbom-index.spdx.json",
        "/relationships/0/relatedSpdxElement",
        "SPDXRef-nobody",
    ),
    ("sbom-x86_64.cdx.json", "/components/0/type", "thing"),
    ("sbom-index.cdx.json", "/metadata/component/type", "thing"),
];

fn validate(files: &[&Path]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bills.py");
    Command::new("python3")
        .arg(script)
        .args(files)
        .env("PYTHONPATH", variable("BESSEMER_TEST_BILLS"))
        .output()
        .unwrap()
}

#[test]
#[ignore = "needs validators from PyPI: run through cargo xtask test"]
fn other_implementations_take_an_images_bills_of_material() {
    let workshop = workshop();
    let words = "image build own/small.yaml team/app:1 app.tar --sbom-formats spdx,cyclonedx";
    let words: Vec<&str> = words.split(' ').collect();
    Outcome::of(&mut command(&words, &workshop), Duration::from_secs(60)).expect(0);
    let names = ["x86_64", "aarch64", "index"].into_iter();
    let names =
        names.flat_map(|name| ["spdx", "cdx"].map(|kind| format!("sbom-{name}.{kind}.json")));
    let paths: Vec<_> = names.map(|name| workshop.at(&name)).collect();
    let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    let valid = validate(&paths);
    let said = String::from_utf8_lossy(&valid.stderr);
    assert!(valid.status.success(), "{said}");
    for (file, place, value) in CHANGES {
        let path = workshop.at(file);
        let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        *document.pointer_mut(place).unwrap() = json!(value);
        let changed = workshop.file(&format!("changed/{file}"), document.to_string());
        let refused = validate(&[&changed]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(3), "{place} of {file}: {said}");
        assert!(said.contains(value), "{said}");
    }
}
