//! The documents' descriptions name every key that the documents have.

use crate::derive::Derivation;
use crate::documents::Parameters;
use crate::test_documents::{issuer, keys, run};

fn text() -> Vec<String> {
    vec!["text".to_owned()]
}

#[test]
fn every_key_is_described() {
    let mut run = run();
    // Every key that may be left out; a map's own keys are nobody's schema.
    let file = run.lock.recipe.clone();
    run.lock.environment_files.push(file.clone());
    run.job_spec.external_parameters = Parameters {
        architecture: "x86_64".to_owned(),
        options: text(),
        extra_repositories: text(),
        keyrings: text(),
        pipeline_directories: text(),
        environment_files: vec![file.path.clone()],
        extra_packages: text(),
        namespace: Some("wolfi".to_owned()),
        git_commit: Some("4b825dc6".to_owned()),
        git_repository_url: Some("https://example.test/os".to_owned()),
        recipe_license: Some("Apache-2.0".to_owned()),
        strip_origin_name: true,
        host_triplet_libc: Some("musl".to_owned()),
        debug: true,
        original_recipe: Some(file),
        ..Parameters::default()
    };
    run.reseal();
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
            include_str!("../../../../docs/formats/guest-inputs.md"),
            serde_json::to_value(&run.guest_inputs),
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
        (
            include_str!("../../../../docs/buildtypes/apk-package/v1.md"),
            serde_json::to_value(&definition.external_parameters),
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
