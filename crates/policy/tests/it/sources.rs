//! Source attestations: a summary of the SLSA Source track, and each way in which it is none for a commit.

use crate::factory::{at, factory, no_files};
use crate::test_documents::Run;
use crate::test_keys::TestKey;
use bessemer_attest::Envelope;
use bessemer_attest::documents::{LockedCommit, LockedSource};
use bessemer_digest::Digest;
use bessemer_policy::{
    Policy, SOURCE_ENVELOPES_LIMIT, SourceAttestations, SourceAttestationsError, SourceEvidence,
};
use bessemer_yaml::SourceFile;
use serde_json::{Value, json};
use std::fmt::Write as _;

const ID: &str = "https://source.example/verifier/v1";
const RECIPES: &str = "https://git.example/recipes";

/// A policy that knows one verifier, by this key, and expects this of every package.
pub(crate) fn policy(key: &TestKey, expect: &str) -> Policy {
    written(key, "", expect)
}

fn written(key: &TestKey, verifier: &str, expect: &str) -> Policy {
    let mut pem = String::new();
    for line in key.public().to_pem().lines() {
        writeln!(pem, "      {line}").unwrap();
    }
    let text = format!(
        "schema: bessemer.policy/v1\nsource-verifiers:\n  - id: {ID}\n    public-key: |\n{pem}{verifier}packages:\n  - names: [\"*\"]\n    expect: {{{expect}}}\n"
    );
    Policy::parse(&SourceFile::new("policy.yaml", text), &no_files).unwrap()
}

/// A summary as a source control system makes it.
fn summary(repository: &str, commit: &str, level: u8) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{
            "uri": format!("{repository}/commit/{commit}"),
            "digest": {"gitCommit": commit},
            "annotations": {"sourceRefs": ["refs/heads/main"]},
        }],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": ID},
            "timeVerified": "2026-11-20T00:00:00Z",
            "resourceUri": format!("git+{repository}"),
            "policy": {"uri": "https://source.example/policy"},
            "verificationResult": "PASSED",
            "verifiedLevels": [format!("SLSA_SOURCE_LEVEL_{level}"), "ORG_SOURCE_REVIEWED"],
            "somethingNew": {},
        },
    })
}

fn given(key: &TestKey, summaries: &[Value]) -> SourceAttestations {
    let mut lines = Vec::new();
    for one in summaries {
        let envelope = Envelope::seal(one.to_string().as_bytes(), key).unwrap();
        lines.extend(envelope.to_line().unwrap());
        lines.extend(b"\n\n");
    }
    let mut given = SourceAttestations::default();
    given.read(&lines).unwrap();
    given
}

fn commit() -> String {
    "c0".repeat(20)
}

fn recipe(run: &mut Run) {
    at(RECIPES, Some("refs/heads/main"), "hello.yaml")(run);
}

fn found(policy: &Policy, key: &TestKey, summaries: &[Value]) -> String {
    let report = factory().package(recipe);
    let evidence = SourceEvidence::of(policy, &given(key, summaries));
    factory().judged(policy, &report, &evidence)
}

#[test]
fn a_summary_vouches_for_its_commit_up_to_its_level() {
    let key = TestKey::generate();
    for (level, demanded, passes) in [(3, 3, true), (4, 1, true), (2, 3, false), (1, 4, false)] {
        let policy = policy(&key, &format!("source-level: {demanded}"));
        let said = found(&policy, &key, &[summary(RECIPES, &commit(), level)]);
        assert_eq!(said.is_empty(), passes, "{said}");
        if !passes {
            let part = format!("gives it Source level {level}");
            assert!(said.contains(&part), "{said}");
        }
    }
    // The better of two counts; forges serve a repository with and without `.git`.
    let policy = policy(&key, "source-level: 3");
    let git = format!("{RECIPES}.git");
    let two = [summary(RECIPES, &commit(), 1), summary(&git, &commit(), 3)];
    assert_eq!(found(&policy, &key, &two), "");
}

/// Each change, and what is said of it.
#[test]
fn whatever_else_it_says_vouches_for_nothing() {
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 11] = [
        ("another verifier's id", |one| {
            one["predicate"]["verifier"]["id"] = "https://other.example".into();
        }),
        ("another repository", |one| {
            one["predicate"]["resourceUri"] = "git+https://git.example/mallory/recipes".into();
        }),
        ("a repository without git+", |one| {
            one["predicate"]["resourceUri"] = RECIPES.into();
        }),
        ("failed", |one| {
            one["predicate"]["verificationResult"] = "FAILED".into();
        }),
        ("a word that is no verdict", |one| {
            one["predicate"]["verificationResult"] = "passed".into();
        }),
        ("no level", |one| {
            one["predicate"]["verifiedLevels"] = json!([]);
        }),
        ("a Build level", |one| {
            one["predicate"]["verifiedLevels"] = json!(["SLSA_BUILD_LEVEL_3"]);
        }),
        ("another commit", |one| {
            one["subject"][0]["digest"]["gitCommit"] = "d".repeat(40).into();
        }),
        ("the commit under another name", |one| {
            one["subject"][0]["digest"] = json!({"sha1": commit()});
        }),
        ("provenance", |one| {
            one["predicateType"] = "https://slsa.dev/provenance/v1".into();
        }),
        ("an older statement", |one| {
            one["_type"] = "https://in-toto.io/Statement/v0.1".into();
        }),
    ];
    let key = TestKey::generate();
    let policy = policy(&key, "source-level: 2");
    let mut text = String::new();
    for (name, change) in changes {
        let mut one = summary(RECIPES, &commit(), 3);
        change(&mut one);
        let said = found(&policy, &key, &[one]);
        assert!(said.contains("[source-level]"), "{name}: {said}");
        write!(text, "{name}\n  {said}").unwrap();
    }
    // Control run: unchanged, it does.
    assert_eq!(found(&policy, &key, &[summary(RECIPES, &commit(), 3)]), "");
    insta::assert_snapshot!(text);
}

