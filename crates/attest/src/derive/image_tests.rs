//! What is derived about images, and every reason not to.

use super::{DeriveError, ImageDerivation, PackageVerdict, image_signature_payload};
use crate::ResourceDescriptor;
use crate::documents::{ImageParameters, ImageRecord, canonical_bytes, parse};
use crate::test_documents::{issuer, keys};
use crate::test_images::{ImageRun, based_run, described, image_run};
use bessemer_digest::Digest;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BASE: &str = "https://factory.example";

fn refused(change: impl FnOnce(&mut ImageRun)) -> DeriveError {
    let mut run = image_run();
    change(&mut run);
    let issuer = issuer(BASE);
    ImageDerivation::new(&issuer, run.evidence()).unwrap_err()
}

fn unverified() -> PackageVerdict {
    PackageVerdict::Unverified {
        reason: "nothing beside it attests anything".to_owned(),
    }
}

#[test]
fn derives_provenance_of_images() {
    let (run, issuer) = (image_run(), issuer(BASE));
    let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
    let statement = derivation.provenance().unwrap();
    let subjects: Vec<_> = statement
        .subject
        .iter()
        .filter_map(ResourceDescriptor::sha256)
        .collect();
    assert_eq!(subjects, derivation.digests());
    insta::assert_snapshot!(serde_json::to_string_pretty(&statement).unwrap());
}

#[test]
fn every_sbom_is_about_one_manifest() {
    let (run, issuer) = (image_run(), issuer(BASE));
    let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
    let document = RawValue::from_string("{}".to_owned()).unwrap();
    for (number, digest) in derivation.digests().iter().enumerate() {
        let statement = derivation.sbom(number, &document).unwrap();
        assert_eq!(statement.subject.len(), 1);
        assert!(statement.subject_with(digest).is_some());
    }
    assert!(derivation.sbom(3, &document).is_err());
}

#[test]
fn the_record_has_one_spelling() {
    let record = image_run().record;
    let bytes = canonical_bytes(&record).unwrap();
    assert_eq!(parse::<ImageRecord>(&bytes).unwrap(), record);
    let spaced = [b" ", &bytes[..]].concat();
    assert!(parse::<ImageRecord>(&spaced).is_err());
}

#[test]
fn a_package_without_provenance_is_refused_unless_it_is_named() {
    let error = refused(|run| run.verdicts[0][0] = unverified());
    assert!(matches!(error, DeriveError::UnverifiedPackages(_)));
    assert!(
        error.to_string().contains("hello (nothing beside it"),
        "{error}"
    );
    let error = refused(|run| {
        run.verdicts[0][0] = unverified();
        run.policy.accept_unverified = vec!["libc".to_owned()];
    });
    assert!(matches!(error, DeriveError::UnverifiedPackages(_)));
    let (mut run, issuer) = (image_run(), issuer(BASE));
    run.verdicts[0][0] = unverified();
    run.policy.accept_unverified = vec!["hello".to_owned()];
    let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
    let definition = derivation.provenance().unwrap().predicate.build_definition;
    let policy = definition.internal_parameters.package_policy;
    assert_eq!(policy.accept_unverified, ["hello"]);
    let found = |one: &&ResourceDescriptor| {
        one.annotations
            .get("verified")
            .is_some_and(|word| word == "no")
    };
    let unverified: Vec<_> = definition
        .resolved_dependencies
        .iter()
        .filter(found)
        .collect();
    assert_eq!(unverified.len(), 1);
    assert!(!unverified[0].annotations.contains_key("attestation"));
}

#[test]
fn an_import_is_refused_unless_imports_are_accepted() {
    let error = refused(|run| run.policy.accept_imports = false);
    assert!(matches!(error, DeriveError::ImportedPackages(_)), "{error}");
    // Naming it accepts that nothing verifies, and is no word about imports.
    let error = refused(|run| {
        run.policy.accept_imports = false;
        run.policy.accept_unverified = vec!["libc".to_owned()];
    });
    assert!(matches!(error, DeriveError::ImportedPackages(_)), "{error}");
}

#[test]
fn a_verdict_that_is_missing_is_refused() {
    let error = refused(|run| drop(run.verdicts[1].pop()));
    assert!(matches!(error, DeriveError::NoOutput(_)), "{error}");
    let error = refused(|run| drop(run.verdicts.pop()));
    assert!(matches!(error, DeriveError::NoOutput(_)), "{error}");
}

