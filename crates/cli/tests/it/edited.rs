//! A recipe that is edited in the guest, after it was read: provenance, package and result are those
//! of the recipe that the control side read. A recorder that asked the guest would say otherwise.

use crate::commands::{ARCH, build, run};
use crate::direct::statements;
use bessemer_digest::Digest;
use bessemer_testkit::Workshop;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The recipe lies among the sources of its own build, as it does for whoever builds in a checkout.
/// Its step edits that copy and forges what a package says of its recipe; the edited copy is shipped.
const STEP: &str = "test -f edited.yaml
      sed -i 's/ORIGINAL/EDITED/; s/version: 1.0.0/version: 6.6.6/' edited.yaml
      mkdir -p \"${{targets.destdir}}/usr/share\"
      cp edited.yaml \"${{targets.destdir}}/usr/share/copy.yaml\"
      cp edited.yaml \"${{targets.destdir}}/usr/share/.melange.yaml\"
      echo ORIGINAL > \"${{targets.destdir}}/usr/share/word\"";

/// Builds it; the recipe's bytes, and the package.
fn built(workshop: &Workshop) -> (Vec<u8>, PathBuf) {
    let text = format!(
        "package:\n  name: edited\n  version: 1.0.0\n  epoch: 0\n  description: ORIGINAL\n  \
         copyright:\n    - license: Apache-2.0\nenvironment:\n  contents:\n    packages:\n      - \
         busybox\npipeline:\n  - runs: |\n      {STEP}\n"
    );
    let recipe = workshop.file("tree/edited.yaml", &text);
    let out = workshop.at("packages");
    let mut command = build(&recipe, &out);
    run(command.arg("--source-dir").arg(workshop.at("tree"))).expect(0);
    (
        text.into_bytes(),
        out.join(ARCH).join("edited-1.0.0-r0.apk"),
    )
}

/// What `resolvedDependencies` has of the recipe.
fn recorded_digests(package: &Path) -> Vec<String> {
    let sidecar = fs::read_to_string(format!("{}.intoto.jsonl", package.display())).unwrap();
    let provenance = statements(&sidecar).find(|statement| {
        statement["predicateType"]
            .as_str()
            .unwrap()
            .contains("provenance")
    });
    let predicate = provenance.unwrap()["predicate"].clone();
    let dependencies = &predicate["buildDefinition"]["resolvedDependencies"];
    let all = dependencies.as_array().unwrap().iter();
    let of_recipe = all.filter(|one| one["annotations"]["role"] == "recipe");
    let digest = |one: &Value| one["digest"]["sha256"].as_str().unwrap().to_owned();
    of_recipe.map(digest).collect()
}

fn member(package: &Path, name: &str) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["-xzOf"])
        .arg(package)
        .arg(name)
        .output()
        .unwrap();
    assert!(!output.stdout.is_empty(), "no {name}");
    output.stdout
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_recipe_that_its_own_step_edits_is_recorded_as_it_was_read() {
    let workshop = Workshop::new();
    let (text, package) = built(&workshop);
    // The edit took place, in the guest alone.
    let copy = member(&package, "usr/share/copy.yaml");
    assert!(String::from_utf8_lossy(&copy).contains("version: 6.6.6"));
    assert!(fs::read(workshop.at("tree/edited.yaml")).unwrap() == text);
    assert_eq!(recorded_digests(&package), [Digest::of(&text).hex()]);
    for (name, lines) in [
        (
            ".melange.yaml",
            ["\"version\": \"1.0.0\"", "\"description\": \"ORIGINAL\""],
        ),
        (".PKGINFO", ["pkgver = 1.0.0-r0", "pkgdesc = ORIGINAL"]),
    ] {
        let said = String::from_utf8(member(&package, name)).unwrap();
        assert!(
            lines.iter().all(|line| said.contains(line)),
            "{name}: {said}"
        );
    }
}

/// A recorder that reads the recipe where the step left it, and so on the word of the guest.
fn recorded_by_the_guest(package: &Path) -> Vec<String> {
    vec![Digest::of(member(package, "usr/share/copy.yaml")).hex()]
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_a_recorder_that_asks_the_guest_records_the_edited_recipe() {
    let workshop = Workshop::new();
    let (text, package) = built(&workshop);
    let believed = recorded_by_the_guest(&package);
    assert_ne!(believed, [Digest::of(&text).hex()]);
    let edited = String::from_utf8(text).unwrap();
    let edited = edited
        .replacen("description: ORIGINAL", "description: EDITED", 1)
        .replacen("version: 1.0.0", "version: 6.6.6", 1);
    // Each line of the step that has one of the words is edited, too.
    let edited = edited
        .replacen("s/ORIGINAL/EDITED", "s/EDITED/EDITED", 1)
        .replacen("echo ORIGINAL", "echo EDITED", 1)
        .replacen("s/version: 1.0.0", "s/version: 6.6.6", 1);
    assert_eq!(believed, [Digest::of(edited.as_bytes()).hex()]);
}