#[test]
fn another_key_or_none_vouches_for_nothing() {
    let (key, stranger) = (TestKey::generate(), TestKey::generate());
    let policy = policy(&key, "source-level: 1");
    let own = summary(RECIPES, &commit(), 3);
    let said = found(&policy, &stranger, &[own]);
    assert!(
        said.contains("1 of them are no summaries that a verifier of the policy signed"),
        "{said}"
    );
    let said = found(&policy, &key, &[]);
    assert_eq!(
        said,
        format!(
            "policy.yaml:11:28: nobody vouches for commit {} of {RECIPES} at Source level 1: no source attestation was given [source-level]\n",
            commit()
        )
    );
    // A package of which no commit is known.
    let plain = factory().package(|_| {});
    let evidence = SourceEvidence::of(&policy, &given(&key, &[summary(RECIPES, &commit(), 3)]));
    let said = factory().judged(&policy, &plain, &evidence);
    assert!(
        said.contains("provenance names no commit of the recipe"),
        "{said}"
    );
}

#[test]
fn a_verifier_speaks_of_the_repositories_that_it_may() {
    let key = TestKey::generate();
    for (pattern, passes) in [
        ("https://git.example/*", true),
        ("https://git.example/x*", false),
    ] {
        let verifier = format!("    repositories: [\"{pattern}\"]\n");
        let policy = written(&key, &verifier, "source-level: 3");
        let said = found(&policy, &key, &[summary(RECIPES, &commit(), 3)]);
        assert_eq!(said.is_empty(), passes, "{said}");
        assert!(passes || said.contains("does not let"), "{said}");
    }
}

#[test]
fn the_commit_must_have_been_on_a_ref_where_one_is_demanded() {
    let key = TestKey::generate();
    for (refs, passes) in [("refs/heads/main", true), ("refs/heads/release-*", false)] {
        let policy = policy(&key, &format!("source-refs: [\"{refs}\"]"));
        let said = found(&policy, &key, &[summary(RECIPES, &commit(), 1)]);
        assert_eq!(said.is_empty(), passes, "{said}");
        assert!(
            passes || said.contains("saw it on refs/heads/main"),
            "{said}"
        );
    }
    let policy = policy(&key, "source-refs: [refs/heads/main]");
    let mut without = summary(RECIPES, &commit(), 1);
    without["subject"][0]["annotations"] = json!({});
    let said = found(&policy, &key, &[without]);
    assert!(said.contains("saw it on no ref"), "{said}");
}

#[test]
fn every_commit_that_went_in_needs_one_where_that_is_demanded() {
    let key = TestKey::generate();
    let policy = policy(&key, "input-source-level: 2");
    let place = "https://git.example/library.git";
    let names = ["a".repeat(40), "b".repeat(40)];
    let report = factory().package(|run| {
        recipe(run);
        for (number, commit) in names.iter().enumerate() {
            run.lock.sources.push(LockedSource {
                id: format!("main/{}", number + 1),
                uri: place.to_owned(),
                sha256: Digest::of(commit),
                size: 7,
                git: Some(LockedCommit {
                    commit: commit.clone(),
                    tree: "e".repeat(40),
                }),
            });
        }
    });
    let judged = |summaries: &[Value]| {
        let evidence = SourceEvidence::of(&policy, &given(&key, summaries));
        factory().judged(&policy, &report, &evidence)
    };
    let one = |commit: &str| summary("https://git.example/library", commit, 2);
    let said = judged(&[one(&names[0])]);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&names[1]), "{said}");
    assert_eq!(judged(&[]).lines().count(), 2);
    // The recipe's own commit is not asked for.
    assert_eq!(judged(&[one(&names[0]), one(&names[1])]), "");
}

#[test]
fn what_is_given_is_limited_and_must_be_envelopes() {
    let key = TestKey::generate();
    let line = Envelope::seal(b"{}", &key).unwrap().to_line().unwrap();
    let line = [&line[..], b"\n"].concat();
    let mut given = SourceAttestations::default();
    given.read(&line).unwrap();
    let error = given
        .read(&[&line[..], b"nonsense\n"].concat())
        .unwrap_err();
    assert!(
        matches!(error, SourceAttestationsError::Line { line: 2, .. }),
        "{error}"
    );
    let error = given.read(&vec![b'x'; (1 << 20) + 1]).unwrap_err();
    assert!(
        matches!(error, SourceAttestationsError::TooLong { line: 1 }),
        "{error}"
    );
    let mut many = SourceAttestations::default();
    many.read(&line.repeat(SOURCE_ENVELOPES_LIMIT)).unwrap();
    assert_eq!(many.count(), SOURCE_ENVELOPES_LIMIT);
    let error = many.read(&line).unwrap_err();
    assert!(matches!(error, SourceAttestationsError::TooMany), "{error}");
}
