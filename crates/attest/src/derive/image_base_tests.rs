//! What is derived about images on a base, and every reason not to.

use super::{BaseVerdict, DeriveError, ImageDerivation};
use crate::ResourceDescriptor;
use crate::test_documents::issuer;
use crate::test_images::{CONFIG, ImageRun, MANIFEST, based_run, described};
use bessemer_digest::Digest;
use serde_json::{Value, json};

const BASE: &str = "https://factory.example";

fn refused(change: impl FnOnce(&mut ImageRun)) -> DeriveError {
    let mut run = based_run();
    change(&mut run);
    let issuer = issuer(BASE);
    ImageDerivation::new(&issuer, run.evidence()).unwrap_err()
}

fn derived(run: &ImageRun) -> Vec<ResourceDescriptor> {
    let issuer = issuer(BASE);
    let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
    let predicate = derivation.provenance().unwrap().predicate;
    predicate.build_definition.resolved_dependencies
}

fn of_base(run: &ImageRun) -> Vec<ResourceDescriptor> {
    let all = derived(run).into_iter();
    let role = |one: &ResourceDescriptor| one.annotations["role"].starts_with("base-");
    all.filter(role).collect()
}

fn unverified() -> BaseVerdict {
    BaseVerdict::Unverified {
        reason: "no attestation is attached to it".to_owned(),
    }
}

#[test]
fn a_base_is_a_dependency_with_its_index_and_the_list_of_what_it_has() {
    let run = based_run();
    insta::assert_snapshot!(serde_json::to_string_pretty(&of_base(&run)).unwrap());
    let mut packages = derived(&run).into_iter();
    // What is installed in it is no package of this image.
    let packages = packages
        .by_ref()
        .filter(|one| one.annotations["role"] == "package");
    assert_eq!(packages.count(), 3);
}

#[test]
fn a_base_that_nothing_vouches_for_is_refused_unless_it_is_accepted() {
    let error = refused(|run| run.bases[0] = unverified());
    assert!(matches!(error, DeriveError::UnverifiedBase(_)), "{error}");
    let expected = "./base (no attestation is attached to it)";
    assert!(error.to_string().contains(expected), "{error}");
    let mut run = based_run();
    run.bases[0] = unverified();
    run.policy.accept_unverified_base = true;
    let base = &of_base(&run)[0];
    assert_eq!(base.name.as_deref(), Some("./base"));
    assert_eq!(base.annotations["verified"], "no");
    for absent in ["attestation", "level", "importedPackages"] {
        assert!(!base.annotations.contains_key(absent), "{absent}");
    }
}

/// What nobody would have accepted in the image does not come in by its base.
#[test]
fn what_is_in_a_base_must_be_accepted_too() {
    fn contents(run: &mut ImageRun) -> &mut crate::verify::BaseContents {
        match &mut run.bases[0] {
            BaseVerdict::Built { contents, .. } => contents,
            BaseVerdict::Unverified { .. } => unreachable!(),
        }
    }
    type Change = fn(&mut ImageRun);
    let cases: [(Change, &str, Change); 3] = [
        (
            |run| contents(run).unverified = vec!["odd".to_owned()],
            "no valid provenance: odd (in the base registry.example.com/team/base)",
            |run| run.policy.accept_unverified = vec!["odd".to_owned()],
        ),
        (
            |run| {
                contents(run).imported = 4;
                run.policy.accept_imports = false;
                run.verdicts[1][1] = run.verdicts[0][0].clone();
            },
            "imported from a distribution and not built: 4 in the base registry.example.com/team/base",
            |run| run.policy.accept_imports = true,
        ),
        (
            |run| contents(run).unverified_base = true,
            "what registry.example.com/team/base is built on",
            |run| run.policy.accept_unverified_base = true,
        ),
    ];
    for (change, reason, accept) in cases {
        let error = refused(change).to_string();
        assert!(error.contains(reason), "{error}");
        let mut run = based_run();
        change(&mut run);
        accept(&mut run);
        of_base(&run);
    }
}

