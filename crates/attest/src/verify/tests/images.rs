//! Images: what holds, and what is changed once and must be noticed.

mod attached;
mod bases;
mod expected;

use super::*;
use crate::derive::{ImageDerivation, PackageVerdict};
use crate::test_images::{ImageRun, image_run};

struct Image {
    keys: Vec<(Role, TestKey)>,
    root: TrustRoot,
    digest: Digest,
    /// Provenance, SBOM of the index.
    payloads: Vec<(Role, Vec<u8>)>,
}

impl Image {
    fn new() -> Self {
        Self::of(|_| {})
    }

    /// An image whose run was another one.
    fn of(change: impl Fn(&mut ImageRun)) -> Self {
        Self::of_run(image_run(), change)
    }

    fn of_run(mut run: ImageRun, change: impl Fn(&mut ImageRun)) -> Self {
        let roles = [Role::Provenance, Role::Sbom, Role::Image];
        let keys = roles.map(|role| (role, TestKey::generate()));
        let base = local_base(&keys[0].1.public().id());
        let issuer = issuer(&base);
        run.record.index_sbom = Digest::of("{}");
        change(&mut run);
        let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
        let sbom = RawValue::from_string("{}".to_owned()).unwrap();
        let payloads = vec![
            (
                Role::Image,
                canonical_bytes(&derivation.provenance().unwrap()).unwrap(),
            ),
            (
                Role::Sbom,
                canonical_bytes(&derivation.sbom(0, &sbom).unwrap()).unwrap(),
            ),
        ];
        Self {
            root: root(&base, &issuer.builder_id(), &keys),
            digest: derivation.digests()[0],
            keys: keys.into(),
            payloads,
        }
    }

    fn key(&self, role: Role) -> &TestKey {
        &self.keys.iter().find(|(one, _)| *one == role).unwrap().1
    }

    fn attached(&self, payloads: &[(Role, Vec<u8>)]) -> Sidecar {
        let seal =
            |(role, payload): &(Role, Vec<u8>)| Envelope::seal(payload, self.key(*role)).unwrap();
        Sidecar::new(payloads.iter().map(seal).collect())
    }

    fn verify(&self, attached: &Sidecar) -> Result<ImageReport, ImageVerifyError> {
        let policy = ImageVerifyPolicy::default();
        verify_image(&self.digest, attached, &self.root, &policy)
    }

    fn expect(&self, expected: &ImageExpectations) -> Result<ImageReport, ImageVerifyError> {
        let attached = self.attached(&self.payloads);
        let policy = ImageVerifyPolicy::default();
        verify_expected_image(&self.digest, &attached, &self.root, &policy, expected)
    }

    /// The message for provenance that was changed before it was signed, by a key of this role.
    fn with_provenance(&self, role: Role, change: impl Fn(&mut Value)) -> String {
        let mut value: Value = serde_json::from_slice(&self.payloads[0].1).unwrap();
        change(&mut value);
        let payload = serde_json::to_vec(&value).unwrap();
        let attached = self.attached(&[(role, payload)]);
        self.verify(&attached).unwrap_err().to_string()
    }
}

#[test]
fn an_image_verifies_and_says_what_was_accepted() {
    let image = Image::new();
    let report = image.verify(&image.attached(&image.payloads)).unwrap();
    assert_eq!(report.builder_id, image_builder_id(&image.root.base));
    assert_eq!((report.level, report.subject.as_str()), (1, "index"));
    assert_eq!((report.packages.built, report.packages.imported), (2, 1));
    assert!(report.sbom && report.policy.accept_imports);
    insta::assert_snapshot!(
        report.lines()[5..].join("\n"),
        @r"
      run         0123456789abcdef0123456789abcdef 2025-11-24T16:00:00Z to 2025-11-24T16:01:00Z
      packages    2 with verified provenance, 1 imported, 0 accepted unverified; the lowest level is 0
      sbom        signed, the one that the provenance names
    "
    );
}

