//! The agent that `release/bessemer-agent.yaml` makes: guests boot it, and provenance leads on to where
//! it came from.

use crate::commands::{ARCH, bessemer, build, run};
use crate::direct::provenance;
use crate::fixture::{FILES, recipe, tiny};
use bessemer_testkit::{Workshop, variable};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// A command to which the agent's repository is named too.
fn with_agent(mut command: Command) -> Command {
    command.arg("-r").arg(variable("BESSEMER_TEST_RELEASE"));
    command.arg("-k").arg(variable("BESSEMER_TEST_RELEASE_KEY"));
    command
}

fn info(packaged: bool) -> Value {
    let mut command = bessemer();
    command.args(["kernel", "info", "--json"]);
    command.arg("-r").arg(variable("BESSEMER_TEST_REPOSITORY"));
    command.arg("-k").arg(variable("BESSEMER_TEST_KEY"));
    let mut command = if packaged {
        with_agent(command)
    } else {
        command
    };
    let outcome = run(&mut command);
    outcome.expect(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn guests_boot_the_agent_of_a_package_and_provenance_names_it() {
    let (own, packaged) = (info(false), info(true));
    assert!(own.get("agent_package").is_none(), "{own}");
    assert_ne!(own["agent"], packaged["agent"]);
    assert_eq!(packaged["agent_package"]["name"], "bessemer-agent");
    assert_eq!(packaged["agent_report"]["origin"]["built"]["level"], 1);
    let reasons = |info: &Value| info["build_environment"]["why_not_higher"].to_string();
    assert!(reasons(&own).contains("a program of this host"), "{own}");
    assert!(
        reasons(&packaged).contains("the agent was built without a machine"),
        "{packaged}"
    );

    let workshop = Workshop::new();
    let copy = workshop.file("tiny/tiny.yaml", fs::read(recipe()).unwrap());
    let out = workshop.at("packages");
    run(&mut with_agent(build(&copy, &out))).expect(0);
    let package = out.join(ARCH).join(FILES[0]);
    let statement = provenance(&package);
    let dependencies = &statement["buildDefinition"]["resolvedDependencies"];
    let dependencies = dependencies.as_array().unwrap();
    let with_role = |role: &str| {
        let found = dependencies
            .iter()
            .filter(|one| one["annotations"]["role"] == role);
        found.collect::<Vec<_>>()
    };
    let digest = |of: &Value| format!("sha256:{}", of["digest"]["sha256"].as_str().unwrap());
    let [agent] = with_role("agent-package")[..] else {
        panic!("{dependencies:?}");
    };
    assert_eq!(digest(agent), packaged["agent_package"]["sha256"]);
    assert!(agent["annotations"]["attestation"].is_string(), "{agent}");
    let booted = with_role("boot");
    let booted = booted.iter().find(|one| one["name"] == "agent").unwrap();
    assert_eq!(digest(booted), packaged["agent"]);
    // Who runs the steps does not change what they make.
    let other = tiny().builds[0].join(FILES[0]);
    assert_eq!(fs::read(package).unwrap(), fs::read(other).unwrap());
}
