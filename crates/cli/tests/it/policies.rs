//! `bessemer verify --policy`: whole commands on a package that a factory of the test's own attests. Needs
//! no guest. What each prints is in `policies/*.txt`, and `docs/policy.md` shows it.

mod factory;

use bessemer_testkit::{FileServer, Filter, Outcome, Workshop, compare};
use factory::{Factory, RECIPES, write_image};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const PACKAGE: &str = "layout-2.4-r1.apk";

fn bessemer(words: &[&str], workshop: &Workshop) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
    command
        .env_clear()
        .env("HOME", workshop.path())
        .env("COLUMNS", "100")
        .current_dir(workshop.path())
        .args(words);
    Outcome::of(&mut command, Duration::from_secs(60))
}

fn verify(words: &[&str], workshop: &Workshop) -> Outcome {
    let words = [
        &["verify", PACKAGE, "--trust-root", "trust-root.json"],
        words,
    ]
    .concat();
    bessemer(&words, workshop)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/policies")
}

fn filtered(text: &str) -> String {
    let text = Filter::new().apply(text).replace("[HEX]", "…");
    text.replace("……", "…")
}

/// Runs it and compares what it prints with a file.
fn transcript(name: &str, words: &[&str], status: i32, workshop: &Workshop) -> String {
    let outcome = verify(words, workshop);
    outcome.expect(status);
    let words = words.join(" ");
    let text =
        format!("$ bessemer verify {PACKAGE} --trust-root trust-root.json {words}\n{outcome}");
    let text = filtered(&text);
    compare(&folder().join(format!("{name}.txt")), &text);
    outcome.stderr + &outcome.stdout
}

/// The policies of the page, in its order; `$BASE` is what the factory is called.
fn steps(factory: &Factory) -> Vec<(String, String)> {
    let mut names = crate::commands::names(&folder(), ".yaml");
    names.retain(|name| name.starts_with("step-"));
    let text = |name: &String| {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        text.replace("$BASE", &factory.root.base)
    };
    names
        .iter()
        .map(|name| (name.clone(), text(name)))
        .collect()
}

#[test]
fn from_an_empty_policy_to_a_strict_one() {
    let workshop = Workshop::new();
    let factory = Factory::write(&workshop, RECIPES);
    workshop.file("source.pub", factory.source_key.public().to_pem());
    let statuses = [1, 1, 0, 0, 0, 1, 1];
    let steps = steps(&factory);
    assert_eq!(steps.len(), statuses.len());
    for ((name, text), status) in steps.iter().zip(statuses) {
        workshop.file("policy.yaml", text);
        let name = name.trim_end_matches(".yaml");
        transcript(name, &["--policy", "policy.yaml"], status, &workshop);
    }
    workshop.file("source.jsonl", factory.source_attestation(3));
    let words = [
        "--policy",
        "policy.yaml",
        "--source-attestations",
        "source.jsonl",
    ];
    transcript("step-7", &words, 0, &workshop);
    // A lower level than the policy demands, and what is no envelope.
    workshop.file("source.jsonl", factory.source_attestation(2));
    transcript("lower-source-level", &words, 1, &workshop);
    workshop.file("source.jsonl", "{}\n");
    transcript("no-source-attestation", &words, 1, &workshop);
}

/// T25 as whole commands, with its control run: the same file without the expectation of its source.
#[test]
fn a_fork_is_refused_by_the_policy_and_passes_without_one() {
    let workshop = Workshop::new();
    let factory = Factory::write(&workshop, "https://git.example/mallory/recipes");
    verify(&[], &workshop).expect(0);
    for (name, text) in steps(&factory) {
        workshop.file(&name, text);
    }
    verify(&["--policy", "step-2.yaml"], &workshop).expect(0);
    transcript("fork", &["--policy", "step-3.yaml"], 1, &workshop);
}

