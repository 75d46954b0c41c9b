//! What is said of an image's base, and what of it a consumer may refuse.

use super::*;
use crate::derive::BaseVerdict;
use crate::test_images::based_run;
use serde_json::json;

fn based(contents: &BaseContents) -> Image {
    Image::of_run(based_run(), |run| {
        let BaseVerdict::Built { contents: own, .. } = &mut run.bases[0] else {
            unreachable!();
        };
        own.clone_from(contents);
        run.policy.accept_unverified = vec!["odd".to_owned()];
        run.policy.accept_unverified_base = true;
    })
}

fn unverified() -> Image {
    Image::of_run(based_run(), |run| {
        let reason = "nothing".to_owned();
        run.bases[0] = BaseVerdict::Unverified { reason };
        run.policy.accept_unverified_base = true;
    })
}

fn built() -> BaseContents {
    BaseContents {
        lowest_level: Some(1),
        ..BaseContents::default()
    }
}

/// The lines about bases.
fn lines(image: &Image) -> String {
    let report = image.verify(&image.attached(&image.payloads)).unwrap();
    let lines = report.lines().into_iter();
    lines.filter(|line| line.starts_with("  base ")).collect()
}

#[test]
fn a_report_says_what_an_image_is_built_on() {
    let digest = Digest::of(&based_run().files.bases[0].manifest);
    let verified = format!(
        "  base        registry.example.com/team/base {digest} of x86_64, with verified provenance at level 1"
    );
    assert_eq!(lines(&based(&built())), verified);
    let contents = BaseContents {
        imported: 4,
        unverified: vec!["odd".to_owned()],
        lowest_level: Some(0),
        unverified_base: true,
        lowest_base_level: Some(0),
    };
    assert_eq!(
        lines(&based(&contents)),
        format!(
            "{verified}; 4 imported packages in it; accepted unverified in it: odd; on a base at level 0; built on what was accepted unverified"
        )
    );
    assert_eq!(
        lines(&unverified()),
        format!("  base        ./base {digest} of x86_64, accepted unverified")
    );
    let image = based(&built());
    let report = image.verify(&image.attached(&image.payloads)).unwrap();
    assert_eq!((report.packages.built, report.bases.len()), (2, 1));
}

/// The level that is demanded of bases is demanded of what they are built on, too.
#[test]
fn a_base_is_no_better_than_the_one_below_it() {
    let demand = |min_level| BaseDemand {
        min_level,
        accept_unverified_base: false,
        accepts_package: &|_| false,
        refuse_imports: false,
        min_package_level: 0,
    };
    let contents = BaseContents {
        lowest_base_level: Some(1),
        ..built()
    };
    let base = BaseReport {
        name: "base".to_owned(),
        architecture: "x86_64".to_owned(),
        digest: Digest::of("base"),
        level: Some(2),
        contents: Some(contents),
    };
    assert!(demand(1).unmet(std::slice::from_ref(&base)).is_empty());
    let unmet = demand(2).unmet(&[base]);
    let expected = "a base is below SLSA Build level 2: base (1)".to_owned();
    assert_eq!(unmet, [(BaseFault::Level, expected)]);
}

/// Each is fine for somebody who demands less, and refused by whoever demands this.
#[test]
fn what_is_in_a_base_is_held_against_what_is_expected() {
    let strict = ImageExpectations::default();
    let lax = ImageExpectations::nothing();
    let packages = BaseContents {
        unverified: vec!["odd".to_owned()],
        lowest_level: Some(0),
        ..built()
    };
    let imports = BaseContents {
        imported: 4,
        lowest_level: Some(0),
        ..built()
    };
    let below = BaseContents {
        unverified_base: true,
        lowest_level: Some(0),
        ..built()
    };
    let refusing = ImageExpectations {
        refuse_imports: true,
        ..lax.clone()
    };
    let level = ImageExpectations {
        min_package_level: 1,
        ..lax.clone()
    };
    let packages_accepted = ImageExpectations {
        accept_unverified: true,
        ..strict.clone()
    };
    let own_import = "1 of its packages were imported";
    for (image, expected, reason) in [
        (
            unverified(),
            &strict,
            "built on what nothing vouches for, which was accepted unverified: ./base",
        ),
        (
            unverified(),
            &packages_accepted,
            "built on what nothing vouches for",
        ),
        (
            unverified(),
            &level,
            "packages in its base are below SLSA Build level 1: ./base (0)",
        ),
        (
            based(&packages),
            &strict,
            "vouches for packages in its base, which were accepted unverified: odd",
        ),
        (
            based(&imports),
            &refusing,
            "imported from a distribution: registry.example.com/team/base (4)",
        ),
        (based(&built()), &refusing, own_import),
        (
            based(&below),
            &strict,
            "built on what nothing vouches for, which was accepted unverified: registry",
        ),
        (
            based(&below),
            &level,
            "packages in its base are below SLSA Build level 1: registry",
        ),
    ] {
        let mut expected = expected.clone();
        expected.names = None;
        let error = image.expect(&expected).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
        assert!(
            reason == own_import || image.expect(&lax).is_ok(),
            "{reason}"
        );
    }
    let accepting = ImageExpectations {
        names: None,
        accept_unverified_base: true,
        ..strict.clone()
    };
    unverified().expect(&accepting).unwrap();
    let strict = ImageExpectations {
        names: None,
        ..strict
    };
    based(&built()).expect(&strict).unwrap();
}

