//! Policy files, and source attestations under a good signature.

use crate::Target;
use crate::input::text;
use bessemer_attest::Envelope;
use bessemer_policy::{Policy, SourceAttestations, SourceEvidence};
use bessemer_yaml::SourceFile;
use std::sync::OnceLock;

pub(crate) const FILE: Target = Target {
    name: "policy_file",
    run: file,
    seeds: file_seeds,
    words: &[
        "schema: bessemer.policy/v1\n",
        "packages:\n",
        "  - names: [\"*\"]\n",
        "expect: ",
        "min-level: ",
        "max-age: 90d",
        "sources:\n",
        "- ",
        "\n  ",
        "&a ",
        "*a",
        "<<: ",
        "[]",
        "parameters: [none]",
    ],
};

pub(crate) const SUMMARY: Target = Target {
    name: "policy_summary",
    run: summary,
    seeds: summary_seeds,
    words: &[
        "\"gitCommit\":",
        "SLSA_SOURCE_LEVEL_3",
        "\"resourceUri\":",
        "git+https://",
        "{}",
        "[]",
        "null",
    ],
};

const RULES: &str = include_str!("../../../crates/policy/test-data/everything.yaml");

/// A policy, with the fuzzer's own key for every verifier.
fn parse(text: &str) -> Option<Policy> {
    let key = |_: &str| Ok(crate::attest::public().to_pem());
    Policy::parse(&SourceFile::new("fuzz.yaml", text), &key).ok()
}

/// What is read has a digest of its own, and means the same again.
fn file(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(policy) = parse(text) {
        let again = parse(text).expect("the same text is read again");
        assert_eq!(policy.digest(), again.digest());
        let _ = SourceEvidence::of(&policy, &SourceAttestations::default());
    }
}

fn summary(data: &[u8]) {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    let policy = POLICY.get_or_init(|| parse(RULES).expect("a policy"));
    let envelope = Envelope::seal(data, crate::attest::secret()).expect("it signs");
    let mut given = SourceAttestations::default();
    let line = envelope.to_line().expect("a line");
    given.read(&line).expect("an envelope");
    let _ = SourceEvidence::of(policy, &given);
}

fn file_seeds() -> Vec<Vec<u8>> {
    vec![RULES.as_bytes().to_vec()]
}

fn summary_seeds() -> Vec<Vec<u8>> {
    let text = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"gitCommit":"c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0"},"annotations":{"sourceRefs":["refs/heads/main"]}}],"predicateType":"https://slsa.dev/verification_summary/v1","predicate":{"verifier":{"id":"https://source.example/verifier/v1"},"resourceUri":"git+https://git.example/recipes","verificationResult":"PASSED","verifiedLevels":["SLSA_SOURCE_LEVEL_3"]}}"#;
    vec![text.as_bytes().to_vec()]
}
