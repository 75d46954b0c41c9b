//! Flip tests: everything that can differ is changed once and must be noticed.

mod attacks;
mod images;
mod logged;
mod parameters;
mod policy;
mod reproduced;
mod told;

use super::*;
use crate::derive::{Derivation, gate_id, image_builder_id, local_base, rebuild_id};
use crate::documents::canonical_bytes;
use crate::test_documents::{Run, issuer, run};
use crate::test_keys::TestKey;
use crate::{Algorithm, Envelope, TrustRootSchema, TrustedKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;

/// A factory with one key a role, and a package it built.
struct Factory {
    keys: Vec<(Role, TestKey)>,
    root: TrustRoot,
    facts: ApkFacts,
    /// Provenance, test result, SBOM.
    payloads: Vec<(Role, Vec<u8>)>,
}

impl Factory {
    fn new() -> Self {
        Self::of(|_| {})
    }

    /// A factory that built something else.
    fn of(change: impl Fn(&mut Run)) -> Self {
        let roles = [
            Role::Provenance,
            Role::Test,
            Role::Sbom,
            Role::Gate,
            Role::Import,
            Role::Rebuild,
        ];
        let keys: Vec<_> = roles
            .map(|role| (role, TestKey::generate()))
            .into_iter()
            .collect();
        let base = local_base(&keys[0].1.public().id());
        let (issuer, mut run) = (issuer(&base), run());
        change(&mut run);
        run.reseal();
        let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
        let sbom = RawValue::from_string("{}".to_owned()).unwrap();
        let payloads = vec![
            (
                Role::Provenance,
                canonical_bytes(&derivation.provenance().unwrap()).unwrap(),
            ),
            (
                Role::Test,
                canonical_bytes(&derivation.test_result(0).unwrap()).unwrap(),
            ),
            (
                Role::Sbom,
                canonical_bytes(&derivation.sbom(0, &sbom).unwrap()).unwrap(),
            ),
        ];
        let output = &run.record.outputs[0];
        let facts = ApkFacts {
            file: output.file.clone(),
            sha256: output.sha256,
            control_sha256: Some(output.control_sha256),
            data_sha256: Some(output.data_sha256),
        };
        Self {
            root: root(&base, &issuer.builder_id(), &keys),
            keys,
            facts,
            payloads,
        }
    }

    fn key(&self, role: Role) -> &TestKey {
        &self.keys.iter().find(|(one, _)| *one == role).unwrap().1
    }

    fn seal(&self, payloads: &[(Role, Vec<u8>)]) -> Sidecar {
        let seal =
            |(role, payload): &(Role, Vec<u8>)| Envelope::seal(payload, self.key(*role)).unwrap();
        Sidecar::new(payloads.iter().map(seal).collect())
    }

    fn sidecar(&self) -> Sidecar {
        self.seal(&self.payloads)
    }

    fn verify(&self, sidecar: &Sidecar) -> Result<Report, VerifyError> {
        verify(&self.facts, sidecar, &self.root, &VerifyPolicy::default())
    }

    /// The message for a statement that was changed before it was signed.
    fn with_payload(&self, index: usize, change: impl Fn(&mut Value)) -> String {
        let mut payloads = self.payloads.clone();
        let mut value: Value = serde_json::from_slice(&payloads[index].1).unwrap();
        change(&mut value);
        payloads[index].1 = serde_json::to_vec(&value).unwrap();
        self.verify(&self.seal(&payloads)).unwrap_err().to_string()
    }
}

fn root(base: &str, builder_id: &str, keys: &[(Role, TestKey)]) -> TrustRoot {
    let trusted = |(role, key): &(Role, TestKey)| TrustedKey {
        id: key.public().id().hex(),
        role: *role,
        algorithm: Algorithm::EcdsaP256,
        public_key_pem: key.public().to_pem(),
        builder_id: match role {
            Role::Provenance => Some(builder_id.to_owned()),
            Role::Gate => Some(gate_id(base)),
            Role::Image => Some(image_builder_id(base)),
            Role::Rebuild => Some(rebuild_id(base)),
            _ => None,
        },
        level: u8::from(matches!(role, Role::Provenance | Role::Image)),
        valid_from: Timestamp::from_unix(1_000).unwrap(),
        valid_until: Some(Timestamp::from_unix(2_000).unwrap()),
        from: 0,
        until: None,
        origin: None,
    };
    let root = TrustRoot {
        schema: TrustRootSchema::V1,
        base: base.to_owned(),
        keys: keys.iter().map(trusted).collect(),
    };
    TrustRoot::parse(&root.to_bytes().unwrap()).unwrap()
}

#[test]
fn passes_and_says_what_was_proven() {
    let factory = Factory::new();
    let report = factory.verify(&factory.sidecar()).unwrap();
    insta::with_settings!({filters => vec![
        ("bessemer.invalid/[0-9a-f]{32}", "bessemer.invalid/[key]"),
        ("key [0-9a-f]{16}…", "key [key]…"),
    ]}, {
        insta::assert_snapshot!(report.lines().join("\n"));
    });
    assert_eq!(
        (report.level(), report.is_tested(), report.sbom),
        (1, true, true)
    );
}

#[test]
fn fails_for_another_file_and_other_members() {
    let mut factory = Factory::new();
    let sidecar = factory.sidecar();
    let good = factory.facts.clone();
    factory.facts.sha256 = Digest::of("flipped");
    assert!(matches!(
        factory.verify(&sidecar),
        Err(VerifyError::Subject { number: 1, .. })
    ));
    factory.facts = ApkFacts {
        control_sha256: Some(Digest::of("x")),
        ..good.clone()
    };
    assert!(
        factory
            .verify(&sidecar)
            .unwrap_err()
            .to_string()
            .contains("control member")
    );
    factory.facts = ApkFacts {
        data_sha256: Some(Digest::of("x")),
        ..good
    };
    assert!(
        factory
            .verify(&sidecar)
            .unwrap_err()
            .to_string()
            .contains("data member")
    );
}

#[test]
fn fails_for_every_flipped_byte_of_an_envelope() {
    let factory = Factory::new();
    let bytes = factory.sidecar().to_bytes().unwrap();
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap();
    // Every 7th byte of the first line, which is the provenance's envelope.
    for position in (0..line).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        let Ok(sidecar) = Sidecar::parse(&flipped) else {
            continue;
        };
        assert!(
            factory.verify(&sidecar).is_err(),
            "byte {position} was not noticed"
        );
    }
}

