//! What is derived, and what is refused.

use super::*;
use crate::BuilderKind;
use crate::documents::JailChoice;
use crate::documents::{
    Accelerator, AcceleratorChoice, LockKind, LockedCommit, Outcome, TestOutcome, canonical_bytes,
};
use crate::test_documents::{Run, issuer, run};

const BASE: &str = "https://local.bessemer.invalid/0123456789abcdef0123456789abcdef";

fn refusal(change: impl Fn(&mut Run)) -> String {
    let mut run = run();
    change(&mut run);
    Derivation::new(&issuer(BASE), run.evidence())
        .unwrap_err()
        .to_string()
}

#[test]
fn derives_provenance() {
    let (issuer, run) = (issuer(BASE), run());
    let statement = Derivation::new(&issuer, run.evidence())
        .unwrap()
        .provenance()
        .unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&statement).unwrap());
}

#[test]
fn a_git_source_has_commit_and_tree() {
    let (issuer, mut run) = (issuer(BASE), run());
    let (commit, tree) = ("1".repeat(40), "2".repeat(40));
    let source = &mut run.lock.sources[0];
    source.uri = "https://example.test/x.git".to_owned();
    let sha256 = source.sha256.hex();
    source.git = Some(LockedCommit {
        commit: commit.clone(),
        tree: tree.clone(),
    });
    run.reseal();
    let statement = Derivation::new(&issuer, run.evidence())
        .unwrap()
        .provenance()
        .unwrap();
    let statement = serde_json::to_value(statement).unwrap();
    let dependencies = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    let found = dependencies
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["uri"] == "git+https://example.test/x.git")
        .unwrap();
    let expected = serde_json::json!({
        "sha256": sha256, "gitCommit": commit, "gitTree": tree,
    });
    assert_eq!(found["digest"], expected);
}