#[test]
fn documents_of_another_base_are_refused() {
    type Change = fn(&mut ImageRun);
    let cases: [(Change, &str); 8] = [
        (
            |run| run.files.bases[0].manifest.push(b' '),
            "a record's base is",
        ),
        (
            |run| run.files.bases[0].index.push(b' '),
            "a record's index of a base is",
        ),
        (
            |run| run.files.bases[0].config.push(b' '),
            "the configuration of a base is",
        ),
        (
            |run| run.files.bases.clear(),
            "not as many as the images that have one",
        ),
        (
            |run| run.record.platforms[0].base = None,
            "not as many as the images that have one",
        ),
        (
            |run| {
                let index = br#"{"manifests": []}"#.to_vec();
                run.record.platforms[0].base.as_mut().unwrap().index = Digest::of(&index);
                run.files.bases[0].index = index;
            },
            "does not list the base",
        ),
        (
            |run| {
                let index = String::from_utf8(run.files.bases[0].index.clone()).unwrap();
                let index = index.replace("\"manifests\"", "\"Manifests\": [], \"manifests\"");
                run.record.platforms[0].base.as_mut().unwrap().index = Digest::of(&index);
                run.files.bases[0].index = index.into_bytes();
            },
            "the index of a base is not an OCI document",
        ),
        (
            |run| run.record.platforms[0].base.as_mut().unwrap().name = "a\nb".to_owned(),
            "has control characters",
        ),
    ];
    for (change, reason) in cases {
        let error = refused(change).to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

/// Changes the base's configuration and manifest, and whatever names them; the image stays as it was.
fn rebased(run: &mut ImageRun, config: impl FnOnce(&mut Value), manifest: impl FnOnce(&mut Value)) {
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    let files = &mut run.files.bases[0];
    let mut new_config = read(&files.config);
    config(&mut new_config);
    files.config = new_config.to_string().into_bytes();
    let mut new_manifest = read(&files.manifest);
    new_manifest["config"] = described(CONFIG, &files.config);
    manifest(&mut new_manifest);
    files.manifest = new_manifest.to_string().into_bytes();
    let index = json!({ "manifests": [described(MANIFEST, &files.manifest)] });
    files.index = index.to_string().into_bytes();
    let base = run.record.platforms[0].base.as_mut().unwrap();
    base.manifest = Digest::of(&files.manifest);
    base.index = Digest::of(&files.index);
}

#[test]
fn an_image_that_is_not_built_on_its_base_is_refused() {
    type Change = fn(&mut Value);
    let leave: Change = |_| {};
    let cases: [(Change, Change, &str); 6] = [
        (
            leave,
            |manifest| manifest["layers"] = json!([]),
            "does not have the layers of its base",
        ),
        (
            leave,
            |manifest| manifest["layers"][0]["digest"] = json!(Digest::of("another")),
            "does not have the layers of its base",
        ),
        (
            leave,
            |manifest| manifest["layers"][0]["size"] = json!(1),
            "does not have the layers of its base",
        ),
        (
            |config| config["rootfs"]["diff_ids"] = json!([Digest::of("another")]),
            leave,
            "does not name the contents of its base's layers",
        ),
        (
            |config| config["architecture"] = "arm64".into(),
            leave,
            "is for another platform than the image",
        ),
        (
            leave,
            |manifest| manifest["Layers"] = json!([]),
            "the manifest of a base is not an OCI document",
        ),
    ];
    for (config, manifest, reason) in cases {
        let error = refused(|run| rebased(run, config, manifest)).to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    // Control run: the same with nothing changed.
    let mut run = based_run();
    rebased(&mut run, leave, leave);
    of_base(&run);
    // The image has two layers on top.
    let error = refused(|run| {
        let layer = |manifest: &mut Value| {
            let layers = manifest["layers"].as_array_mut().unwrap();
            layers.push(layers[1].clone());
        };
        run.reword(|_| {}, layer, |_| {});
    });
    assert!(error.to_string().contains("and one on top"), "{error}");
}