#[test]
fn what_strangers_attached_is_passed_over_and_proves_nothing() {
    let image = Image::new();
    let stranger = Envelope::seal(&image.payloads[0].1, &TestKey::generate()).unwrap();
    let mut attached = image.attached(&image.payloads);
    attached.push(stranger.clone());
    assert_eq!(image.verify(&attached).unwrap().foreign, 1);
    let alone = Sidecar::new(vec![stranger]);
    let error = image.verify(&alone).unwrap_err().to_string();
    assert!(error.contains("1 by keys that are not trusted"), "{error}");
    let error = image.verify(&Sidecar::default()).unwrap_err().to_string();
    assert!(
        error.ends_with("no attestation is attached to it"),
        "{error}"
    );
}

#[test]
fn refuses_what_is_about_another_image() {
    let mut image = Image::new();
    image.digest = Digest::of("another");
    let error = image.verify(&image.attached(&image.payloads)).unwrap_err();
    let error = error.to_string();
    for part in [
        "no valid provenance",
        "2 attached; 2 refused",
        "not among the subjects",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn refuses_other_roles_ids_types_and_parameters() {
    let image = Image::new();
    let same = |_: &mut Value| {};
    let error = image.with_provenance(Role::Provenance, same);
    assert!(
        error.contains("a key with role `provenance` signed"),
        "{error}"
    );
    let error = image.with_provenance(Role::Image, |value| {
        value["predicate"]["runDetails"]["builder"]["id"] = "https://other.example".into();
    });
    assert!(error.contains("the builder id is"), "{error}");
    let error = image.with_provenance(Role::Image, |value| {
        value["predicate"]["buildDefinition"]["buildType"] = "https://other.example".into();
    });
    assert!(error.contains("the build type is"), "{error}");
    let error = image.with_provenance(Role::Image, |value| {
        value["predicate"]["buildDefinition"]["externalParameters"]["hidden"] = true.into();
    });
    assert!(error.contains("closed schema"), "{error}");
    let error = image.with_provenance(Role::Image, |value| {
        value["predicateType"] = "https://other.example".into();
    });
    assert!(error.contains("predicate type"), "{error}");
    let error = image.with_provenance(Role::Image, |value| {
        let dependencies = &mut value["predicate"]["buildDefinition"]["resolvedDependencies"];
        for dependency in dependencies.as_array_mut().unwrap() {
            dependency["annotations"]["verified"] = "perhaps".into();
        }
    });
    assert!(error.contains("a package's verification"), "{error}");
}

#[test]
fn an_image_key_speaks_for_no_package_and_no_other_id() {
    let image = Image::new();
    let provenance = Envelope::seal(&image.payloads[0].1, image.key(Role::Image)).unwrap();
    let facts = ApkFacts {
        file: "index".to_owned(),
        sha256: image.digest,
        control_sha256: None,
        data_sha256: None,
    };
    let sidecar = Sidecar::new(vec![provenance]);
    let error = verify(&facts, &sidecar, &image.root, &VerifyPolicy::default()).unwrap_err();
    assert!(matches!(error, VerifyError::WrongRole { .. }), "{error}");
    let changed = |change: fn(&mut TrustedKey, String)| {
        let mut root = image.root.clone();
        let base = root.base.clone();
        let key = root.keys.iter_mut().find(|key| key.role == Role::Image);
        change(key.unwrap(), base);
        TrustRoot::parse(&root.to_bytes().unwrap())
            .unwrap_err()
            .to_string()
    };
    let error = changed(|key, base| key.builder_id = Some(format!("{base}/builders/local/v1")));
    assert!(
        error.contains("must assert the id of image builds"),
        "{error}"
    );
    let error = changed(|key, _| key.builder_id = None);
    assert!(error.contains("must name one builder"), "{error}");
    let error = changed(|key, _| key.level = 2);
    assert!(error.contains("more than level 1"), "{error}");
}
