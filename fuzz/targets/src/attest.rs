//! Documents, envelopes, statements, trust roots.

use crate::input::{choice, seed, text};
use crate::{Target, test_documents};
use bessemer_attest::chain::{BundleLimits, Pool, read_bundle, write_bundle};
use bessemer_attest::derive::{Derivation, Issuer, local_base};
use bessemer_attest::documents::{Document, JobSpec, Lock, Record, canonical_bytes, parse};
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{BuilderKind, Envelope, PublicKey, Sidecar, TrustRoot};
use bessemer_digest::Digest;
use bessemer_signer::StatementKey;
use serde_json::json;
use std::sync::OnceLock;

pub(crate) const BUNDLE: Target = Target {
    name: "attest_bundle",
    run: bundle,
    seeds: bundle_seeds,
    words: &[
        "\n",
        "{\"schema\":\"bessemer.bundle/v1\",\"targets\":[]}\n",
        "\"envelopes\":[",
        "\"proofs\":[",
        "{}",
        "null",
        "\"kind\":\"image\"",
    ],
};
pub(crate) const DOCUMENT: Target = Target {
    name: "attest_document",
    run: document,
    seeds: document_seeds,
    words: &[
        "null",
        "true",
        "{}",
        "[]",
        "\"\":",
        ",",
        "18446744073709551615",
        "1e5",
        "\\u0000",
    ],
};
pub(crate) const ENVELOPE: Target = Target {
    name: "attest_envelope",
    run: envelope,
    seeds: envelope_seeds,
    words: &[
        "null",
        "{}",
        "[]",
        "\"payloadType\":",
        "\n",
        "\"keyid\":\"\"",
        "==",
    ],
};
pub(crate) const STATEMENT: Target = Target {
    name: "attest_statement",
    run: statement,
    seeds: statement_seeds,
    words: &[
        "null",
        "{}",
        "[]",
        "\"subject\":",
        "\"sha256\":",
        "https://",
    ],
};
pub(crate) const TRUST_ROOT: Target = Target {
    name: "attest_trust_root",
    run: trust_root,
    seeds: trust_root_seeds,
    words: &[
        "null",
        "\"role\":",
        "\"gate\"",
        "9999-12-31T23:59:59Z",
        "-----BEGIN PUBLIC KEY-----",
    ],
};

/// The output of the shared documents' run.
const FILE: &str = "hello-2.12-r0.apk";

/// 0: lock; 1: job spec; 2: record. What is read has one spelling: its own bytes.
fn document(data: &[u8]) {
    match choice(data) {
        Some((0, rest)) => check::<Lock>(rest),
        Some((1, rest)) => check::<JobSpec>(rest),
        Some((_, rest)) => check::<Record>(rest),
        None => {}
    }
}

fn check<T: Document>(bytes: &[u8]) {
    if let Ok(document) = parse::<T>(bytes) {
        assert_eq!(canonical_bytes(&document).unwrap(), bytes);
    }
}

/// 0: one envelope; 1: a sidecar.
fn envelope(data: &[u8]) {
    let key = public();
    match choice(data) {
        Some((0, rest)) => {
            if let Ok(envelope) = Envelope::parse(rest) {
                let line = envelope.to_line().unwrap();
                assert_eq!(Envelope::parse(&line).unwrap(), envelope);
                let _ = envelope.open(key);
            }
        }
        Some((_, rest)) => {
            if let Ok(sidecar) = Sidecar::parse(rest) {
                let bytes = sidecar.to_bytes().unwrap();
                let again = Sidecar::parse(&bytes).unwrap();
                assert_eq!(again.envelopes(), sidecar.envelopes());
                let _ = verify(&facts(), &sidecar, root(), &VerifyPolicy::default());
            }
        }
        None => {}
    }
}

/// A statement under a good signature: what the verifier reads once the envelope has opened.
fn statement(data: &[u8]) {
    let envelope = Envelope::seal(data, secret()).unwrap();
    assert_eq!(envelope.open(public()).unwrap(), data);
    let sidecar = Sidecar::new(vec![envelope]);
    if let Ok(report) = verify(&facts(), &sidecar, root(), &VerifyPolicy::default()) {
        let lines = report.lines();
        let plain = |line: &String| !line.chars().any(char::is_control);
        assert!(lines.iter().all(plain), "control characters in {lines:?}");
        assert!(report.level() <= 3);
    }
}

