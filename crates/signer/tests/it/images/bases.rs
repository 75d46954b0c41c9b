//! Images on a base: by whose word, and whether they are on it.

use super::*;
use bessemer_attest::predicates::ImageProvenance as Provenance;
use std::collections::BTreeMap;

/// The documents of a base, and what attests it.
pub(super) struct Base {
    pub(super) index: Vec<u8>,
    pub(super) manifest: Vec<u8>,
    pub(super) config: Vec<u8>,
    pub(super) attestations: Sidecar,
}

fn layer(content: &str) -> Value {
    let bytes = content.as_bytes();
    json!({
        "mediaType": format!("{OCI}.layer.v1.tar+gzip"), "size": bytes.len(),
        "digest": Digest::of(bytes),
    })
}

impl Image {
    /// Gives the image these layers, and whatever names them.
    fn with_layers(mut self, layers: &[&str]) -> Self {
        let diff_ids: Vec<Digest> = layers.iter().map(Digest::of).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        self.config = config.to_string().into_bytes();
        let layers: Vec<Value> = layers.iter().map(|one| layer(one)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": format!("{OCI}.manifest.v1+json"), "layers": layers,
            "config": described("config", &self.config),
        });
        self.manifest = manifest.to_string().into_bytes();
        let mut listed = described("manifest", &self.manifest);
        listed["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        let index = json!({
            "schemaVersion": 2, "mediaType": format!("{OCI}.index.v1+json"), "manifests": [listed],
        });
        self.index = index.to_string().into_bytes();
        self.record["index"] = json!(Digest::of(&self.index));
        let platform = &mut self.record["platforms"][0];
        platform["manifest"] = json!(Digest::of(&self.manifest));
        platform["config"] = json!(Digest::of(&self.config));
        self
    }

    /// The same on a base.
    fn on(mut self, base: &Self, attestations: Sidecar) -> Self {
        self.record["platforms"][0]["base"] = json!({
            "name": "./base", "index": Digest::of(&base.index),
            "manifest": Digest::of(&base.manifest), "apkindex": Digest::of("installed"),
        });
        self.base = Some(Base {
            index: base.index.clone(),
            manifest: base.manifest.clone(),
            config: base.config.clone(),
            attestations,
        });
        self
    }
}

/// What is attached to an image.
fn attached(signed: &SignedImages) -> Sidecar {
    let mut attached = Sidecar::default();
    for (envelope, proof) in [&signed.provenance, &signed.sboms[1]] {
        attached.push_logged(envelope.clone(), proof.clone());
    }
    attached
}

/// The annotations of the base in what was signed.
fn base_of(signed: &SignedImages, client: &mut Client) -> (String, BTreeMap<String, String>) {
    let root = client.trust_root().unwrap();
    let keys = root.statement_keys().unwrap();
    let mut keys = keys.iter().filter(|(_, key)| key.role == Role::Image);
    let payload = signed.provenance.0.open(&keys.next().unwrap().0).unwrap();
    let statement: Statement<Provenance> = serde_json::from_slice(&payload).unwrap();
    let dependencies = statement.predicate.build_definition.resolved_dependencies;
    let mut bases = dependencies
        .into_iter()
        .filter(|one| one.annotations["role"] == "base-image");
    let base = bases.next().unwrap();
    (base.name.unwrap(), base.annotations)
}

/// A base with one layer, and an image on it.
fn base_and_image(client: &mut Client) -> (Image, Image) {
    let base = Image::new(client).with_layers(&["below"]);
    let image = Image::new(client).with_layers(&["below", "above"]);
    (base, image)
}

#[test]
fn an_image_on_an_attested_base_names_its_provenance() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let (base, image) = base_and_image(&mut client);
    let signed = base.sign(&mut client).unwrap();
    let provenance = signed.provenance.0.digest().unwrap();
    let image = image.on(&base, attached(&signed));
    let signed = image.sign(&mut client).unwrap();
    let (name, notes) = base_of(&signed, &mut client);
    assert_eq!(name, NAME);
    for (key, value) in [
        ("verified", "provenance"),
        ("attestation", &provenance.to_string()),
        ("level", "1"),
        ("importedPackages", "0"),
        ("lowestPackageLevel", "1"),
        ("image", "x86_64"),
    ] {
        assert_eq!(notes[key], value, "{key}");
    }
    let root = client.trust_root().unwrap();
    let policy = ImageVerifyPolicy::default();
    let report = verify_image(
        &Digest::of(&image.index),
        &attached(&signed),
        &root,
        &policy,
    );
    let report = report.unwrap();
    assert_eq!((report.bases.len(), report.bases[0].level), (1, Some(1)));
    // What is installed in the base is not this image's.
    assert_eq!(report.packages.built, 1);
}

