//! The documents' descriptions name every key that the documents have.

use crate::derive::Derivation;
use crate::test_documents::{issuer, run};
use serde_json::Value;

fn keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                found.push(key.clone());
                keys(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_described() {
    let run = run();
    let issuer = issuer("https://factory.example");
    let provenance = Derivation::new(&issuer, run.evidence())
        .unwrap()
        .provenance()
        .unwrap();
    let definition = &provenance.predicate.build_definition;
    let cases = [
        (
            include_str!("../../../../docs/formats/lock.md"),
            serde_json::to_value(&run.lock),
        ),
        (
            include_str!("../../../../docs/formats/job-spec.md"),
            serde_json::to_value(&run.job_spec),
        ),
        (
            include_str!("../../../../docs/formats/record.md"),
            serde_json::to_value(&run.record),
        ),
        (
            include_str!("../../../../docs/formats/provenance.md"),
            serde_json::to_value(&definition.external_parameters),
        ),
        (
            include_str!("../../../../docs/formats/provenance.md"),
            serde_json::to_value(&definition.internal_parameters),
        ),
    ];
    for (description, document) in cases {
        let mut found = Vec::new();
        keys(&document.unwrap(), &mut found);
        for key in found {
            assert!(
                description.contains(&format!("`{key}`")),
                "`{key}` is not described"
            );
        }
    }
}
