//! What a consumer is shown in place of what he asked for. Each table has its control: unchanged, the
//! same is accepted.

mod summaries;

use super::*;
use crate::derive::{GatePolicy, SummaryRequest, summary_statement};
use crate::predicates::{PROVENANCE_TYPE, SUMMARY_TYPE};
use serde_json::json;

type Change = fn(&mut Value);
type Judged<'a> = (&'a str, &'a dyn Fn(&mut Value));

/// Every change to the provenance is refused with its message.
fn refused(cases: &[(&str, Change)]) {
    let factory = Factory::new();
    factory.verify(&factory.sidecar()).unwrap();
    for (message, change) in cases {
        let found = factory.with_payload(0, change);
        assert!(found.contains(message), "{found} / {message}");
    }
}

/// The message for provenance whose text was changed before it was signed.
fn with_text(factory: &Factory, from: &str, to: &str) -> String {
    let mut payloads = factory.payloads.clone();
    let text = String::from_utf8(payloads[0].1.clone()).unwrap();
    assert!(text.contains(from), "{text}");
    payloads[0].1 = text.replacen(from, to, 1).into_bytes();
    let error = factory.verify(&factory.seal(&payloads)).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

#[test]
fn external_parameters_that_are_not_the_schemas_are_refused() {
    refused(&[
        ("closed schema", |v| {
            v["predicate"]["buildDefinition"]["externalParameters"]["extra"] = "x".into();
        }),
        ("closed schema", |v| {
            let place = &mut v["predicate"]["buildDefinition"]["externalParameters"];
            place.as_object_mut().unwrap().remove("architecture");
        }),
        ("closed schema", |v| {
            let place = &mut v["predicate"]["buildDefinition"];
            place.as_object_mut().unwrap().remove("externalParameters");
        }),
        ("closed schema", |v| {
            v["predicate"]["buildDefinition"]["externalParameters"]["architecture"] = 1.into();
        }),
        ("closed schema", |v| {
            v["predicate"]["buildDefinition"]["externalParameters"]["options"] = "debug".into();
        }),
        ("closed schema", |v| {
            v["predicate"]["buildDefinition"]["externalParameters"] = json!([]);
        }),
        // Twins: a Cyrillic letter, another case, a space that is not seen.
        ("closed schema", |v| {
            let place = &mut v["predicate"]["buildDefinition"]["externalParameters"];
            place["\u{430}rchitecture"] = "x86_64".into();
        }),
        ("closed schema", |v| {
            let place = &mut v["predicate"]["buildDefinition"]["externalParameters"];
            place["Architecture"] = "x86_64".into();
        }),
        ("closed schema", |v| {
            let place = &mut v["predicate"]["buildDefinition"]["externalParameters"];
            place["architecture\u{200b}"] = "x86_64".into();
        }),
    ]);
}

#[test]
fn a_statement_that_names_a_key_twice_is_refused() {
    let factory = Factory::new();
    let path = r#""path":"hello.yaml""#;
    for (from, to) in [
        (path, r#""path":"other.yaml","path":"hello.yaml""#),
        // Where any key is allowed, readers differ in which of two they take.
        (r#""sha256":"#, r#""sha256":"00","sha256":"#),
        (r#""role":"recipe""#, r#""role":"source","role":"recipe""#),
        (
            r#""role":"recipe""#,
            r#""role":"source","r\u006fle":"recipe""#,
        ),
    ] {
        let found = with_text(&factory, from, to);
        let twice = found.contains("stands twice") || found.contains("duplicate field");
        assert!(twice, "{found} / {to}");
    }
}

#[test]
fn envelopes_are_read_as_dsse_says_and_no_looser() {
    let factory = Factory::new();
    let line = factory.sidecar().envelopes()[0].to_line().unwrap();
    let envelope: Value = serde_json::from_slice(&line).unwrap();
    let judge = |change: &dyn Fn(&mut Value)| {
        let mut copy = envelope.clone();
        change(&mut copy);
        // Any layout of the JSON is the same envelope.
        let text = serde_json::to_string(&copy).unwrap();
        let sidecar = Sidecar::parse(text.as_bytes()).map_err(|error| error.to_string());
        sidecar.and_then(|sidecar| factory.verify(&sidecar).map_err(|error| error.to_string()))
    };
    judge(&|_| {}).unwrap();
    // A key id is a hint that nothing authenticates.
    judge(&|e| e["signatures"][0]["keyid"] = "somebody else's".into()).unwrap();
    let payload = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    let again = |bytes: &[u8]| Value::from(STANDARD.encode(bytes));
    let spaced = [&payload[..], b" "].concat();
    let value: Value = serde_json::from_slice(&payload).unwrap();
    let laid_out = serde_json::to_vec_pretty(&value).unwrap();
    let safe = base64::engine::general_purpose::URL_SAFE.encode([0xfb, 0xff]);
    let cases: [Judged<'_>; 8] = [
        ("not that of any key", &|e| e["payload"] = again(&spaced)),
        ("not that of any key", &|e| e["payload"] = again(&laid_out)),
        ("not that of any key", &|e| {
            e["payload"] = again(&payload[1..]);
        }),
        ("is refused", &|e| {
            e["payloadType"] = "application/json".into();
        }),
        ("is refused", &|e| e["payload"] = safe.clone().into()),
        ("is refused", &|e| e["signatures"] = json!([])),
        ("is refused", &|e| {
            let one = e["signatures"][0].clone();
            e["signatures"] = json!([one, one]);
        }),
        ("no envelope", &|e| e["extra"] = "x".into()),
    ];
    for (message, change) in cases {
        let found = judge(change).unwrap_err();
        assert!(found.contains(message), "{found} / {message}");
    }
}

#[test]
fn subjects_that_are_not_this_very_file_are_refused() {
    refused(&[
        ("not among the subjects", |v| {
            let digest = &mut v["subject"][0]["digest"]["sha256"];
            *digest = digest.as_str().unwrap().to_uppercase().into();
        }),
        ("not among the subjects", |v| {
            let digest = v["subject"][0]["digest"]["sha256"].clone();
            v["subject"][0]["digest"] = json!({"sha1": digest});
        }),
        ("not among the subjects", |v| {
            let digest = v["subject"][0]["digest"]["sha256"].clone();
            v["subject"][0]["digest"] = json!({"SHA256": digest, "sha512": digest});
        }),
        ("not among the subjects", |v| {
            v["subject"][0].as_object_mut().unwrap().remove("digest");
        }),
        ("does not follow its schema", |v| {
            v.as_object_mut().unwrap().remove("subject");
        }),
        ("not among the subjects", |v| v["subject"] = json!([])),
        // Many, and none of them is it.
        ("not among the subjects", |v| {
            let others = (0..500).map(|number| {
                let digest = Digest::of(number.to_string()).hex();
                json!({"name": "hello-2.12-r0.apk", "digest": {"sha256": digest}})
            });
            v["subject"] = others.collect();
        }),
        ("not among the subjects", |v| {
            let digest = v["subject"][0]["digest"]["sha256"].as_str().unwrap();
            let cut = digest[..63].to_owned();
            v["subject"][0]["digest"]["sha256"] = cut.into();
        }),
        ("speaks of these bytes as", |v| {
            v["subject"][0]["name"] = "other-2.12-r0.apk".into();
        }),
        ("not among the subjects", |v| {
            v["subject"][0].as_object_mut().unwrap().remove("name");
        }),
    ]);
}

/// The gate's summary of a factory's package.
fn summary(factory: &Factory) -> Value {
    let report = factory.verify(&factory.sidecar()).unwrap();
    let request = SummaryRequest {
        base: &factory.root.base,
        version: "0.1.0",
        time: &Timestamp::epoch(),
        resource_uri: "https://repository.example/x86_64/hello-2.12-r0.apk",
        policy: &GatePolicy {
            min_level: 1,
            allow_untested: false,
            allow_boot: false,
        },
    };
    serde_json::to_value(summary_statement(&request, &report).unwrap()).unwrap()
}

/// Seals statements: each by the key of the role beside it.
fn sealed(factory: &Factory, statements: &[(Role, &Value)]) -> Sidecar {
    let bytes = |value: &Value| serde_json::to_vec(value).unwrap();
    let payloads = statements.iter().map(|(role, value)| (*role, bytes(value)));
    let payloads: Vec<_> = payloads.collect();
    factory.seal(&payloads)
}

#[test]
fn another_kind_of_statement_is_no_provenance() {
    let factory = Factory::new();
    let provenance: Value = serde_json::from_slice(&factory.payloads[0].1).unwrap();
    let summary = summary(&factory);
    let mut shown_as_provenance = summary.clone();
    shown_as_provenance["predicateType"] = PROVENANCE_TYPE.into();
    let mut shown_as_summary = provenance.clone();
    shown_as_summary["predicateType"] = SUMMARY_TYPE.into();
    let mut older = provenance.clone();
    older["predicate"] = json!({
        "builder": {"id": factory.root.keys[0].builder_id},
        "buildType": format!("{}/buildtypes/apk-package/v1", factory.root.base),
        "invocation": {"configSource": {}, "parameters": {}},
        "metadata": {"buildInvocationID": "0123"},
        "materials": [],
    });
    let mut old_type = older.clone();
    old_type["predicateType"] = "https://slsa.dev/provenance/v0.2".into();
    let mut old_statement = provenance.clone();
    old_statement["_type"] = "https://in-toto.io/Statement/v0.1".into();
    factory
        .verify(&sealed(&factory, &[(Role::Provenance, &provenance)]))
        .unwrap();
    let role = Role::Provenance;
    for (role, statement, message) in [
        // What was asked for is not there, however good what is there may be.
        (Role::Gate, &summary, "there is no provenance"),
        (Role::Gate, &shown_as_provenance, "a key with role `gate`"),
        (role, &shown_as_provenance, "does not follow its schema"),
        (role, &summary, "a key with role `provenance`"),
        (role, &shown_as_summary, "a key with role `provenance`"),
        (Role::Gate, &shown_as_summary, "there is no provenance"),
        (role, &older, "does not follow its schema"),
        (role, &old_type, "none of this factory's"),
        (role, &old_statement, "the statement's type"),
    ] {
        let sidecar = sealed(&factory, &[(role, statement)]);
        let error = factory.verify(&sidecar).unwrap_err().to_string();
        assert!(error.contains(message), "{error} / {message}");
    }
}

#[test]
fn what_is_demanded_and_absent_is_missing() {
    let factory = Factory::new();
    let demand = |tests, gate| VerifyPolicy {
        require_tests: tests,
        require_gate: gate,
        ..VerifyPolicy::default()
    };
    let all = factory.sidecar();
    let judge = |sidecar: &Sidecar, policy| verify(&factory.facts, sidecar, &factory.root, &policy);
    judge(&all, demand(true, false)).unwrap();
    // One of a statement's kind under another's type does not stand in for it.
    let mut test: Value = serde_json::from_slice(&factory.payloads[1].1).unwrap();
    test["predicateType"] = SUMMARY_TYPE.into();
    let provenance: Value = serde_json::from_slice(&factory.payloads[0].1).unwrap();
    let posing = [(Role::Provenance, &provenance), (Role::Gate, &test)];
    let error = judge(&sealed(&factory, &posing), demand(false, true)).unwrap_err();
    assert!(
        matches!(error, VerifyError::Shape { number: 2, .. }),
        "{error}"
    );
    for (sidecar, policy, missing) in [
        (&all, demand(true, true), "verification summary of a gate"),
        (
            &factory.seal(&factory.payloads[..1]),
            demand(true, false),
            PASSING_TEST,
        ),
        (
            &factory.seal(&factory.payloads[1..]),
            demand(false, false),
            "provenance",
        ),
    ] {
        let error = judge(sidecar, policy).unwrap_err();
        assert!(
            matches!(error, VerifyError::Missing(found) if found == missing),
            "{error}"
        );
    }
}

#[test]
fn an_older_package_does_not_pass_under_a_newer_name() {
    let factory = Factory::new();
    let sidecar = factory.sidecar();
    let judge = |file: &str| {
        let facts = ApkFacts {
            file: file.to_owned(),
            ..factory.facts.clone()
        };
        verify(&facts, &sidecar, &factory.root, &VerifyPolicy::default())
    };
    judge("hello-2.12-r0.apk").unwrap();
    for newer in [
        "hello-2.13-r0.apk",
        "hello-2.12-r1.apk",
        "other-2.12-r0.apk",
    ] {
        let error = judge(newer).unwrap_err();
        assert!(matches!(error, VerifyError::FileName { .. }), "{error}");
    }
}
