//! Packages that were built again, and summaries that do not say so.

use super::*;
use crate::derive::{
    BuiltPackage, DeriveError, OtherFactory, ReproductionRequest, reproduced_statement,
};
use crate::predicates::{INDEPENDENTLY_REPRODUCED_PROPERTY, Provenance, REPRODUCED_PROPERTY};
use crate::{ResourceDescriptor, Statement};

/// Two runs of one factory that made the same bytes.
struct Twice {
    factory: Factory,
    /// What lies beside the second package.
    again: Sidecar,
    reports: [Report; 2],
    provenances: [Provenance; 2],
}

/// The provenance of a run of the same documents under another invocation id.
fn another(factory: &Factory) -> Sidecar {
    let mut statement: Value = serde_json::from_slice(&factory.payloads[0].1).unwrap();
    statement["predicate"]["runDetails"]["metadata"]["invocationId"] = "4567".into();
    let payload = serde_json::to_vec(&statement).unwrap();
    factory.seal(&[(Role::Provenance, payload)])
}

impl Twice {
    fn new() -> Self {
        let factory = Factory::new();
        let again = another(&factory);
        let sidecar = factory.sidecar();
        let verified = [&sidecar, &again].map(|sidecar| {
            let policy = VerifyPolicy::default();
            verify_whole(&factory.facts, sidecar, &factory.root, &policy).unwrap()
        });
        let reports = verified.clone().map(|one| one.report);
        let provenances = verified.map(|one| *one.provenance.unwrap());
        // ECDSA signatures differ each time: the envelopes that were verified are those to keep.
        Self {
            factory,
            again,
            reports,
            provenances,
        }
    }

    fn request(&self) -> ReproductionRequest<'_> {
        let built = |number: usize| BuiltPackage {
            facts: &self.factory.facts,
            report: &self.reports[number],
            provenance: &self.provenances[number],
        };
        ReproductionRequest {
            base: &self.factory.root.base,
            version: "0.1.0",
            time: EPOCH.get_or_init(Timestamp::epoch),
            original: built(0),
            rebuilt: built(1),
            other_factory: None,
        }
    }
}

static EPOCH: std::sync::OnceLock<Timestamp> = std::sync::OnceLock::new();

/// The second run's sidecar, with a summary that was changed before `role` signed it.
fn with_summary(twice: &Twice, role: Role, change: impl Fn(&mut Value)) -> Sidecar {
    let statement = reproduced_statement(&twice.request()).unwrap();
    let mut value = serde_json::to_value(&statement).unwrap();
    change(&mut value);
    let payload = serde_json::to_vec(&value).unwrap();
    let envelope = Envelope::seal(&payload, twice.factory.key(role)).unwrap();
    let mut sidecar = twice.again.clone();
    sidecar.push(envelope);
    sidecar
}

#[test]
fn says_by_whom_a_package_was_made_again() {
    let twice = Twice::new();
    let sidecar = with_summary(&twice, Role::Rebuild, |_| {});
    let report = twice.factory.verify(&sidecar).unwrap();
    let [reproduction] = report.reproduced.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(reproduction.levels, [REPRODUCED_PROPERTY]);
    assert_eq!(reproduction.original.invocation_id, "0123");
    assert_eq!(reproduction.rebuild.invocation_id, "4567");
    assert!(!reproduction.is_of_another_builder());
    assert_eq!(reproduction.resource_uri, "x86_64/hello-2.12-r0.apk");
    // What a summary says is no evidence for a later gate.
    assert_eq!(report.evidence().len(), 1);
    let lines = report.lines().join("\n");
    let said =
        "at 1970-01-01T00:00:00Z: made again by the same builder, with the same control and data";
    assert!(lines.contains(said), "{lines}");
    // The same summary once more, or another of the same run, shows nothing more.
    let mut more = sidecar.clone();
    more.push(sidecar.envelopes()[1].clone());
    let again = with_summary(&twice, Role::Rebuild, |_| {});
    more.push(again.envelopes()[1].clone());
    let report = twice.factory.verify(&more).unwrap();
    assert_eq!(report.reproduced.len(), 1);
}

