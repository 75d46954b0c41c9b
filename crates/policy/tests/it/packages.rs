//! A table: policy and package, and what of the one the other does not meet.

use crate::factory::{at, factory};
use crate::table::{expecting, in_words};
use crate::test_documents::Run;
use bessemer_attest::Role;
use bessemer_attest::verify::Report;

const RECIPES: &str = "https://git.example/recipes";
const FORK: &str = "https://git.example/mallory/recipes";
const MAIN: Option<&str> = Some("refs/heads/main");

/// A policy of one rule for every name, which expects this.
fn one(expect: &str) -> String {
    expecting("packages:\n  - names: [\"*\"]\n", expect)
}

fn options(run: &mut Run) {
    let parameters = &mut run.job_spec.external_parameters;
    parameters.options = vec!["static".to_owned()];
    parameters.extra_repositories = vec!["https://packages.example/main".to_owned()];
}

/// Packages by name.
fn packages() -> Vec<(&'static str, Report)> {
    let factory = factory();
    let all = [Role::Provenance, Role::Test, Role::Sbom];
    let recipe = "hello.yaml";
    let admitted = "https://packages.example/x86_64/hello-2.12-r0.apk";
    vec![
        ("plain", factory.package(|_| {})),
        ("main", factory.package(at(RECIPES, MAIN, recipe))),
        (
            "branch",
            factory.package(at(RECIPES, Some("refs/heads/dev"), recipe)),
        ),
        ("commit", factory.package(at(RECIPES, None, recipe))),
        ("fork", factory.package(at(FORK, MAIN, recipe))),
        (
            "moved",
            factory.package(at(RECIPES, MAIN, "other/hello.yaml")),
        ),
        ("bare", factory.parts(|_| {}, &all[..1], None)),
        ("admitted", factory.parts(|_| {}, &all, Some(admitted))),
        ("parameters", factory.package(options)),
        ("import", factory.import()),
    ]
}

/// Expectations, and for which packages.
const TABLE: &[(&str, &[&str])] = &[
    ("", &["plain", "import"]),
    ("imports: accepted", &["import"]),
    ("imports: refused", &["import", "plain"]),
    (
        "imports: accepted\nmin-level: 1\nmax-age: 90d\nkeys: [$PROVENANCE_KEY]\ntests: required\nsbom: required",
        &["import"],
    ),
    (
        "imports: accepted\nkeys: [$IMPORT_KEY]\nsources:\n  - repository: https://git.example/recipes",
        &["import"],
    ),
    (
        "sources:\n  - repository: https://git.example/recipes",
        &["main", "branch", "commit", "moved", "fork", "plain"],
    ),
    (
        "sources:\n  - repository: https://git.example/recipes\n    refs: [refs/heads/main, refs/tags/*]\n    paths: [hello.yaml]",
        &["main", "branch", "commit", "moved", "fork"],
    ),
    (
        "sources:\n  - repository: https://git.example/recipes\n    refs: [refs/heads/dev]\n    paths: [\"*\"]\n  - repository: https://git.example/recipes\n    refs: [refs/heads/main]\n    paths: [hello.yaml]",
        &["main", "branch", "moved"],
    ),
    (
        "builders: [\"$BASE/builders/local/v1\"]\nkeys: [$PROVENANCE_KEY]",
        &["plain"],
    ),
    (
        "builders: [\"https://factory.example/builders/microvm/v1\"]\nkeys: [$IMAGE_KEY]",
        &["plain"],
    ),
    ("min-level: 1", &["plain"]),
    ("min-level: 2", &["plain", "main"]),
    (
        "network: [none]\naccelerators: [tcg]\nisolation: any",
        &["plain"],
    ),
    (
        "network: [recorded, replay]\naccelerators: [kvm]\nisolation: complete",
        &["plain"],
    ),
    ("parameters: [none]", &["plain", "parameters"]),
    ("parameters: [options, extraRepositories]", &["parameters"]),
    (
        "parameters: [options=static, \"extraRepositories=https://packages.example/*\"]",
        &["parameters"],
    ),
    (
        "parameters: [options=small, options=tiny, debug]",
        &["parameters"],
    ),
    ("tests: required\nsbom: required", &["plain", "bare"]),
    ("tests: optional\nsbom: optional\ngate: optional", &["bare"]),
    ("gate: required", &["plain", "admitted"]),
    (
        "gate-repositories: [https://packages.example]",
        &["plain", "admitted"],
    ),
    (
        "gate-repositories: [https://packages.example/, https://packages.example.evil]",
        &["admitted"],
    ),
    (
        "gate-repositories: [https://packages.exampl, https://staging.example]",
        &["admitted"],
    ),
    ("max-age: 13d", &["plain"]),
    ("max-age: 12d", &["plain"]),
    ("source-level: 0\ninput-source-level: 0", &["main", "plain"]),
];

#[test]
fn what_is_not_met_is_said_in_words() {
    let packages = packages();
    insta::assert_snapshot!(in_words(TABLE, &packages, one));
}