#[test]
fn a_base_without_attestation_is_refused_unless_it_is_accepted() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let (base, image) = base_and_image(&mut client);
    let mut image = image.on(&base, Sidecar::default());
    let error = image.sign(&mut client).unwrap_err();
    for part in [
        "the image is built on what has no valid provenance: ./base",
        "no attestation is attached to it",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // Packages that are accepted are no bases.
    image.policy.accept_unverified = vec!["./base".to_owned()];
    image.sign(&mut client).unwrap_err();
    image.policy.accept_unverified_base = true;
    let signed = image.sign(&mut client).unwrap();
    let (name, notes) = base_of(&signed, &mut client);
    assert_eq!((&*name, &*notes["verified"]), ("./base", "no"));
    assert!(!notes.contains_key("attestation"));
}

#[test]
fn attestations_of_another_base_or_by_a_stranger_are_refused() {
    let (fixture, other) = (Fixture::start(), Fixture::start());
    let mut client = fixture.client();
    let (base, image) = base_and_image(&mut client);
    let another = Image::new(&mut client).with_layers(&["another"]);
    let of_another = attached(&another.sign(&mut client).unwrap());
    let image = image.on(&base, of_another);
    let error = image.sign(&mut client).unwrap_err();
    assert!(error.contains("is not among the subjects"), "{error}");

    let mut stranger = other.client();
    let foreign = Image::new(&mut stranger).with_layers(&["below"]);
    let foreign = attached(&foreign.sign(&mut stranger).unwrap());
    let image = image.on(&base, foreign);
    let error = image.sign(&mut client).unwrap_err();
    assert!(error.contains("by keys that are not trusted"), "{error}");

    // The control run: with its own it is signed.
    let own = attached(&base.sign(&mut client).unwrap());
    image.on(&base, own).sign(&mut client).unwrap();
}

#[test]
fn a_base_that_is_not_what_the_record_says_is_refused() {
    type Change = fn(&mut Image);
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let (base, image) = base_and_image(&mut client);
    let own = attached(&base.sign(&mut client).unwrap());
    // Attested, and not what the image is built on.
    let another = Image::new(&mut client).with_layers(&["another"]);
    let of_another = attached(&another.sign(&mut client).unwrap());
    let mut image = image.on(&another, of_another);
    let error = image.sign(&mut client).unwrap_err();
    let expected = "does not have the layers of its base and one on top";
    assert!(error.contains(expected), "{error}");

    image = image.on(&base, own);
    let cases: [(Change, &str); 4] = [
        (
            |image| image.base.as_mut().unwrap().manifest.push(b' '),
            "a record's base is",
        ),
        (
            |image| image.base.as_mut().unwrap().config.push(b' '),
            "the configuration of a base is",
        ),
        (|image| image.base = None, "files of bases"),
        (
            |image| image.record["platforms"][0]["base"] = Value::Null,
            "files of bases",
        ),
    ];
    for (change, expected) in cases {
        let base = image.base.as_ref().unwrap();
        let mut changed = Image::new(&mut client).with_layers(&["below", "above"]);
        changed.record = image.record.clone();
        changed.base = Some(Base {
            index: base.index.clone(),
            manifest: base.manifest.clone(),
            config: base.config.clone(),
            attestations: base.attestations.clone(),
        });
        changed.packages = image.packages.clone();
        change(&mut changed);
        let error = changed.sign(&mut client).unwrap_err();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    image.sign(&mut client).unwrap();
}

/// A package that nobody would have accepted in the image does not come in with its base.
#[test]
fn what_was_accepted_in_a_base_must_be_accepted_again() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let odd = [("odd", Digest::of("odd"))];
    let mut base = Image::with(&odd, vec![None]).with_layers(&["below"]);
    base.policy.accept_unverified = vec!["odd".to_owned()];
    let own = attached(&base.sign(&mut client).unwrap());
    let image = Image::new(&mut client).with_layers(&["below", "above"]);
    let mut image = image.on(&base, own);
    let error = image.sign(&mut client).unwrap_err();
    assert!(
        error.contains("odd (in the base registry.example.com/team/app)"),
        "{error}"
    );
    image.policy.accept_unverified = vec!["odd".to_owned()];
    let signed = image.sign(&mut client).unwrap();
    let (_, notes) = base_of(&signed, &mut client);
    assert_eq!(notes["unverifiedPackages"], r#"["odd"]"#);
    assert_eq!(notes["lowestPackageLevel"], "0");
}
