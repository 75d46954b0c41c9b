//! T29: external parameters that are not of the schema, in statements with good signatures.

use super::*;

/// Verifies provenance whose external parameters were written so before they were signed.
fn with_parameters(change: impl Fn(&str) -> String) -> Result<Report, VerifyError> {
    let factory = Factory::of(|run| {
        let parameters = &mut run.job_spec.external_parameters;
        parameters.options = vec!["static".to_owned()];
    });
    let mut payloads = factory.payloads.clone();
    let text = String::from_utf8(payloads[0].1.clone()).unwrap();
    let start = text.find("\"externalParameters\":").unwrap();
    let end = start + text[start..].find("\"internalParameters\"").unwrap();
    let changed = change(&text[start..end]);
    payloads[0].1 = [&text[..start], &changed, &text[end..]]
        .concat()
        .into_bytes();
    factory.verify(&factory.seal(&payloads))
}

const ARCHITECTURE: &str = "\"architecture\":\"x86_64\"";
const OPTIONS: &str = "\"options\":[\"static\"]";

#[test]
fn parameters_that_do_not_follow_the_schema_are_refused() {
    // Control run: written anew without a change, they are taken.
    assert!(with_parameters(str::to_owned).is_ok());
    for (name, from, to) in [
        (
            "an extra key",
            ARCHITECTURE,
            "\"architecture\":\"x86_64\",\"hidden\":\"x\"",
        ),
        (
            "an extra key that is empty",
            ARCHITECTURE,
            "\"architecture\":\"x86_64\",\"hidden\":null",
        ),
        (
            "an extra key within",
            "\"path\":",
            "\"branch\":\"x\",\"path\":",
        ),
        ("a missing key", "\"architecture\":\"x86_64\",", ""),
        ("a missing key within", "\"path\":\"hello.yaml\"", ""),
        ("a number for a text", ARCHITECTURE, "\"architecture\":1"),
        (
            "a list for a text",
            ARCHITECTURE,
            "\"architecture\":[\"x86_64\"]",
        ),
        ("null for a text", ARCHITECTURE, "\"architecture\":null"),
        ("a text for a list", OPTIONS, "\"options\":\"static\""),
        ("null for a list", OPTIONS, "\"options\":null"),
        ("numbers in a list", OPTIONS, "\"options\":[1]"),
        ("a text for a truth", OPTIONS, "\"debug\":\"true\""),
        (
            "the same key twice",
            OPTIONS,
            "\"options\":[\"static\"],\"options\":[]",
        ),
        (
            "the first of all twice",
            ARCHITECTURE,
            "\"architecture\":\"x86_64\",\"architecture\":\"x86_64\"",
        ),
        // A Cyrillic letter, an escape that is the same letter, another case.
        ("a twin", OPTIONS, "\"\u{43e}ptions\":[\"static\"]"),
        (
            "a twin beside",
            OPTIONS,
            "\"options\":[\"static\"],\"\u{43e}ptions\":[]",
        ),
        (
            "the same by an escape",
            OPTIONS,
            "\"options\":[\"static\"],\"\\u006fptions\":[]",
        ),
        ("another case", OPTIONS, "\"Options\":[\"static\"]"),
    ] {
        let change = |text: &str| {
            assert!(text.contains(from), "{name}: {text}");
            text.replacen(from, to, 1)
        };
        let error = with_parameters(change).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("does not follow its schema"),
            "{name}: {message}"
        );
    }
}