#[test]
fn programs_are_told_violations_with_codes_and_places() {
    let workshop = Workshop::new();
    let factory = Factory::write(&workshop, RECIPES);
    workshop.file("source.pub", factory.source_key.public().to_pem());
    let steps = steps(&factory);
    let told = |policy: &str, status: i32| -> Value {
        workshop.file("policy.yaml", policy);
        let outcome = verify(&["--policy", "policy.yaml", "--json"], &workshop);
        outcome.expect(status);
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let met = told(&steps[4].1, 0);
    assert_eq!(
        (&met["result"], &met["violations"]),
        (&"PASS".into(), &serde_json::json!([]))
    );
    assert_eq!(met["policy"]["file"], "policy.yaml");
    assert_eq!(met["report"]["package"], "layout");
    let refused = told(&steps[5].1, 1);
    assert_eq!(refused["result"], "FAIL");
    assert_eq!(refused["report"]["package"], "layout");
    let violations = refused["violations"].as_array().unwrap();
    let codes: Vec<&str> = violations
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["level", "isolation", "gate"]);
    for one in violations {
        assert_eq!(one["place"]["file"], "policy.yaml");
        assert!(one["place"]["line"].as_u64().unwrap() > 1, "{one}");
        assert!(!one["text"].as_str().unwrap().is_empty());
    }
}

/// Flags demand what they demanded; the stricter of both counts.
#[test]
fn a_policy_takes_nothing_away_from_flags() {
    let workshop = Workshop::new();
    let factory = Factory::write(&workshop, RECIPES);
    workshop.file("policy.yaml", &steps(&factory)[2].1);
    let policy = ["--policy", "policy.yaml"];
    for (words, reason) in [
        (&["--min-level", "2"][..], "level 2 is demanded"),
        (&["--require-gate"], "no verification summary of a gate"),
    ] {
        let refused = verify(&[&policy, words].concat(), &workshop);
        refused.expect(1);
        assert!(refused.stderr.contains(reason), "{refused}");
    }
    // And the other way round.
    let text = "schema: bessemer.policy/v1\npackages:\n  - names: [layout]\n    expect: {min-level: 2, tests: optional}\n";
    workshop.file("policy.yaml", text);
    let refused = verify(&[&policy[..], &["--min-level", "1"]].concat(), &workshop);
    refused.expect(1);
    assert!(
        refused
            .stderr
            .contains("policy.yaml:4:25: level 1, at least 2"),
        "{refused}"
    );
    std::fs::rename(
        workshop.at("untested.jsonl"),
        workshop.at(&format!("{PACKAGE}.intoto.jsonl")),
    )
    .unwrap();
    let refused = verify(&policy, &workshop);
    assert!(
        refused.stderr.contains("no passing test result"),
        "{refused}"
    );
    let refused = verify(&[&policy[..], &["--allow-untested"]].concat(), &workshop);
    assert!(!refused.stderr.contains("passing test"), "{refused}");
}

#[test]
fn a_policy_to_begin_with_accepts_what_it_was_made_of() {
    let workshop = Workshop::new();
    let _factory = Factory::write(&workshop, RECIPES);
    let printed = transcript("print-policy", &["--print-policy"], 0, &workshop);
    workshop.file("policy.yaml", printed);
    verify(&["--policy", "policy.yaml"], &workshop).expect(0);
    let both = bessemer(
        &[
            "verify",
            PACKAGE,
            PACKAGE,
            "--trust-root",
            "trust-root.json",
            "--print-policy",
        ],
        &workshop,
    );
    both.expect(2);
    assert!(
        both.stderr.contains("--print-policy is about one package"),
        "{both}"
    );
}

