//! Chains of images that are built on others.

use super::*;
use crate::derive::ImageDerivation;
use crate::test_images::image_run;
use crate::verify::{ImageExpectations, ImageVerifyPolicy, verify_image_whole};

impl Mill {
    /// The x86_64 image of a run, with others below it or in it.
    fn image(&self, name: &'static str, of: &[Value]) -> Made {
        let (issuer, run) = (issuer(&self.root.base), image_run());
        let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
        let statement = canonical_bytes(&derivation.provenance().unwrap()).unwrap();
        let mut statement: Value = serde_json::from_slice(&statement).unwrap();
        let mut own = subject(name);
        own["annotations"] = json!({ "architecture": "x86_64" });
        statement["subject"] = json!([own]);
        statement["predicate"]["buildDefinition"]["resolvedDependencies"] = of.into();
        self.seal(name, Role::Image, &statement)
    }

    fn walk_image(&self, made: &Made, pool: &Pool) -> Chain {
        let (policy, expected) = (ImageVerifyPolicy::default(), ImageExpectations::nothing());
        let digest = Digest::of(made.name);
        let verified = verify_image_whole(&digest, &made.sidecar, &self.root, &policy, &expected);
        let walk = Walk {
            pool,
            roots: std::slice::from_ref(&self.root),
            now: None,
            demand: &|_| Vec::new(),
        };
        walk.from(vec![Node::of_image(
            made.name.to_owned(),
            verified.unwrap(),
        )])
    }
}

/// A package or base as the provenance of an image has it.
fn within(made: &Made, role: &str, architecture: &str) -> Value {
    let mut dependency = made.dependency(role);
    let verified = if made.attestation.is_some() {
        "provenance"
    } else {
        "no"
    };
    let notes = &mut dependency["annotations"];
    notes["image"] = architecture.into();
    notes["verified"] = verified.into();
    notes["level"] = "1".into();
    notes["importedPackages"] = "0".into();
    dependency
}

#[test]
fn a_base_is_followed_to_what_it_was_made_from() {
    let mill = Mill::new();
    let (library, app) = (
        mill.built("library-1-r0.apk", &[]),
        mill.built("app-1-r0.apk", &[]),
    );
    let base = mill.image("base", &[within(&library, "package", "x86_64")]);
    let document = json!({
        "name": "APKINDEX", "digest": {"sha256": Digest::of("installed").hex()},
        "annotations": {"role": "base-packages", "image": "x86_64"},
    });
    let parts = [
        within(&base, "base-image", "x86_64"),
        document,
        within(&app, "package", "x86_64"),
    ];
    let image = mill.image("image", &parts);
    let whole = mill.walk_image(&image, &pool(&[&base, &library, &app]));
    assert_eq!((whole.gaps().count(), whole.nodes.len()), (0, 4));
    let shown = text(&whole);
    for part in [
        "built on base (sha256:",
        "image base at level 1 by",
        "chain: 2 images and 2 packages built",
        "1 document of a base image: names base images, or says",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // Without the base's provenance its package is not found either.
    let without = mill.walk_image(&image, &pool(&[&library, &app]));
    assert_eq!((without.gaps().count(), without.nodes.len()), (1, 3));
    assert_eq!(verdict(&without, "base"), &Verdict::Missing);
}

#[test]
fn a_base_that_nobody_attests_is_an_end_and_said() {
    let mill = Mill::new();
    let base = Made::unattested("./base");
    let image = mill.image("image", &[within(&base, "base-image", "x86_64")]);
    let chain = mill.walk_image(&image, &Pool::new());
    assert_eq!(verdict(&chain, "./base"), &Verdict::Unattested);
    assert_eq!((chain.gaps().count(), chain.unattested().count()), (0, 1));
    let shown = text(&chain);
    for part in [
        "built on 1 without attestation: ./base",
        "1 base image without attestation: nothing vouches for",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_base_that_is_not_the_one_that_is_named_is_refused() {
    let mill = Mill::new();
    let foreign = Mill::new().image("base", &[]);
    // A package is no base, whatever vouches for it.
    let package = mill.built("library-1-r0.apk", &[]);
    for made in [&foreign, &package] {
        let image = mill.image("image", &[within(made, "base-image", "x86_64")]);
        let chain = mill.walk_image(&image, &pool(&[made]));
        let Verdict::Refused { reason } = verdict(&chain, made.name) else {
            panic!("{:?}", chain.nodes);
        };
        assert!(reason.contains("there is no valid provenance"), "{reason}");
    }
}

/// Two runs made the same base: the chain goes on from the run that was verified then.
#[test]
fn of_several_provenances_of_a_base_the_one_that_is_named_counts() {
    let mill = Mill::new();
    let library = mill.built("library-1-r0.apk", &[]);
    let first = mill.image("base", &[within(&library, "package", "x86_64")]);
    let second = mill.image("base", &[]);
    let mut both = first.sidecar.clone();
    both.push(second.sidecar.envelopes()[0].clone());
    for (attestation, nodes) in [(first.attestation, 3), (second.attestation, 2)] {
        let named = Made {
            name: "base",
            sidecar: both.clone(),
            attestation,
        };
        let image = mill.image("image", &[within(&named, "base-image", "x86_64")]);
        let chain = mill.walk_image(&image, &pool(&[&library, &named]));
        assert_eq!((chain.gaps().count(), chain.nodes.len()), (0, nodes));
    }
}

#[test]
fn what_a_base_was_made_from_affects_what_is_built_on_it() {
    let mill = Mill::new();
    let library = mill.built("library-1-r0.apk", &[]);
    let other = mill.built("other-1-r0.apk", &[]);
    let parts = [
        within(&library, "package", "x86_64"),
        // In the index, and in no part of this image.
        within(&other, "package", "aarch64"),
    ];
    let base = mill.image("base", &parts);
    let image = mill.image("image", &[within(&base, "base-image", "x86_64")]);
    let pool = pool(&[&library, &other, &base, &image]);
    let walk = Walk {
        pool: &pool,
        roots: std::slice::from_ref(&mill.root),
        now: None,
        demand: &|_| Vec::new(),
    };
    let found = |name: &str| {
        let search = walk.affected(&Digest::of(name).hex());
        let affected = search.affected.into_iter();
        let affected = affected.map(|one| (one.distance, one.artifact.sha256, one.by[0].0.clone()));
        affected.collect::<Vec<_>>()
    };
    let by = |distance, name: &str, role: &str| (distance, Digest::of(name), role.to_owned());
    assert_eq!(
        found("library-1-r0.apk"),
        [by(1, "base", "package"), by(2, "image", "base-image")]
    );
    assert_eq!(found("base"), [by(1, "image", "base-image")]);
    assert!(found("other-1-r0.apk").is_empty());
}