fn trust_root(data: &[u8]) {
    if let Ok(root) = TrustRoot::parse(data) {
        let bytes = root.to_bytes().unwrap();
        assert_eq!(TrustRoot::parse(&bytes).unwrap().to_bytes().unwrap(), bytes);
        let _ = root.statement_keys();
        let _ = verify(
            &facts(),
            &Sidecar::new(vec![]),
            &root,
            &VerifyPolicy::default(),
        );
    }
    if let Some(text) = text(data)
        && let Ok(key) = PublicKey::from_pem(text)
    {
        assert_eq!(PublicKey::from_pem(&key.to_pem()).unwrap().id(), key.id());
    }
}

fn facts() -> ApkFacts {
    ApkFacts {
        file: FILE.into(),
        sha256: Digest::of(FILE),
        control_sha256: None,
        data_sha256: None,
    }
}

/// A key made for this process: which one it is decides nothing.
pub(crate) fn secret() -> &'static StatementKey {
    static KEY: OnceLock<StatementKey> = OnceLock::new();
    KEY.get_or_init(|| StatementKey::generate().unwrap())
}

pub(crate) fn public() -> &'static PublicKey {
    static KEY: OnceLock<PublicKey> = OnceLock::new();
    KEY.get_or_init(|| secret().public().unwrap())
}

/// A machine that nobody provisioned: its base is named after its key.
fn issuer() -> Issuer {
    Issuer {
        builder: BuilderKind::Local,
        ..test_documents::issuer(&local_base(&public().id()))
    }
}

fn root() -> &'static TrustRoot {
    static ROOT: OnceLock<TrustRoot> = OnceLock::new();
    let builder = issuer().builder_id();
    ROOT.get_or_init(|| TrustRoot::of_provenance_key(&public().to_pem(), &builder, 1).unwrap())
}

fn document_seeds() -> Vec<Vec<u8>> {
    let run = test_documents::run();
    vec![
        seed(0, canonical_bytes(&run.lock).unwrap()),
        seed(0, canonical_bytes(&run.test_locks[0]).unwrap()),
        seed(1, canonical_bytes(&run.job_spec).unwrap()),
        seed(2, canonical_bytes(&run.record).unwrap()),
    ]
}

fn envelope_seeds() -> Vec<Vec<u8>> {
    let statements = statement_seeds();
    let seal = |payload: &Vec<u8>| Envelope::seal(payload, secret()).unwrap();
    let envelopes: Vec<Envelope> = statements.iter().map(seal).collect();
    vec![
        seed(0, envelopes[0].to_line().unwrap()),
        seed(1, Sidecar::new(envelopes).to_bytes().unwrap()),
    ]
}

/// Provenance and a test result of a run, and a small SBOM.
fn statement_seeds() -> Vec<Vec<u8>> {
    let run = test_documents::run();
    let issuer = issuer();
    let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
    let provenance = derivation.provenance().unwrap();
    let test = derivation.test_result(0).unwrap();
    vec![
        canonical_bytes(&provenance).unwrap(),
        canonical_bytes(&test).unwrap(),
        canonical_bytes(&json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "hello", "digest": {"sha256": Digest::of(FILE).hex()}}],
            "predicateType": "https://spdx.dev/Document",
            "predicate": {},
        }))
        .unwrap(),
    ]
}

fn trust_root_seeds() -> Vec<Vec<u8>> {
    vec![root().to_bytes().unwrap(), public().to_pem().into_bytes()]
}

/// What is accepted is written again, and that is read as the same.
fn bundle(data: &[u8]) {
    let mut pool = Pool::new();
    let Ok(targets) = read_bundle(data, BundleLimits::ATTACHED, &mut pool) else {
        return;
    };
    let mut written = Vec::new();
    write_bundle(&targets, &pool, &mut written).expect("a bundle can be written");
    let mut again = Pool::new();
    let read = read_bundle(&written[..], BundleLimits::FILE, &mut again)
        .expect("what is written can be read");
    assert_eq!(read, targets);
    assert_eq!(again.sidecars(), pool.sidecars());
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    let header = r#"{"schema":"bessemer.bundle/v1","targets":[{"kind":"package","name":"a-1-r0.apk","sha256":"sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"},{"kind":"image","name":"registry/app","sha256":"sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9","images":[]}]}"#;
    let mut seeds = vec![header.as_bytes().to_vec()];
    for envelope in envelope_seeds() {
        let line = envelope
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let line = [b"\n{\"envelopes\":[", line, b"]}\n"].concat();
        seeds.push([header.as_bytes(), &line].concat());
    }
    seeds
}