#[test]
fn summaries_of_rebuilds_that_do_not_hold_are_refused() {
    type Change = fn(&mut Value);
    let twice = Twice::new();
    let cases: [(&str, Change); 16] = [
        ("the verifier id is", |v| {
            v["predicate"]["verifier"]["id"] = "https://x/rebuild/v1".into();
        }),
        ("the verifier id is", |v| {
            let id = v["predicate"]["verifier"]["id"].as_str().unwrap();
            let gate = id.replace("/rebuild/", "/gate/");
            v["predicate"]["verifier"]["id"] = gate.into();
        }),
        ("the verification result is", |v| {
            v["predicate"]["verificationResult"] = "FAILED".into();
        }),
        ("does not follow its schema", |v| {
            v["predicate"]["verificationResult"] = "passed".into();
        }),
        ("does not say that the package was reproduced", |v| {
            v["predicate"]["verifiedLevels"] = Value::Array(vec!["SLSA_BUILD_LEVEL_3".into()]);
        }),
        ("does not say that the package was reproduced", |v| {
            v["predicate"]["verifiedLevels"] = Value::Array(vec![]);
        }),
        ("the file that the resource uri names is", |v| {
            v["predicate"]["resourceUri"] = "x86_64/hello-2.11-r0.apk".into();
        }),
        ("the file that the resource uri names is", |v| {
            v["predicate"]["resourceUri"] = "hello-2.12-r0.apk/other".into();
        }),
        ("does not say which two runs it compares", |v| {
            v["predicate"]["inputAttestations"] = Value::Array(vec![]);
        }),
        ("does not say which two runs it compares", |v| {
            v["predicate"]["inputAttestations"][0]["name"] = "first".into();
        }),
        ("does not say whose runs it compares", |v| {
            let first = v["predicate"]["inputAttestations"][0].as_object_mut();
            first.unwrap().remove("annotations");
        }),
        ("does not say that there were two runs", |v| {
            let list = &mut v["predicate"]["inputAttestations"];
            let (last, name) = (list.as_array().unwrap().len() - 1, "original");
            list[0] = list[last].clone();
            list[0]["name"] = name.into();
        }),
        ("of the run that this package is of", |v| {
            for one in v["predicate"]["inputAttestations"].as_array_mut().unwrap() {
                one["digest"]["sha256"] = Digest::of(one.to_string()).hex().into();
            }
        }),
        ("is not among the subjects", |v| {
            v["subject"][0]["digest"]["sha256"] = Digest::of("another").hex().into();
        }),
        ("speaks of these bytes as", |v| {
            v["subject"][0]["name"] = "hello-2.11-r0.apk".into();
        }),
        ("role `rebuild` signed a statement of role `gate`", |v| {
            v["predicateType"] = "https://slsa.dev/provenance/v1".into();
        }),
    ];
    let control = with_summary(&twice, Role::Rebuild, |_| {});
    twice.factory.verify(&control).unwrap();
    for (message, change) in cases {
        let sidecar = with_summary(&twice, Role::Rebuild, change);
        let error = twice.factory.verify(&sidecar).unwrap_err().to_string();
        let other = message.replace("of role `gate`", "of role `provenance`");
        assert!(error.contains(&other), "{error} / {message}");
    }
}

