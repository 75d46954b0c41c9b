//! What policy demands, what the gate and imports add, and trust roots that do not hold.

use super::*;
use crate::derive::{GatePolicy, SummaryRequest, import_statement, summary_statement};
use crate::documents::Lock;
use crate::predicates::{Import, ImportedDeb, ImportedRelease};

#[test]
fn holds_policy() {
    let factory = Factory::new();
    let time = |seconds| Some(Timestamp::from_unix(seconds).unwrap());
    let all = factory.sidecar();
    let provenance = factory.seal(&factory.payloads[..1]);
    let default = VerifyPolicy::default;
    let cases = [
        (
            &all,
            VerifyPolicy {
                min_level: 1,
                ..default()
            },
            None,
        ),
        (
            &all,
            VerifyPolicy {
                min_level: 3,
                ..default()
            },
            Some("nobody provisioned"),
        ),
        (
            &all,
            VerifyPolicy {
                require_gate: true,
                ..default()
            },
            Some("no verification summary"),
        ),
        (
            &all,
            VerifyPolicy {
                require_tests: true,
                ..default()
            },
            None,
        ),
        (
            &provenance,
            VerifyPolicy {
                require_tests: true,
                ..default()
            },
            Some("no passing test"),
        ),
        (
            &all,
            VerifyPolicy {
                repository: Some("x".into()),
                ..default()
            },
            Some("repository"),
        ),
        (
            &all,
            VerifyPolicy {
                now: time(1_500),
                ..default()
            },
            None,
        ),
        (
            &all,
            VerifyPolicy {
                now: time(999),
                ..default()
            },
            Some("is valid from"),
        ),
        (
            &all,
            VerifyPolicy {
                now: time(2_001),
                ..default()
            },
            Some("is valid from"),
        ),
    ];
    for (sidecar, policy, refusal) in cases {
        let result = verify(&factory.facts, sidecar, &factory.root, &policy);
        match (result, refusal) {
            (Ok(_), None) => {}
            (Err(error), Some(message)) => assert!(error.to_string().contains(message), "{error}"),
            (result, refusal) => panic!("{policy:?}: {result:?} / {refusal:?}"),
        }
    }
}

#[test]
fn one_key_verifies_provenance_alone() {
    let factory = Factory::new();
    let key = &factory.root.keys[0];
    let id = key.builder_id.as_deref().unwrap();
    let root = TrustRoot::of_provenance_key(&key.public_key_pem, id, 1).unwrap();
    let policy = VerifyPolicy {
        provenance_only: true,
        ..VerifyPolicy::default()
    };
    let report = verify(&factory.facts, &factory.sidecar(), &root, &policy).unwrap();
    assert_eq!(
        (report.unverified, report.is_tested(), report.sbom),
        (2, false, false)
    );
    assert!(
        report
            .lines()
            .last()
            .unwrap()
            .contains("2 further statements")
    );
    assert!(TrustRoot::of_provenance_key(&key.public_key_pem, id, 2).is_err());
}

#[test]
fn a_summary_must_list_all_evidence() {
    let factory = Factory::new();
    let mut sidecar = factory.sidecar();
    let report = factory.verify(&sidecar).unwrap();
    let request = SummaryRequest {
        base: &factory.root.base,
        version: "0.1.0",
        time: &Timestamp::epoch(),
        resource_uri: "repository/x86_64/hello-2.12-r0.apk",
        policy: &GatePolicy {
            min_level: 1,
            allow_untested: false,
            allow_boot: false,
        },
    };
    let summary = canonical_bytes(&summary_statement(&request, &report).unwrap()).unwrap();
    let envelope = Envelope::seal(&summary, factory.key(Role::Gate)).unwrap();
    sidecar.push(envelope.clone());
    let gate = factory.verify(&sidecar).unwrap().gate.unwrap();
    assert_eq!(gate.levels, ["SLSA_BUILD_LEVEL_1", "BESSEMER_TESTED"]);
    // The same statements signed anew have other envelopes, which the gate never saw.
    let mut swapped = factory.sidecar();
    swapped.push(envelope);
    let error = factory.verify(&swapped).unwrap_err();
    assert!(
        error.to_string().contains("the summary's evidence"),
        "{error}"
    );
}