#[test]
fn fails_for_flipped_parts() {
    let factory = Factory::new();
    let line = factory.sidecar().envelopes()[0].to_line().unwrap();
    let flip = |field: &str| {
        let mut value: Value = serde_json::from_slice(&line).unwrap();
        let place = match field {
            "sig" => &mut value["signatures"][0]["sig"],
            other => &mut value[other],
        };
        let text = place.as_str().unwrap();
        let flipped = if field == "payloadType" {
            text.replace("in-toto", "other")
        } else {
            let mut bytes = STANDARD.decode(text).unwrap();
            let middle = bytes.len() - 5;
            bytes[middle] ^= 1;
            STANDARD.encode(bytes)
        };
        *place = Value::String(flipped);
        let sidecar = Sidecar::parse(&serde_json::to_vec(&value).unwrap()).unwrap();
        let error = factory.verify(&sidecar).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    };
    assert!(flip("payload").contains("not that of any key"));
    assert!(flip("sig").contains("not that of any key"));
    assert!(flip("payloadType").contains("payload type is"));
}

#[test]
fn fails_with_another_key_or_without_envelopes() {
    let (factory, other) = (Factory::new(), Factory::new());
    let error = factory.verify(&other.sidecar()).unwrap_err();
    assert!(matches!(error, VerifyError::UnknownKey { number: 1 }));
    let error = factory.verify(&Sidecar::default()).unwrap_err();
    assert_eq!(error.to_string(), "there is no provenance for this package");
    let error = factory
        .verify(&factory.seal(&factory.payloads[1..]))
        .unwrap_err();
    assert_eq!(error.to_string(), "there is no provenance for this package");
}

#[test]
fn fails_for_a_key_in_another_role() {
    let factory = Factory::new();
    for index in 0..factory.payloads.len() {
        for (role, _) in &factory.keys {
            if *role == factory.payloads[index].0 {
                continue;
            }
            let mut payloads = factory.payloads.clone();
            payloads[index].0 = *role;
            let error = factory.verify(&factory.seal(&payloads)).unwrap_err();
            assert!(matches!(error, VerifyError::WrongRole { .. }), "{error}");
        }
    }
}

#[test]
fn fails_for_two_statements_of_one_role() {
    let factory = Factory::new();
    let twice = [factory.payloads.clone(), factory.payloads.clone()].concat();
    let error = factory.verify(&factory.seal(&twice)).unwrap_err();
    assert!(matches!(error, VerifyError::Twice("provenance")));
}

#[test]
fn fails_for_signed_statements_that_say_something_else() {
    type Change = fn(&mut Value);
    let factory = Factory::new();
    let cases: [(usize, &str, Change); 11] = [
        (0, "builder id", |v| {
            v["predicate"]["runDetails"]["builder"]["id"] = "https://x/builders/microvm/v1".into();
        }),
        (0, "build type", |v| {
            v["predicate"]["buildDefinition"]["buildType"] = "x".into();
        }),
        (0, "closed schema", |v| {
            v["predicate"]["buildDefinition"]["externalParameters"]["extra"] = "x".into();
        }),
        (0, "closed schema", |v| {
            v["predicate"]["buildDefinition"]["externalParameters"]["configSource"]["x"] =
                "x".into();
        }),
        (0, "statement's type", |v| {
            v["_type"] = "https://in-toto.io/Statement/v0.1".into();
        }),
        (0, "none of this factory's", |v| {
            v["predicateType"] = "https://x".into();
        }),
        (0, "not among the subjects", |v| {
            v["subject"][0]["digest"]["sha256"] = "00".into();
        }),
        (0, "not among the subjects", |v| {
            v["subject"] = Value::Array(vec![]);
        }),
        (1, "test result is", |v| {
            v["predicate"]["result"] = "FAILED".into();
        }),
        (1, "tested invocation", |v| {
            v["predicate"]["bessemer_run"]["invocationId"] = "another".into();
        }),
        (2, "not among the subjects", |v| {
            v["subject"][0]["digest"]["sha256"] = "00".into();
        }),
    ];
    for (index, message, change) in cases {
        let found = factory.with_payload(index, change);
        assert!(found.contains(message), "{found} / {message}");
    }
}
