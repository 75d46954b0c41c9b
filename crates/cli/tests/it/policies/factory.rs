//! A factory that attests a package of the crate `image`'s test data.

use crate::test_documents::{Run, issuer, run};
use crate::test_images::{CONFIG, MANIFEST, described, image_run};
use crate::test_keys::TestKey;
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;
use bessemer_attest::derive::{Derivation, ImageDerivation, image_builder_id, local_base};
use bessemer_attest::documents::{Timestamp, canonical_bytes};
use bessemer_attest::{Algorithm, Envelope, Role, Sidecar, TrustRoot, TrustRootSchema, TrustedKey};
use bessemer_digest::Digest;
use bessemer_testkit::Workshop;
use serde_json::json;
use serde_json::value::RawValue;
use std::path::Path;

/// The repository that the policies of these tests know.
pub(super) const RECIPES: &str = "https://git.example/recipes";
const ROLES: [Role; 4] = [Role::Provenance, Role::Test, Role::Sbom, Role::Image];

/// Its trust root, and the key of somebody who vouches for commits.
pub(super) struct Factory {
    pub(super) root: TrustRoot,
    pub(super) source_key: TestKey,
}

impl Factory {
    /// Writes the package, its attestations and the trust root. The recipe is from `repository`.
    pub(super) fn write(workshop: &Workshop, repository: &str) -> Self {
        let keys = ROLES.map(|_| TestKey::generate());
        let base = local_base(&keys[0].public().id());
        let issuer = issuer(&base);
        let root = root(&base, &issuer.builder_id(), &keys);
        let apk = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../image/test-data/own/packages/x86_64/layout-2.4-r1.apk");
        let apk = std::fs::read(apk).unwrap();
        let run = attested(&apk, repository);
        let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
        let sbom = RawValue::from_string("{}".to_owned()).unwrap();
        let payloads = [
            canonical_bytes(&derivation.provenance().unwrap()).unwrap(),
            canonical_bytes(&derivation.test_result(0).unwrap()).unwrap(),
            canonical_bytes(&derivation.sbom(0, &sbom).unwrap()).unwrap(),
        ];
        let pairs = payloads.iter().zip(&keys);
        let envelopes: Vec<_> = pairs
            .map(|(payload, key)| Envelope::seal(payload, key).unwrap())
            .collect();
        let untested = Sidecar::new(envelopes[..1].to_vec());
        let sidecar = Sidecar::new(envelopes);
        workshop.file("layout-2.4-r1.apk", apk);
        workshop.file(
            "layout-2.4-r1.apk.intoto.jsonl",
            sidecar.to_bytes().unwrap(),
        );
        workshop.file("untested.jsonl", untested.to_bytes().unwrap());
        workshop.file("trust-root.json", root.to_bytes().unwrap());
        let source_key = TestKey::generate();
        Self { root, source_key }
    }

    /// A summary that the recipe's commit has this Source level.
    pub(super) fn source_attestation(&self, level: u8) -> Vec<u8> {
        let summary = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{
                "digest": {"gitCommit": "c0".repeat(20)},
                "annotations": {"sourceRefs": ["refs/heads/main"]},
            }],
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": {
                "verifier": {"id": "https://source.example/verifier/v1"},
                "resourceUri": format!("git+{RECIPES}"),
                "verificationResult": "PASSED",
                "verifiedLevels": [format!("SLSA_SOURCE_LEVEL_{level}")],
            },
        });
        let envelope = Envelope::seal(summary.to_string().as_bytes(), &self.source_key);
        envelope.unwrap().to_line().unwrap()
    }
}

/// Writes an index of two images with a package that was imported, their attestations, as a registry has
/// them in the folder `registry`, and the trust root. The name has no tag.
pub(super) fn write_image(workshop: &Workshop, host: &str, repository: &str) {
    let keys = ROLES.map(|_| TestKey::generate());
    let base = local_base(&keys[0].public().id());
    let issuer = issuer(&base);
    let root = root(&base, &issuer.builder_id(), &keys);
    workshop.file("trust-root.json", root.to_bytes().unwrap());
    let mut run = image_run();
    run.names = vec![format!("{host}/{repository}")];
    let derivation = ImageDerivation::new(&issuer, run.evidence()).unwrap();
    let payload = canonical_bytes(&derivation.provenance().unwrap()).unwrap();
    let envelope = Envelope::seal(&payload, &keys[3]).unwrap();
    let envelope = envelope.to_line().unwrap();
    let manifest = |name: &str, bytes: &[u8]| {
        workshop.file(&format!("registry/v2/{repository}/manifests/{name}"), bytes);
    };
    let blob = |bytes: &[u8]| {
        let name = format!("registry/v2/{repository}/blobs/{}", Digest::of(bytes));
        workshop.file(&name, bytes);
    };
    blob(&envelope);
    let attached = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, b"{}"),
        "layers": [described("application/vnd.dsse.envelope.v1+json", &envelope)],
    });
    let attached = attached.to_string();
    manifest("1", &run.files.index);
    let platforms = run.files.platforms.iter().map(|(bytes, _)| bytes);
    for bytes in std::iter::once(&run.files.index).chain(platforms) {
        let digest = Digest::of(bytes);
        manifest(&digest.to_string(), bytes);
        manifest(&format!("sha256-{}.att", digest.hex()), attached.as_bytes());
    }
}

/// A run of which this is the package.
fn attested(apk: &[u8], repository: &str) -> Run {
    let mut reader = Reader::open(apk, Limits::default()).unwrap();
    while reader.next_entry().unwrap().is_some() {}
    let (header, summary) = reader.finish().unwrap();
    let mut run = run();
    let output = &mut run.record.outputs[0];
    "layout-2.4-r1.apk".clone_into(&mut output.file);
    "layout".clone_into(&mut output.package);
    "2.4-r1".clone_into(&mut output.version);
    output.sha256 = summary.file_sha256;
    output.control_sha256 = header.control.sha256;
    output.data_sha256 = summary.data_sha256;
    let test = &mut run.record.tests[0];
    "layout".clone_into(&mut test.package);
    test.subject = summary.file_sha256;
    let tested = run.test_locks[0].packages.last_mut().unwrap();
    "layout".clone_into(&mut tested.name);
    "2.4-r1".clone_into(&mut tested.version);
    tested.sha256 = summary.file_sha256;
    let source = &mut run.job_spec.config_source;
    source.repository = Some(repository.to_owned());
    source.reference = Some("refs/heads/main".to_owned());
    source.commit = Some("c0".repeat(20));
    "layout.yaml".clone_into(&mut source.path);
    "layout.yaml".clone_into(&mut run.lock.recipe.path);
    "layout.yaml".clone_into(&mut run.test_locks[0].recipe.path);
    run.reseal();
    run
}

fn root(base: &str, builder_id: &str, keys: &[TestKey]) -> TrustRoot {
    let trusted = ROLES.iter().zip(keys).map(|(role, key)| TrustedKey {
        id: key.public().id().hex(),
        role: *role,
        algorithm: Algorithm::EcdsaP256,
        public_key_pem: key.public().to_pem(),
        builder_id: match role {
            Role::Provenance => Some(builder_id.to_owned()),
            Role::Image => Some(image_builder_id(base)),
            _ => None,
        },
        level: u8::from(matches!(role, Role::Provenance | Role::Image)),
        valid_from: Timestamp::epoch(),
        valid_until: None,
        from: 0,
        until: None,
        origin: None,
    });
    TrustRoot {
        schema: TrustRootSchema::V1,
        base: base.to_owned(),
        keys: trusted.collect(),
    }
}