#[test]
fn no_other_key_says_that_a_package_was_reproduced() {
    let twice = Twice::new();
    for (role, message) in [
        (Role::Gate, "the verifier id is"),
        (Role::Provenance, "signed a statement of role `gate`"),
        (Role::Test, "signed a statement of role `gate`"),
    ] {
        let sidecar = with_summary(&twice, role, |_| {});
        let error = twice.factory.verify(&sidecar).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let stranger = Twice::new();
    let foreign = with_summary(&stranger, Role::Rebuild, |_| {});
    let mut sidecar = twice.again.clone();
    sidecar.push(foreign.envelopes()[1].clone());
    let error = twice.factory.verify(&sidecar).unwrap_err();
    assert!(matches!(error, VerifyError::UnknownKey { number: 2 }));
}

#[test]
fn a_file_of_summaries_may_be_of_several_rebuilders() {
    let (twice, stranger) = (Twice::new(), Twice::new());
    let own = with_summary(&twice, Role::Rebuild, |_| {});
    // A stranger holds the same package against a run of his own.
    let request = ReproductionRequest {
        base: &stranger.factory.root.base,
        rebuilt: stranger.request().rebuilt,
        other_factory: Some(OtherFactory {
            trust_root: Digest::of("trust root"),
            independent: true,
        }),
        ..twice.request()
    };
    let theirs = canonical_bytes(&reproduced_statement(&request).unwrap()).unwrap();
    let theirs = Envelope::seal(&theirs, stranger.factory.key(Role::Rebuild)).unwrap();
    let file = Sidecar::new(vec![own.envelopes()[1].clone(), theirs]);
    let facts = &twice.factory.facts;
    let report = &twice.reports[0];
    let roots = [&twice.factory.root, &stranger.factory.root];
    let found = |roots: &[&TrustRoot]| reproductions(facts, &file, roots, report, None);
    let both = found(&roots).unwrap();
    let others: Vec<_> = both
        .iter()
        .map(ReproductionReport::is_of_another_builder)
        .collect();
    assert_eq!(others, [false, true]);
    let word = INDEPENDENTLY_REPRODUCED_PROPERTY.to_owned();
    let words: Vec<_> = both.iter().map(|one| one.levels.contains(&word)).collect();
    assert_eq!(words, [false, true]);
    // Without his trust root he is nobody, and a key's validity is judged by the clock as elsewhere.
    let error = found(&roots[..1]).unwrap_err();
    assert!(matches!(error, VerifyError::UnknownKey { number: 2 }));
    let late = Timestamp::from_unix(3_000).unwrap();
    let error = reproductions(facts, &file, &roots, report, Some(&late)).unwrap_err();
    assert!(matches!(error, VerifyError::KeyValidity { number: 1, .. }));
    // Nothing else belongs into such a file.
    let error = reproductions(facts, &twice.again, &roots, report, None).unwrap_err();
    assert!(matches!(error, VerifyError::WrongRole { .. }), "{error}");
}

/// What is derived, or why not, after a change to the second run.
fn derived(
    twice: &Twice,
    change: impl Fn(&mut Provenance, &mut ApkFacts),
) -> Result<Statement<Summary>, DeriveError> {
    let (mut provenance, mut facts) = (twice.provenances[1].clone(), twice.factory.facts.clone());
    change(&mut provenance, &mut facts);
    let rebuilt = BuiltPackage {
        facts: &facts,
        report: &twice.reports[1],
        provenance: &provenance,
    };
    reproduced_statement(&ReproductionRequest {
        rebuilt,
        ..twice.request()
    })
}

#[test]
fn nothing_is_said_of_builds_that_differ() {
    type Change = fn(&mut Provenance, &mut ApkFacts);
    let twice = Twice::new();
    let cases: [(&str, Change); 6] = [
        (
            "the control member of the rebuilt package is",
            |_, facts| {
                facts.control_sha256 = Some(Digest::of("x"));
            },
        ),
        ("the data member of the rebuilt package is", |_, facts| {
            facts.data_sha256 = Some(Digest::of("x"));
        }),
        (
            "the data member of the rebuilt package is `not measured`",
            |_, facts| {
                facts.data_sha256 = None;
            },
        ),
        ("the source `more` went into only one", |provenance, _| {
            let more = ResourceDescriptor::file("more", &Digest::of("more"));
            let list = &mut provenance.build_definition.resolved_dependencies;
            list.push(more.with("role", "source"));
        }),
        (
            "the build package `clang.apk` went into only one",
            |provenance, _| {
                let more = ResourceDescriptor::file("clang.apk", &Digest::of("clang"));
                let list = &mut provenance.build_definition.resolved_dependencies;
                list.push(more.with("role", "build-root"));
            },
        ),
        (
            "the build package `gcc-2.12-r0.apk` went into only one",
            |provenance, _| {
                let list = &mut provenance.build_definition.resolved_dependencies;
                list.retain(|one| one.annotations["role"] != "build-root");
            },
        ),
    ];
    derived(&twice, |_, _| {}).unwrap();
    for (message, change) in cases {
        let error = derived(&twice, change).unwrap_err().to_string();
        assert!(error.contains(message), "{error} / {message}");
    }
    let itself = ReproductionRequest {
        rebuilt: twice.request().original,
        ..twice.request()
    };
    let error = reproduced_statement(&itself).unwrap_err();
    assert!(matches!(error, DeriveError::SameRun(run) if run == "0123"));
}

#[test]
fn a_rebuild_need_not_have_what_only_tests_need() {
    let twice = Twice::new();
    derived(&twice, |provenance, _| {
        let list = &mut provenance.build_definition.resolved_dependencies;
        list.retain(|one| one.annotations["role"] != "source");
    })
    .unwrap();
}

#[test]
fn files_that_differ_in_their_signature_are_both_subjects() {
    let twice = Twice::new();
    let statement = derived(&twice, |_, facts| facts.sha256 = Digest::of("signed anew")).unwrap();
    let names: Vec<_> = statement
        .subject
        .iter()
        .map(|one| one.name.clone())
        .collect();
    assert_eq!(names, vec![Some("hello-2.12-r0.apk".to_owned()); 2]);
    assert!(statement.subject_with(&Digest::of("signed anew")).is_some());
    assert!(
        statement
            .subject_with(&twice.factory.facts.sha256)
            .is_some()
    );
    assert_eq!(derived(&twice, |_, _| {}).unwrap().subject.len(), 1);
}
