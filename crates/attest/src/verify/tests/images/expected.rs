//! What is expected of an image that verifies.

use super::*;

/// All that a consumer may expect of the image of the tests.
fn expected() -> ImageExpectations {
    ImageExpectations {
        names: Some(vec!["registry.example.com/team/app".to_owned()]),
        ..ImageExpectations::default()
    }
}

fn refusal(image: &Image, expected: &ImageExpectations) -> String {
    let error = image.expect(expected).unwrap_err();
    assert!(matches!(error, ImageVerifyError::Unexpected(_)), "{error}");
    error.to_string()
}

/// An image in which nothing vouches for one package.
fn unverified() -> Image {
    Image::of(|run| {
        run.policy.accept_unverified = vec!["libc".to_owned()];
        run.verdicts[1][1] = PackageVerdict::Unverified {
            reason: "nothing is beside it".to_owned(),
        };
    })
}

#[test]
fn an_image_of_another_name_is_refused() {
    let image = Image::new();
    assert_eq!(image.expect(&expected()).unwrap().suitable, 1);
    let other = ImageExpectations {
        names: Some(vec!["registry.example.com/other/app".to_owned()]),
        ..expected()
    };
    let error = refusal(&image, &other);
    assert!(
        error.contains("as registry.example.com/team/app, not as registry.example.com/other/app"),
        "{error}"
    );
    let mut several = other.clone();
    several
        .names
        .as_mut()
        .unwrap()
        .extend(expected().names.unwrap());
    image.expect(&several).unwrap();
    let any = ImageExpectations {
        names: None,
        ..other.clone()
    };
    image.expect(&any).unwrap();
    let none = ImageExpectations {
        names: Some(Vec::new()),
        ..other
    };
    refusal(&image, &none);
}

#[test]
fn packages_that_nothing_vouches_for_are_refused_unless_they_are_accepted() {
    let image = unverified();
    let error = refusal(&image, &expected());
    assert!(error.contains("accepted unverified: libc"), "{error}");
    let accepting = ImageExpectations {
        accept_unverified: true,
        ..expected()
    };
    let report = image.expect(&accepting).unwrap();
    assert_eq!(report.packages.unverified, ["libc"]);
    assert_eq!(report.packages.lowest_level, Some(0));
    // Accepted or not, it has no level, and the image's own is not its.
    let levels = ImageExpectations {
        min_package_level: 1,
        ..accepting
    };
    assert!(refusal(&image, &levels).contains("level 1: libc (0)"));
    assert_eq!(report.level, 1);
}

#[test]
fn imports_are_refused_where_that_is_asked_for() {
    let image = Image::new();
    let refusing = ImageExpectations {
        refuse_imports: true,
        ..expected()
    };
    assert!(refusal(&image, &refusing).contains("1 of its packages"));
    let levels = ImageExpectations {
        min_package_level: 1,
        ..expected()
    };
    assert!(refusal(&image, &levels).contains("level 1: libc (0)"));
}

#[test]
fn packages_must_reach_the_level() {
    let image = Image::of(|run| {
        let built = run.verdicts[0][0].clone();
        run.verdicts[1][1] = built;
    });
    let level = |min_package_level| ImageExpectations {
        min_package_level,
        ..expected()
    };
    let report = image.expect(&level(1)).unwrap();
    assert_eq!(report.packages.lowest_level, Some(1));
    assert_eq!((report.packages.built, report.packages.imported), (3, 0));
    let error = refusal(&image, &level(2));
    assert!(error.contains("level 2: hello (1), libc (1)"), "{error}");
}

#[test]
fn the_image_must_reach_the_level() {
    let image = Image::new();
    let policy = ImageVerifyPolicy {
        min_level: 2,
        now: None,
    };
    let attached = image.attached(&image.payloads);
    let error = verify_image(&image.digest, &attached, &image.root, &policy).unwrap_err();
    assert!(error.to_string().contains("but level 2 is demanded"));
}

#[test]
fn one_of_several_provenances_must_be_all_that_is_expected() {
    let image = Image::new();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_slice(&image.payloads[0].1).unwrap();
        change(&mut value);
        (Role::Image, serde_json::to_vec(&value).unwrap())
    };
    let renamed = |value: &mut Value| {
        value["predicate"]["buildDefinition"]["externalParameters"]["names"] =
            serde_json::json!(["elsewhere.example.com/app"]);
    };
    let bare = |value: &mut Value| {
        let dependencies = &mut value["predicate"]["buildDefinition"]["resolvedDependencies"];
        for dependency in dependencies.as_array_mut().unwrap() {
            if dependency["annotations"]["verified"] == "import" {
                dependency["annotations"]["verified"] = "no".into();
            }
        }
    };
    let policy = ImageVerifyPolicy::default();
    let verify = |payloads: &[(Role, Vec<u8>)]| {
        let attached = image.attached(payloads);
        verify_expected_image(&image.digest, &attached, &image.root, &policy, &expected())
    };
    let good = image.payloads[0].clone();
    let report = verify(&[good, with(&renamed), with(&bare)]).unwrap();
    assert_eq!((report.provenances, report.suitable), (3, 1));
    assert_eq!(report.names, expected().names.unwrap());
    assert!(report.packages.unverified.is_empty());
    let lines = report.lines().join("\n");
    assert!(lines.contains("3 hold, 1 of them as expected"), "{lines}");
    // Each has half of what is expected; together they are nothing.
    let error = verify(&[with(&renamed), with(&bare)])
        .unwrap_err()
        .to_string();
    for part in [
        "2 provenances hold",
        "1: nothing vouches",
        "2: it was published",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_signed_document_that_the_provenance_does_not_name_is_another() {
    let image = Image::of(|run| run.record.index_sbom = Digest::of("another"));
    let report = image.expect(&expected()).unwrap();
    assert!(report.sbom && !report.sbom_named);
    let lines = report.lines().join("\n");
    assert!(
        lines.contains("another than the provenance names"),
        "{lines}"
    );
    // As `image publish` writes it: the file's spelling is not the statement's.
    let named = Image::of(|run| run.record.index_sbom = Digest::of("{}\n"));
    assert!(named.expect(&expected()).unwrap().sbom_named);
}

#[test]
fn a_level_that_is_none_is_refused() {
    let image = Image::new();
    let error = image.with_provenance(Role::Image, |value| {
        let dependencies = &mut value["predicate"]["buildDefinition"]["resolvedDependencies"];
        for dependency in dependencies.as_array_mut().unwrap() {
            dependency["annotations"]["level"] = "9".into();
        }
    });
    assert!(error.contains("a package's level is `9`"), "{error}");
}