#[test]
fn an_import_passes_only_where_it_is_accepted() {
    let factory = Factory::new();
    let import = Import {
        list: Digest::of("list"),
        debs: vec![ImportedDeb {
            name: "dash".to_owned(),
            version: "0.5.12-2".to_owned(),
            architecture: "amd64".to_owned(),
            sha256: Digest::of("deb"),
            packages_file: Digest::of("Packages"),
        }],
        release: Some(ImportedRelease {
            suite: "bookworm".to_owned(),
            sha256: Digest::of("release"),
        }),
    };
    let torn = Import {
        release: None,
        ..import.clone()
    };
    let facts = &factory.facts;
    import_statement(&factory.root.base, &facts.file, &facts.sha256, &torn).unwrap_err();
    let statement =
        import_statement(&factory.root.base, &facts.file, &facts.sha256, &import).unwrap();
    let sidecar = factory.seal(&[(Role::Import, canonical_bytes(&statement).unwrap())]);
    assert!(matches!(
        factory.verify(&sidecar),
        Err(VerifyError::Missing("provenance"))
    ));
    let policy = VerifyPolicy {
        accept_imports: true,
        ..VerifyPolicy::default()
    };
    let report = verify(facts, &sidecar, &factory.root, &policy).unwrap();
    assert_eq!(report.level(), 0);
    assert!(report.lines()[1].starts_with("origin: not built here"));
}

#[test]
fn a_trust_root_must_be_what_it_says() {
    type Change = fn(&mut Value);
    let factory = Factory::new();
    let bytes = factory.root.to_bytes().unwrap();
    let cases: [(&str, Change); 9] = [
        ("higher level than its builder id", |v| {
            for key in v["keys"].as_array_mut().unwrap() {
                key.as_object_mut().unwrap().remove("origin");
            }
            v["keys"].as_array_mut().unwrap().truncate(1);
            v["base"] = "https://factory.example".into();
            v["keys"][0]["builder_id"] =
                "https://factory.example/builders/microvm-emulated/v1".into();
            v["keys"][0]["level"] = 3.into();
        }),
        ("does not follow its schema", |v| v["extra"] = "x".into()),
        ("does not follow its schema", |v| {
            v["schema"] = "bessemer.trust-root/v2".into();
        }),
        ("not an https URL", |v| v["base"] = "https://x/".into()),
        ("another id", |v| {
            v["keys"][0]["id"] = v["keys"][1]["id"].clone();
        }),
        ("listed twice", |v| v["keys"][1] = v["keys"][0].clone()),
        ("local base", |v| v["keys"][0]["level"] = 3.into()),
        ("does not stand under the base", |v| {
            v["keys"][0]["builder_id"] = "https://x".into();
        }),
        ("level it cannot have", |v| v["keys"][1]["level"] = 1.into()),
    ];
    for (message, change) in cases {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        change(&mut value);
        let error = TrustRoot::parse(&serde_json::to_vec(&value).unwrap()).unwrap_err();
        assert!(error.to_string().contains(message), "{error} / {message}");
    }
}

#[test]
fn documents_have_one_spelling() {
    let bytes = canonical_bytes(&run().lock).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(crate::documents::parse::<Lock>(&bytes).unwrap(), run().lock);
    for other in [
        format!("{text}\n"),
        text.replacen("\"size\":1234", "\"size\":1234.0", 1),
        text.replacen('{', "{\"unknown\":1,", 1),
        text.replacen("bessemer.lock/v1", "bessemer.lock/v2", 1),
        text.replacen(
            "\"architecture\":",
            "\"architecture\":\"x\",\"architecture\":",
            1,
        ),
    ] {
        assert!(
            crate::documents::parse::<Lock>(other.as_bytes()).is_err(),
            "{other}"
        );
    }
}

#[test]
fn the_envelope_that_says_where_a_package_comes_from_is_first_among_the_evidence() {
    let factory = Factory::new();
    let sidecar = factory.sidecar();
    let provenance = sidecar.envelopes()[0].digest().unwrap();
    let mut envelopes = sidecar.envelopes().to_vec();
    envelopes.reverse();
    let report = factory.verify(&Sidecar::new(envelopes)).unwrap();
    assert_eq!(report.evidence()[0], provenance);
    assert_eq!(report.evidence().len(), 3);
}