#[test]
fn refuses_documents_that_are_not_the_records() {
    type Change = fn(&mut ImageRun);
    let changes: [(&str, Change); 5] = [
        ("the record's index", |run| run.files.index.push(b' ')),
        ("a record's manifest", |run| {
            run.files.platforms[0].0.push(b' ');
        }),
        ("a record's configuration", |run| {
            run.files.platforms[1].1.push(b' ');
        }),
        ("a manifest that the index lists", |run| {
            run.files.platforms.swap(0, 1);
            run.record.platforms.swap(0, 1);
        }),
        ("the configuration of a manifest", |run| {
            run.files.platforms[0].1 = b"{}".to_vec();
            run.record.platforms[0].config = Digest::of("{}");
        }),
    ];
    for (what, change) in changes {
        let error = refused(change).to_string();
        assert!(error.starts_with(what), "{error}");
    }
}

#[test]
fn refuses_another_number_of_images() {
    let error = refused(|run| {
        run.files.platforms.pop();
    });
    assert!(matches!(error, DeriveError::ImageCount { .. }), "{error}");
    let error = refused(|run| {
        run.record.platforms.clear();
        run.files.platforms.clear();
    });
    assert!(matches!(error, DeriveError::ImageCount { .. }), "{error}");
}

#[test]
fn refuses_what_is_no_index() {
    let error = refused(|run| {
        run.files.index = b"{}".to_vec();
        run.record.index = Digest::of("{}");
    });
    assert!(
        matches!(error, DeriveError::ImageDocument { .. }),
        "{error}"
    );
}

#[test]
fn refuses_text_that_must_not_be_published() {
    let error = refused(|run| {
        run.record.parameters.repositories = vec!["https://me:word@host/x".to_owned()];
    });
    assert!(matches!(error, DeriveError::Credentials { .. }), "{error}");
    let error = refused(|run| run.names.clear());
    assert!(matches!(error, DeriveError::Invalid { .. }), "{error}");
    let error = refused(|run| run.record.image_files.clear());
    assert!(matches!(error, DeriveError::Invalid { .. }), "{error}");
    let error = refused(|run| run.names[0].push('\u{202e}'));
    assert!(matches!(error, DeriveError::Invalid { .. }), "{error}");
}