#[test]
fn environment_files_are_those_that_are_named() {
    let file = run().lock.recipe.clone();
    let (issuer, mut asked) = (issuer(BASE), run());
    asked.lock.environment_files.push(file.clone());
    let parameters = &mut asked.job_spec.external_parameters;
    parameters.environment_files.push(file.path.clone());
    parameters.environment.insert("A".to_owned(), String::new());
    asked.reseal();
    let statement = Derivation::new(&issuer, asked.evidence())
        .unwrap()
        .provenance()
        .unwrap();
    let text = serde_json::to_string(&statement).unwrap();
    assert!(text.contains(r#""environment":{"A":""}"#), "{text}");
    assert!(text.contains(r#""role":"environment-file""#), "{text}");
    for change in [
        (|run: &mut Run| run.lock.environment_files.push(run.lock.recipe.clone())) as fn(&mut Run),
        |run| {
            let parameters = &mut run.job_spec.external_parameters;
            parameters.environment_files.push("other.env".to_owned());
        },
    ] {
        let mut run = run();
        change(&mut run);
        run.reseal();
        let refused = Derivation::new(&issuer, run.evidence()).unwrap_err();
        assert!(
            refused.to_string().contains("environment files"),
            "{refused}"
        );
    }
}

#[test]
fn what_somebody_said_of_the_recipe_is_publishable() {
    let said = |change: fn(&mut crate::documents::Parameters)| {
        let (issuer, mut run) = (issuer(BASE), run());
        change(&mut run.job_spec.external_parameters);
        run.reseal();
        Derivation::new(&issuer, run.evidence()).map(drop)
    };
    said(|parameters| parameters.git_repository_url = Some("https://example.test/os".to_owned()))
        .unwrap();
    let leaking = said(|parameters| {
        parameters.git_repository_url = Some("https://user:word@example.test/os".to_owned());
    });
    assert!(matches!(leaking, Err(DeriveError::Credentials { .. })));
    for change in [
        (|parameters| parameters.namespace = Some("a\nb".to_owned()))
            as fn(&mut crate::documents::Parameters),
        |parameters| parameters.git_commit = Some("\u{1b}[2J".to_owned()),
        |parameters| parameters.recipe_license = Some(String::new()),
        |parameters| {
            let value = "a\nb".to_owned();
            parameters.environment.insert("A".to_owned(), value);
        },
    ] {
        assert!(matches!(said(change), Err(DeriveError::Invalid { .. })));
    }
}

#[test]
fn derives_a_test_result() {
    let (issuer, run) = (issuer(BASE), run());
    let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
    let statement = derivation.test_result(0).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&statement).unwrap());
    assert!(matches!(
        derivation.test_result(1),
        Err(DeriveError::NoOutput(1))
    ));
}

#[test]
fn derives_the_same_bytes_twice() {
    let (issuer, run) = (issuer(BASE), run());
    let bytes = || {
        let statement = Derivation::new(&issuer, run.evidence())
            .unwrap()
            .provenance()
            .unwrap();
        canonical_bytes(&statement).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn embeds_the_sbom_as_an_object() {
    let (issuer, run) = (issuer(BASE), run());
    let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
    let raw = RawValue::from_string(r#"{"spdxVersion": "SPDX-2.3"}"#.to_owned()).unwrap();
    let bytes = canonical_bytes(&derivation.sbom(0, &raw).unwrap()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains(r#""predicate":{"spdxVersion":"SPDX-2.3"}"#),
        "{text}"
    );
}

#[test]
fn an_untested_output_has_no_test_result() {
    let (issuer, mut run) = (issuer(BASE), run());
    let test = &mut run.record.tests[0];
    test.outcome = TestOutcome::Untested;
    (test.lock, test.machine, test.log) = (None, None, None);
    test.steps.clear();
    let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
    assert_eq!(derivation.test_result(0).unwrap(), None);
}

#[test]
fn refuses_runs_that_must_not_be_signed() {
    type Change = fn(&mut Run);
    let cases: [(&str, Change); 7] = [
        ("interactive", |run| run.record.interactive = true),
        ("interactive", |run| run.job_spec.interactive = true),
        ("ended in failure", |run| {
            run.record.outcome = Outcome::Failure;
        }),
        ("ended in failure", |run| {
            run.record.tests[0].outcome = TestOutcome::Failed;
        }),
        ("the number of outputs", |run| run.record.outputs.clear()),
        ("carries credentials", |run| {
            run.lock.sources[0].uri = "https://user:word@example.test/x".to_owned();
            run.reseal();
        }),
        ("is no name of a git object", |run| {
            let (commit, tree) = ("main".to_owned(), "0".repeat(40));
            run.lock.sources[0].git = Some(LockedCommit { commit, tree });
            run.reseal();
        }),
    ];
    for (message, change) in cases {
        let found = refusal(change);
        assert!(found.contains(message), "{found} / {message}");
    }
}

#[test]
fn refuses_documents_that_disagree() {
    type Change = fn(&mut Run);
    let cases: [(&str, Change); 15] = [
        ("the record's job spec", |run| {
            run.job_spec.source_date_epoch += 1;
        }),
        ("the record's lock", |run| run.lock.sources[0].size += 1),
        ("the record's plan", |run| {
            run.record.plan = Digest::of("other");
        }),
        ("the plan among the byproducts", |run| {
            run.record.byproducts.plan = Digest::of("x");
        }),
        ("the kernel of the build VM", |run| {
            run.record.build_machine.kernel = Some(Digest::of("x"));
        }),
        ("the environment disk of the build VM", |run| {
            run.record.build_machine.environment_disk = Digest::of("x");
        }),
        ("the build lock's packages", |run| {
            run.lock.packages[0].from_build = true;
            run.reseal();
        }),
        ("the CPU model", |run| {
            run.record.build_machine.cpu_baseline = "max".to_owned();
        }),
        ("the memory", |run| run.record.build_machine.memory_mib += 1),
        ("the locked recipe", |run| {
            run.job_spec.config_source.sha256 = Digest::of("x");
            run.reseal();
        }),
        ("a test's subject", |run| {
            run.record.tests[0].subject = Digest::of("x");
        }),
        ("the lock or VM of the test", |run| {
            run.record.tests[0].lock = Some(Digest::of("x"));
        }),
        ("the steps of the test", |run| {
            run.record.tests[0].steps[0].status = 1;
        }),
        ("what the test of `hello` installs", |run| {
            run.test_locks[0].packages.pop();
            run.reseal();
        }),
        ("the lock's kind of the test", |run| {
            run.test_locks[0].kind = LockKind::Build;
            run.reseal();
        }),
    ];
    for (message, change) in cases {
        let found = refusal(change);
        assert!(found.contains(message), "{found} / {message}");
    }
}

#[test]
fn asserts_a_provisioned_id_only_under_its_conditions() {
    let mut issuer = issuer("https://factory.example");
    issuer.builder = BuilderKind::Microvm;
    let mut run = run();
    let refusal = |run: &Run| match Derivation::new(&issuer, run.evidence()) {
        Err(DeriveError::Builder { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(refusal(&run).contains("left to chance"));
    run.job_spec.accelerator = AcceleratorChoice::Tcg;
    run.reseal();
    assert!(refusal(&run).contains("asked for is `tcg`, not `kvm`"));
    run.job_spec.accelerator = AcceleratorChoice::Kvm;
    run.record.build_machine.accelerator = Accelerator::Kvm;
    run.record.tests[0].machine.as_mut().unwrap().accelerator = Accelerator::Kvm;
    run.reseal();
    assert!(refusal(&run).contains("`auto`, not `host`"));
    run.job_spec.jail = JailChoice::Host;
    run.reseal();
    assert!(refusal(&run).contains("not at a clean commit"));
    let source = &mut run.job_spec.config_source;
    source.repository = Some("https://example.test/recipes".to_owned());
    source.reference = Some("refs/heads/main".to_owned());
    source.commit = Some("0123456789012345678901234567890123456789".to_owned());
    run.reseal();
    assert!(refusal(&run).contains("jail layers were missing: uid"));
    for whole in [false, true] {
        let test = run.record.tests[0].machine.as_mut().unwrap();
        for jail in [&mut run.record.build_machine.jail, &mut test.jail] {
            jail.missing.clear();
            if whole {
                jail.applied = HOST_LAYERS.map(str::to_owned).into();
            }
        }
        run.reseal();
        if !whole {
            // Layers that nobody speaks of are no layers.
            assert!(refusal(&run).contains("own-uid, user-namespace"));
        }
    }
    run.record.build_machine.jail.profile = "direct".to_owned();
    assert!(refusal(&run).contains("was `direct`"));
    run.record.build_machine.jail.profile = "host".to_owned();
    let statement = Derivation::new(&issuer, run.evidence())
        .unwrap()
        .provenance()
        .unwrap();
    let id = &statement.predicate.run_details.builder.id;
    assert_eq!(id, "https://factory.example/builders/microvm/v1");
}