#[test]
fn the_level_of_images_is_demanded_of_bases_too() {
    let image = unverified();
    let attached = image.attached(&image.payloads);
    let verify = |min_level| {
        let policy = ImageVerifyPolicy {
            min_level,
            now: None,
        };
        verify_image(&image.digest, &attached, &image.root, &policy)
    };
    verify(0).unwrap();
    let error = verify(1).unwrap_err().to_string();
    assert!(
        error.contains("a base is below SLSA Build level 1: ./base (0)"),
        "{error}"
    );
}

#[test]
fn a_base_without_a_verdict_is_refused() {
    let image = based(&built());
    let with = |key: &str, value: Value| {
        image.with_provenance(Role::Image, |statement| {
            let listed = &mut statement["predicate"]["buildDefinition"]["resolvedDependencies"];
            let listed = listed.as_array_mut().unwrap();
            let mut base = listed
                .iter_mut()
                .filter(|one| one["annotations"]["role"] == "base-image");
            let base = base.next().unwrap();
            if value.is_null() {
                base["annotations"].as_object_mut().unwrap().remove(key);
            } else {
                base["annotations"][key] = value.clone();
            }
        })
    };
    for (key, value) in [
        ("verified", json!("maybe")),
        ("verified", Value::Null),
        ("importedPackages", Value::Null),
        ("importedPackages", json!("-1")),
        ("unverifiedPackages", json!("odd")),
        ("lowestPackageLevel", json!("4")),
        ("unverifiedBase", json!("false")),
    ] {
        let error = with(key, value);
        assert!(
            error.contains("what the verification of a base gave"),
            "{key}: {error}"
        );
    }
    assert!(with("level", json!("9")).contains("the level of a base is `9`"));
}

/// What the signer writes down of a base that is itself on one.
#[test]
fn a_base_has_what_its_own_base_has() {
    let run = Image::of_run(based_run(), |run| run.policy.accept_unverified_base = true);
    let provenance = |image: &Image| {
        let attached = image.attached(&image.payloads);
        let (policy, expected) = (ImageVerifyPolicy::default(), ImageExpectations::nothing());
        verify_image_whole(&image.digest, &attached, &image.root, &policy, &expected)
            .unwrap()
            .provenance
    };
    let of = |image: &Image, architecture| BaseContents::of(&provenance(image), architecture);
    let on_a_base = BaseContents {
        lowest_base_level: Some(1),
        ..built()
    };
    assert_eq!(of(&run, "x86_64"), on_a_base);
    // The other architecture has an import and no base.
    let import = BaseContents {
        imported: 1,
        lowest_level: Some(0),
        ..BaseContents::default()
    };
    assert_eq!(of(&run, "aarch64"), import);
    let below = BaseContents {
        imported: 4,
        unverified: vec!["odd".to_owned()],
        lowest_level: Some(0),
        unverified_base: true,
        lowest_base_level: Some(0),
    };
    assert_eq!(of(&based(&below), "x86_64"), below);
    let unknown = BaseContents {
        lowest_level: Some(0),
        unverified_base: true,
        lowest_base_level: Some(0),
        ..BaseContents::default()
    };
    assert_eq!(of(&unverified(), "x86_64"), unknown);
}