#[test]
fn all_violations_are_told_in_a_fixed_order() {
    let everything = one(
        "sources:\n  - repository: https://git.example/recipes\nbuilders: [\"https://f.example/b/v1\"]\nkeys: [$IMAGE_KEY]\nmin-level: 3\nnetwork: [replay]\naccelerators: [kvm]\nisolation: complete\nparameters: [none]\ntests: required\nsbom: required\ngate: required\nmax-age: 1h",
    );
    let report = factory().parts(options, &[Role::Provenance], None);
    let found = factory().violations(&everything, &report);
    let code = |line: &str| {
        line.rsplit_once('[')
            .unwrap()
            .1
            .trim_end_matches(']')
            .to_owned()
    };
    let codes: Vec<String> = found.lines().map(code).collect();
    assert_eq!(
        codes,
        [
            "new-source",
            "new-builder",
            "new-key",
            "level",
            "network",
            "accelerator",
            "isolation",
            "new-parameter",
            "new-parameter",
            "untested",
            "sbom",
            "gate",
            "age"
        ]
    );
    assert_eq!(found, factory().violations(&everything, &report));
}

/// T25: a genuine package, by a builder that is trusted, of the same recipe in somebody's fork.
#[test]
fn the_same_recipe_from_a_fork_is_refused() {
    let (own, fork) = (
        factory().package(at(RECIPES, MAIN, "hello.yaml")),
        factory().package(at(FORK, MAIN, "hello.yaml")),
    );
    let policy =
        one("sources:\n  - repository: https://git.example/recipes\nmin-level: 1\ntests: required");
    assert_eq!(factory().violations(&policy, &own), "");
    assert_eq!(
        factory().violations(&policy, &fork),
        "policy.yaml:6:23: new source repository: https://git.example/mallory/recipes (the policy knows https://git.example/recipes) [new-source]\n"
    );
}

#[test]
fn control_run_without_an_expectation_of_the_source_a_fork_passes() {
    let fork = factory().package(at(FORK, MAIN, "hello.yaml"));
    let policy = one("min-level: 1\ntests: required");
    assert_eq!(factory().violations(&policy, &fork), "");
}

#[test]
fn the_first_rule_of_a_name_counts_and_defaults_fill_it_up() {
    let report = factory().package(|_| {});
    let policy = |rules: &str| {
        format!(
            "schema: bessemer.policy/v1\ndefaults:\n  min-level: 3\n  network: [replay]\npackages:\n{rules}"
        )
    };
    let exempt = "  - names: [\"hel*\"]\n    expect:\n      min-level: 1\n";
    let general = "  - names: [\"*\"]\n";
    let found = factory().violations(&policy(&[exempt, general].concat()), &report);
    assert_eq!(
        found,
        "policy.yaml:4:13: new network mode: none (the policy knows replay) [network]\n"
    );
    let found = factory().violations(&policy(general), &report);
    assert!(
        found.starts_with("policy.yaml:3:14: level 1, at least 3 is demanded: "),
        "{found}"
    );
}

#[test]
fn a_rule_can_do_without_a_gate_and_without_source_attestations() {
    let report = factory().package(|_| {});
    let text = "schema: bessemer.policy/v1\nsource-verifiers:\n  - id: https://source.example/v1\n    public-key-file: good.pub\ndefaults:\n  gate-repositories: [https://packages.example]\n  source-level: 3\n  source-refs: [refs/heads/main]\npackages:\n  - names: [\"*\"]\n";
    assert_eq!(factory().violations(text, &report).lines().count(), 2);
    let without = format!("{text}    expect: {{gate: optional, source-level: 0}}\n");
    assert_eq!(factory().violations(&without, &report), "");
}

#[test]
fn a_name_without_a_rule_is_new() {
    let report = factory().package(|_| {});
    let found = factory().violations("schema: bessemer.policy/v1\n", &report);
    assert_eq!(
        found,
        "policy.yaml: new package: hello (the policy has no rule for packages) [new-name]\n"
    );
    let text = "schema: bessemer.policy/v1\npackages:\n  - names: [hello-*, helloo]\n";
    let found = factory().violations(text, &report);
    assert_eq!(
        found,
        "policy.yaml:3:13: new package: hello (the policy knows hello-*, helloo) [new-name]\n"
    );
}

#[test]
fn a_build_in_the_future_is_refused() {
    let report = factory().package(|run| {
        run.record.finished_on = "2026-12-05T12:00:01Z".parse().unwrap();
    });
    let found = factory().violations(&one("max-age: 90d"), &report);
    assert!(
        found.contains("which is yet to come: it is 2026-12-05T12:00:00Z [age]"),
        "{found}"
    );
    assert_eq!(factory().violations(&one("min-level: 1"), &report), "");
}

/// What a statement says may be a command to a terminal; a violation is one line.
#[test]
fn nothing_of_a_statement_commands_a_terminal() {
    let mut report = factory().package(|_| {});
    report.package = "x\u{1b}[2J\nPASS".to_owned();
    let found = factory().violations("schema: bessemer.policy/v1\n", &report);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(!found.contains('\u{1b}'), "{found}");
}
