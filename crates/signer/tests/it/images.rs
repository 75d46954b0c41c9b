//! Images: what is signed about them, and what is refused.

mod bases;

use crate::{Fixture, environment, run};
use bessemer_attest::documents::{ImageRecord, Timestamp, canonical_bytes};
use bessemer_attest::predicates::{ImagePolicy, ImageProvenance};
use bessemer_attest::verify::{ImageVerifyPolicy, verify_image};
use bessemer_attest::{Role, Sidecar, Statement};
use bessemer_digest::Digest;
use bessemer_signer::{BaseFiles, Client, ImagesToSign, PlatformFiles, SignedImages};
use serde_json::{Value, json};

const NAME: &str = "registry.example.com/team/app";
const SBOM: &[u8] = br#"{"spdxVersion": "SPDX-2.3"}"#;

const OCI: &str = "application/vnd.oci.image";

/// A descriptor of these bytes.
fn described(kind: &str, bytes: &[u8]) -> Value {
    let media_type = format!("{OCI}.{kind}.v1+json");
    json!({ "mediaType": media_type, "size": bytes.len(), "digest": Digest::of(bytes) })
}

/// An image as the control side would hand it over, each part of which a test can change.
struct Image {
    record: Value,
    index: Vec<u8>,
    manifest: Vec<u8>,
    config: Vec<u8>,
    sbom: Vec<u8>,
    packages: Vec<Option<Sidecar>>,
    base: Option<bases::Base>,
    policy: ImagePolicy,
}

impl Image {
    /// One image with a package that was built here.
    fn new(client: &mut Client) -> Self {
        let mut run = run::Run::ready(client);
        let sidecar = run.finish(client).unwrap().remove(0).1;
        run.record.outputs.truncate(1);
        Self::with(
            &[("hello", run.record.outputs[0].sha256)],
            vec![Some(sidecar)],
        )
    }

    fn with(packages: &[(&str, Digest)], beside: Vec<Option<Sidecar>>) -> Self {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": {}, "rootfs": {},
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": format!("{OCI}.manifest.v1+json"), "layers": [],
            "config": described("config", &config),
        });
        let manifest = manifest.to_string().into_bytes();
        let mut listed = described("manifest", &manifest);
        listed["platform"] = json!({ "os": "linux", "architecture": "amd64" });
        let index = json!({
            "schemaVersion": 2, "mediaType": format!("{OCI}.index.v1+json"), "manifests": [listed],
        });
        let index = index.to_string().into_bytes();
        let packages = packages.iter().map(|(name, sha256)| {
            json!({
                "name": name, "version": "1.0-r0", "architecture": "x86_64", "size": 1,
                "uri": format!("repository/x86_64/{name}-1.0-r0.apk"), "sha256": sha256,
                "control_sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "from_build": false,
            })
        });
        let text = |content: &str| Digest::of(content).to_string();
        let record = json!({
            "schema": "bessemer.image/v1", "configuration": text("configuration"),
            "image_files": [{"path": "image.yaml", "sha256": text("image file")}],
            "parameters": {"architectures": ["x86_64"]}, "compression": "gzip", "epoch": 0,
            "keys": [], "indexes": [], "index": Digest::of(&index), "index_sbom": Digest::of(SBOM),
            "platforms": [{
                "architecture": "x86_64", "manifest": Digest::of(&manifest),
                "config": Digest::of(&config), "sbom": Digest::of(SBOM),
                "packages": packages.collect::<Vec<_>>(),
            }],
            "controller": {"version": "0.1.0", "sha256": text("controller")},
            "started_on": "2026-01-01T00:00:00Z", "finished_on": "2026-01-01T00:01:00Z",
        });
        Self {
            record,
            index,
            manifest,
            config,
            sbom: SBOM.to_vec(),
            packages: beside,
            base: None,
            policy: ImagePolicy::default(),
        }
    }

    fn sign(&self, client: &mut Client) -> Result<SignedImages, String> {
        let record: ImageRecord = serde_json::from_value(self.record.clone()).unwrap();
        let bases = self.base.iter().map(|base| BaseFiles {
            index: &base.index,
            manifest: &base.manifest,
            config: &base.config,
            attestations: &base.attestations,
        });
        let signed = client.sign_images(&ImagesToSign {
            names: &[NAME.to_owned()],
            policy: &self.policy,
            record: &canonical_bytes(&record).unwrap(),
            index: &self.index,
            index_sbom: SBOM,
            platforms: &[PlatformFiles {
                manifest: &self.manifest,
                config: &self.config,
                sbom: &self.sbom,
            }],
            bases: &bases.collect::<Vec<_>>(),
            packages: &self.packages,
        });
        signed.map_err(|error| error.to_string())
    }
}

