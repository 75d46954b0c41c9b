//! No bytes make the reader panic, and no summary the evidence.

use crate::factory::{factory, no_files, now};
use crate::test_keys::TestKey;
use bessemer_attest::Envelope;
use bessemer_policy::{Policy, SourceAttestations, SourceEvidence, check};
use bessemer_yaml::SourceFile;
use proptest::prelude::*;

fn run(text: String) {
    if let Ok(policy) = Policy::parse(&SourceFile::new("hostile.yaml", text), &no_files) {
        let report = factory().package(|_| {});
        let found = check(&policy, &report, &SourceEvidence::default(), &now());
        let plain = |text: &str| !text.chars().any(char::is_control);
        assert!(found.iter().all(|violation| plain(&violation.text)));
    }
}

/// Pieces of policies, so that many of the texts get past the first line.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("packages:\n".to_owned()),
        Just("  - names: ['*']\n".to_owned()),
        Just("  - names: [hello]\n    expect:\n".to_owned()),
        Just("      min-level: 2\n".to_owned()),
        Just("      sources:\n        - repository: https://a.example/é\n".to_owned()),
        Just("      max-age: 3d\n".to_owned()),
        Just("      network: [none, open]\n".to_owned()),
        Just("      parameters: [options=a*]\n".to_owned()),
        Just("      source-level: 3\n".to_owned()),
        Just("defaults: &d\n  tests: required\n".to_owned()),
        Just("    expect: *d\n".to_owned()),
        Just("images:\n  - names: [a]\n".to_owned()),
        Just(
            "source-verifiers:\n  - id: https://v.example\n    public-key-file: good.pub\n"
                .to_owned()
        ),
        "[ -~é\n]{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        run(text);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        run(String::from_utf8_lossy(&bytes).into_owned());
        let _ = SourceAttestations::default().read(&bytes);
    }

    #[test]
    fn nearly_policies(pieces in prop::collection::vec(piece(), 0..8)) {
        run(format!("schema: bessemer.policy/v1\n{}", pieces.concat()));
    }

    #[test]
    fn any_payload_under_a_good_signature(text in "[\\[\\]{}\":,a-zA-Z0-9_ ]{0,60}") {
        let key = TestKey::generate();
        let policy = crate::sources::policy(&key, "source-level: 1");
        let mut given = SourceAttestations::default();
        let envelope = Envelope::seal(text.as_bytes(), &key).unwrap();
        given.read(&envelope.to_line().unwrap()).unwrap();
        let _ = SourceEvidence::of(&policy, &given);
    }
}

#[test]
fn deep_and_expanding_documents_are_refused() {
    let start = "schema: bessemer.policy/v1\n";
    for text in [
        "[".repeat(100_000),
        format!("{start}packages: {}", "[{names: ".repeat(10_000)),
        format!("{start}packages:\n{}", "  - names: [a]\n".repeat(20_000)),
    ] {
        assert!(Policy::parse(&SourceFile::new("f", text), &no_files).is_err());
    }
}