#[test]
fn refuses_documents_that_others_would_read_otherwise() {
    type Change = fn(&mut Value);
    let leave: Change = |_| {};
    // Go's readers find keys in any case, and take the last of both.
    let folded: Change = |value| value["Layers"] = json!([]);
    let manifest: Change = |value| value["manifests"] = json!([]);
    let media: Change = |value| value["mediaType"] = "text/plain".into();
    let size: Change = |value| value["size"] = 1.into();
    let platform: Change = |value| value["platform"]["architecture"] = "s390x".into();
    let urls: Change = |value| value["urls"] = json!(["https://elsewhere.example"]);
    let config: Change = |value| value["architecture"] = "s390x".into();
    let folded_config: Change = |value| value["Config"] = json!({});
    for (what, changes) in [
        ("not an OCI document", [leave, folded, leave]),
        ("not an OCI document", [leave, manifest, leave]),
        ("not an OCI document", [folded_config, leave, leave]),
        ("not an OCI document", [leave, leave, urls]),
        ("another media type", [leave, media, leave]),
        ("another media type", [leave, leave, media]),
        ("another size", [leave, leave, size]),
        ("another platform", [leave, leave, platform]),
        ("another platform", [config, leave, leave]),
    ] {
        let [config, manifest, listed] = changes;
        let error = refused(|run| run.reword(config, manifest, listed)).to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
    // The control run: the same with nothing changed.
    let mut run = image_run();
    run.reword(leave, leave, leave);
    ImageDerivation::new(&issuer(BASE), run.evidence()).unwrap();
}

#[test]
fn an_image_says_what_its_layers_need() {
    type Change = fn(&mut Value);
    let leave: Change = |_| {};
    let config: Change = |value| value["os.features"] = json!(["erofs"]);
    let listed: Change = |value| value["platform"]["os.features"] = json!(["erofs"]);
    let manifest: Change = |value| {
        value["layers"] = json!([described("application/vnd.erofs", b"image")]);
    };
    let more: Change = |value| value["os.features"] = json!(["erofs", "win32k"]);
    for changes in [
        [leave, manifest, leave],
        [config, manifest, leave],
        [leave, manifest, listed],
        [config, leave, listed],
        [more, manifest, listed],
    ] {
        let [config, manifest, listed] = changes;
        let error = refused(|run| {
            run.record.compression = "none".to_owned();
            run.reword(config, manifest, listed);
        });
        let error = error.to_string();
        assert!(error.contains("another platform"), "{error}");
    }
    let mut run = image_run();
    run.record.compression = "none".to_owned();
    run.reword(config, manifest, listed);
    ImageDerivation::new(&issuer(BASE), run.evidence()).unwrap();
}

#[test]
fn layers_are_packed_as_the_record_says() {
    let kinds = [
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.erofs",
    ];
    for (layers, compression, reason) in [
        (&kinds[..1], "gzip", "another media type"),
        (&kinds[1..], "zstd", "another media type"),
        (&kinds[..], "zstd", "another media type"),
        (&[], "brotli", "a compression that no layer has"),
    ] {
        let error = refused(|run| {
            run.record.compression = compression.to_owned();
            let layers: Vec<Value> = layers
                .iter()
                .map(|kind| described(kind, b"layer"))
                .collect();
            run.reword(|_| {}, |value| value["layers"] = json!(layers), |_| {});
        });
        assert!(error.to_string().contains(reason), "{error}");
    }
    let mut run = image_run();
    run.record.compression = "zstd".to_owned();
    let layer = described(kinds[0], b"layer");
    run.reword(|_| {}, |value| value["layers"] = json!([layer]), |_| {});
    ImageDerivation::new(&issuer(BASE), run.evidence()).unwrap();
}

#[test]
fn refuses_an_image_twice_and_an_unknown_architecture() {
    let error = refused(|run| {
        let mut index: Value = serde_json::from_slice(&run.files.index).unwrap();
        index["manifests"][1] = index["manifests"][0].clone();
        run.files.index = index.to_string().into_bytes();
        run.record.index = Digest::of(&run.files.index);
        run.files.platforms[1] = run.files.platforms[0].clone();
        run.record.platforms[1] = run.record.platforms[0].clone();
    });
    assert!(error.to_string().contains("twice"), "{error}");
    let error = refused(|run| run.record.platforms[0].architecture = "amd64".to_owned());
    assert!(error.to_string().contains("none of apk's"), "{error}");
}

#[test]
fn refuses_names_that_are_no_repositories() {
    for name in [
        "app",
        "registry.example.com/app:1",
        "registry.example.com/app@sha256:00",
        "user:word@registry.example.com/app",
        "registry.example.com/App",
        "registry.example.com//app",
        "registry.example.com/app ",
        "registry.example.com/-app",
        "/app",
    ] {
        let error = refused(|run| run.names = vec![name.to_owned()]).to_string();
        assert!(
            error.contains("no registry and repository"),
            "{name}: {error}"
        );
    }
    let error = refused(|run| run.names.push(run.names[0].clone())).to_string();
    assert!(error.contains("given twice"), "{error}");
    let many = (0..17).map(|number| format!("host/app{number}")).collect();
    let error = refused(|run| run.names = many).to_string();
    assert!(error.contains("not from 1 to 16"), "{error}");
    let (mut run, issuer) = (image_run(), issuer(BASE));
    run.names = vec![
        "127.0.0.1:5000/team/app_1".to_owned(),
        "[::1]:5000/a".to_owned(),
    ];
    ImageDerivation::new(&issuer, run.evidence()).unwrap();
}

#[test]
fn refuses_a_password_in_the_repository_of_the_image_file() {
    for url in [
        "https://user:token@host/repository",
        "https://user:token@host/repository@0123456789abcdef0123456789abcdef01234567",
    ] {
        let error = refused(|run| run.record.parameters.vcs_url = Some(url.to_owned()));
        assert!(matches!(error, DeriveError::Credentials { .. }), "{error}");
    }
}

#[test]
fn signatures_are_over_what_cosign_signs() {
    let digest = Digest::of("manifest");
    let payload = image_signature_payload("registry.example.com/app", &digest);
    let expected = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"registry.example.com/app"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    );
    assert_eq!(String::from_utf8(payload).unwrap(), expected);
}

#[test]
fn every_key_is_described() {
    let text = || vec!["text".to_owned()];
    let (mut run, issuer) = (based_run(), issuer(BASE));
    run.policy.accept_unverified_base = true;
    run.record.lock = Some(Digest::of("lock"));
    run.record.parameters = ImageParameters {
        architectures: run.record.parameters.architectures.clone(),
        include_paths: text(),
        keyrings: text(),
        build_repositories: text(),
        repositories: text(),
        packages: text(),
        annotations: BTreeMap::new(),
        lock_file: Some("image.lock.json".to_owned()),
        vcs_url: Some("https://example.com/images@0123".to_owned()),
        format: Some("erofs".to_owned()),
    };
    let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
    let definition = derivation.provenance().unwrap().predicate.build_definition;
    let mut record = run.record.clone();
    // Its fields are the lock's.
    record
        .platforms
        .iter_mut()
        .for_each(|platform| platform.packages.clear());
    for (page, document) in [
        (
            include_str!("../../../../docs/buildtypes/oci-image/v1.md"),
            serde_json::to_value(&definition.external_parameters),
        ),
        (
            include_str!("../../../../docs/buildtypes/oci-image/v1.md"),
            serde_json::to_value(&definition.internal_parameters),
        ),
        (
            include_str!("../../../../docs/formats/image.md"),
            serde_json::to_value(&record),
        ),
    ] {
        let mut found = Vec::new();
        keys(&document.unwrap(), &mut found);
        for key in found {
            assert!(
                page.contains(&format!("`{key}`")),
                "`{key}` is not described"
            );
        }
    }
}