#[test]
fn an_image_of_verified_packages_is_signed_and_verifies() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let image = Image::new(&mut client);
    let signed = image.sign(&mut client).unwrap();
    let root = client.trust_root().unwrap();
    let policy = ImageVerifyPolicy {
        min_level: 1,
        ..ImageVerifyPolicy::default()
    };
    let digests = [Digest::of(&image.index), Digest::of(&image.manifest)];
    for (digest, sbom) in digests.iter().zip(&signed.sboms) {
        let mut attached = Sidecar::default();
        for (envelope, proof) in [&signed.provenance, sbom] {
            attached.push_logged(envelope.clone(), proof.clone());
        }
        let report = verify_image(digest, &attached, &root, &policy).unwrap();
        assert_eq!(
            (report.packages.built, report.names),
            (1, vec![NAME.to_owned()])
        );
        assert!(report.sbom && report.log.is_some());
        // The log is demanded: without proofs the same envelopes prove nothing.
        let bare = Sidecar::new(attached.envelopes().to_vec());
        assert!(verify_image(digest, &bare, &root, &policy).is_err());
    }
    let keys = root.statement_keys().unwrap();
    let key = keys
        .iter()
        .find(|(_, key)| key.role == Role::Image)
        .unwrap();
    let payload = signed.provenance.0.open(&key.0).unwrap();
    let statement: Statement<ImageProvenance> = serde_json::from_slice(&payload).unwrap();
    let dependencies = statement.predicate.build_definition.resolved_dependencies;
    let package = dependencies
        .iter()
        .find(|one| one.annotations.contains_key("package"));
    let attestation = image.packages[0].as_ref().unwrap().envelopes()[0].digest();
    let named = &package.unwrap().annotations["attestation"];
    assert_eq!(*named, attestation.unwrap().to_string());
    assert_eq!(signed.signatures.len(), 2);
    let logged = fixture.log();
    for (signature, digest) in signed.signatures.iter().zip(&digests) {
        assert!(key.0.verifies(&signature.payload, &signature.signature));
        assert!(String::from_utf8_lossy(&signature.payload).contains(&digest.hex()));
        assert!(logged.contains(&Digest::of(&signature.signature).to_string()));
    }
}

#[test]
fn a_package_that_nothing_vouches_for_is_refused_unless_it_is_named() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut image = Image::with(&[("hello", Digest::of("apk"))], vec![None]);
    let error = image.sign(&mut client).unwrap_err();
    assert!(
        error.contains("hello (nothing beside it attests anything)"),
        "{error}"
    );
    image.policy.accept_unverified = vec!["hello".to_owned()];
    image.sign(&mut client).unwrap();
}

#[test]
fn attestations_of_other_bytes_are_refused() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut image = Image::new(&mut client);
    let other = Digest::of("another apk").to_string();
    image.record["platforms"][0]["packages"][0]["sha256"] = other.into();
    let error = image.sign(&mut client).unwrap_err();
    assert!(error.contains("is not among the subjects"), "{error}");
}

#[test]
fn attestations_of_a_stranger_are_refused() {
    let (one, other) = (Fixture::start(), Fixture::start());
    let image = Image::new(&mut one.client());
    let error = image.sign(&mut other.client()).unwrap_err();
    assert!(
        error.contains("signature is not that of any key"),
        "{error}"
    );
}

#[test]
fn an_imported_package_needs_the_word_of_the_policy() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let sidecar = environment::imported(&mut client, "libc-1.0-r0.apk", b"libc");
    let mut image = Image::with(&[("libc", Digest::of("libc"))], vec![Some(sidecar)]);
    let error = image.sign(&mut client).unwrap_err();
    assert!(
        error.contains("were imported from a distribution"),
        "{error}"
    );
    image.policy.accept_imports = true;
    image.sign(&mut client).unwrap();
}

#[test]
fn what_the_record_does_not_say_is_refused() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let right = Image::new(&mut client);
    let mut refused = |change: fn(&mut Image)| {
        let mut image = Image {
            record: right.record.clone(),
            index: right.index.clone(),
            manifest: right.manifest.clone(),
            config: right.config.clone(),
            sbom: right.sbom.clone(),
            packages: right.packages.clone(),
            base: None,
            policy: ImagePolicy::default(),
        };
        change(&mut image);
        image.sign(&mut client).unwrap_err()
    };
    for (change, expected) in [
        (
            (|image: &mut Image| image.index.push(b' ')) as fn(&mut Image),
            "the record's index",
        ),
        (|image| image.manifest.push(b' '), "a record's manifest"),
        (|image| image.config.push(b' '), "a record's configuration"),
        (|image| image.sbom.push(b' '), "the SBOM of `x86_64`"),
        (
            |image| image.packages.push(None),
            "the record speaks of 1 packages",
        ),
        (
            |image| {
                image.record["index_sbom"] = Digest::of("[]").to_string().into();
            },
            "the SBOM of `index`",
        ),
        (
            |image| {
                let later = Timestamp::from_unix(9_999_999_999).unwrap();
                image.record["finished_on"] = later.to_string().into();
            },
            "are not between registration and now",
        ),
    ] {
        let error = refused(change);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
