//! The kernel that `kernel/bessemer-kernel.yaml` makes: what runs on it, and what is said of it.

use crate::commands::{ARCH, bessemer, run};
use crate::fixture::{tiny, trust_root};
use bessemer_digest::Digest;
use bessemer_testkit::{Workshop, variable};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A command on these repositories: the kernel of our own first.
fn on_own_kernel(words: &[&str]) -> Command {
    let mut command = bessemer();
    command.args(words);
    for (repository, key) in [
        ("BESSEMER_TEST_OWN_KERNEL", "BESSEMER_TEST_OWN_KERNEL_KEY"),
        ("BESSEMER_TEST_TOOLS", "BESSEMER_TEST_TOOLS_KEY"),
    ] {
        command.arg("-r").arg(variable(repository));
        command.arg("-k").arg(variable(key));
    }
    command
}

fn info(words: &[&str], status: i32) -> Value {
    let mut command = on_own_kernel(&["kernel", "info", "--json"]);
    let outcome = run(command.args(words));
    outcome.expect(status);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn software_that_needs_privilege_builds_and_tests_on_it() {
    let workshop = Workshop::new();
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/privileged/privileged.yaml");
    let recipe = workshop.file("privileged/privileged.yaml", fs::read(example).unwrap());
    let out = workshop.at("packages");
    let mut command = on_own_kernel(&["build"]);
    command.arg(recipe).arg("--out-dir").arg(&out);
    let outcome = run(&mut command);
    outcome.expect(0);
    assert!(
        outcome.stdout.contains("privileged-1.0.0-r0.apk  passed"),
        "{outcome}"
    );
    let said = fs::read_to_string(
        out.join(ARCH)
            .join("privileged-1.0.0-r0.environment.intoto.jsonl"),
    );
    assert!(said.unwrap().contains("payload"));
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn info_says_what_would_boot_and_what_that_is_worth() {
    let own = info(&[], 0);
    assert_eq!(own["package"]["name"], "bessemer-kernel");
    assert_eq!(own["report"]["origin"]["built"]["accelerator"], "direct");
    let environment = &own["build_environment"];
    assert_eq!(environment["level"], 0);
    let reasons = environment["why_not_higher"].to_string();
    for reason in ["without a machine", "level 1; 2 is needed", "the agent"] {
        assert!(reasons.contains(reason), "{reasons}");
    }
    let boot = variable("BESSEMER_TEST_OWN_BOOT");
    let image = fs::read(boot.join(own["descriptor"]["image"].as_str().unwrap())).unwrap();
    assert_eq!(own["kernel"], Digest::of(image).to_string());
    // Of somebody else's keys it proves nothing.
    let stranger = Workshop::new();
    let mut root: Value = serde_json::from_slice(&fs::read(trust_root()).unwrap()).unwrap();
    let keys = root["keys"].as_array_mut().unwrap();
    keys.retain(|key| key["role"] != "provenance" && key["role"] != "import");
    let root = stranger.file("trust-root.json", root.to_string());
    let unproven = info(&["--trust-root", root.to_str().unwrap()], 1);
    assert!(unproven["not_verified"].is_string(), "{unproven}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_gate_speaks_of_every_environment_before_it_starts() {
    let folder = &tiny().builds[0];
    let summary = folder.join("tiny-1.0.0-r0.environment.intoto.jsonl");
    let line = fs::read_to_string(summary).unwrap();
    let digest = Digest::of(line.trim_end()).hex();
    let sidecar = fs::read_to_string(folder.join("tiny-1.0.0-r0.apk.intoto.jsonl")).unwrap();
    let mut said = crate::direct::statements(&sidecar).map(|one| one.to_string());
    assert!(
        said.any(|text| text.contains(&digest)),
        "provenance names the gate's summary"
    );
}