#[test]
fn mistakes_in_a_policy_are_shown_where_they_are() {
    let workshop = Workshop::new();
    let _factory = Factory::write(&workshop, RECIPES);
    let text = "schema: bessemer.policy/v1\npackages:\n  - names: [layout]\n    expect:\n      netwrok: [none]\n";
    workshop.file("policy.yaml", text);
    transcript("unknown-key", &["--policy", "policy.yaml"], 1, &workshop);
    transcript("no-policy", &["--policy", "missing.yaml"], 1, &workshop);
    workshop.file("policy.yaml", b"schema: \xff");
    transcript("no-text", &["--policy", "policy.yaml"], 1, &workshop);
    let text = "schema: bessemer.policy/v1\nsource-verifiers:\n  - id: https://source.example/v1\n    public-key-file: source.pub\n";
    workshop.file("policy.yaml", text);
    transcript("no-key-file", &["--policy", "policy.yaml"], 1, &workshop);
    transcript(
        "attestations-alone",
        &["--source-attestations", "x"],
        2,
        &workshop,
    );
}

#[test]
fn images_are_held_against_rules_for_their_names() {
    let workshop = Workshop::new();
    let server = FileServer::start(&workshop.folder("registry"));
    write_image(&workshop, &server.host(), "team/app");
    let image = format!("{}/team/app:1", server.host());
    let verify = |policy: &str, words: &[&str]| {
        workshop.file("policy.yaml", policy);
        let command = ["image", "verify", &image, "--trust-root", "trust-root.json"];
        let policy = ["--policy", "policy.yaml"];
        bessemer(&[&command[..], &policy, words].concat(), &workshop)
    };
    let rule = |name: &str, expect: &str| {
        format!(
            "schema: bessemer.policy/v1\nimages:\n  - names: [\"{name}\"]\n    expect: {{{expect}}}\n"
        )
    };
    let met = verify(&rule("*/team/app", "imports: accepted, min-level: 1"), &[]);
    met.expect(0);
    assert!(
        met.stdout
            .ends_with("policy: all that policy.yaml expects holds\n"),
        "{met}"
    );
    let refused = verify(&rule("*/team/app", "min-level: 2"), &[]);
    refused.expect(1);
    assert_eq!(refused.stdout, "");
    // Of the index and its two images once.
    let expected = [
        "policy.yaml:4:25: level 1, at least 2 is demanded",
        "policy.yaml:3:13: 1 of its packages were imported",
    ];
    let lines: Vec<&str> = refused.stderr.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{refused}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(
            line.contains(&format!("FAIL docker://{image}: ")),
            "{refused}"
        );
        assert!(line.contains(expected), "{refused}");
    }
    let refused = verify(&rule("registry.example.com/*", ""), &["--json"]);
    refused.expect(1);
    let told: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!(told["result"], "FAIL");
    let violations = told["violations"].as_array().unwrap();
    assert_eq!(violations.len(), 1, "{told}");
    assert!(
        violations.iter().all(|one| one["code"] == "new-name"),
        "{told}"
    );
    // What flags refuse, no policy accepts.
    let refused = verify(&rule("*", "imports: accepted"), &["--refuse-imports"]);
    refused.expect(1);
    assert!(
        refused.stderr.contains("imported from a distribution"),
        "{refused}"
    );
}

/// The page has every policy and what is printed, to the letter.
#[test]
fn the_page_shows_what_is_printed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policy.md");
    let page = std::fs::read_to_string(page).unwrap();
    let names = crate::commands::names(&folder(), "");
    let shown = |name: &&String| {
        name.starts_with("step-") || *name == "fork.txt" || *name == "print-policy.txt"
    };
    let names: Vec<_> = names.iter().filter(shown).collect();
    assert!(names.len() > 14, "{names:?}");
    for name in names {
        let text = std::fs::read_to_string(folder().join(name)).unwrap();
        let text = text.replace("$BASE", "https://local.bessemer.invalid/…");
        for part in text
            .lines()
            .filter(|line| !line.starts_with("exit status") && !line.starts_with("---"))
        {
            assert!(
                page.contains(part),
                "docs/policy.md does not show {name}: {part}"
            );
        }
    }
}
