//! A key pair that cosign made, and that signs here as the signer does.

use super::Cosign;
use bessemer_attest::derive::image_signature_payload;
use bessemer_attest::{Envelope, ResourceDescriptor, Signer as _, Statement};
use bessemer_digest::Digest;
use bessemer_registry::{Attestation, Signature};
use bessemer_signer::{StatementKey, Vault};
use serde_json::json;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The predicate types of the two attestations that images have.
pub(crate) const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
pub(crate) const SPDX: &str = "https://spdx.dev/Document";

pub(crate) struct Key {
    folder: TempDir,
    key: StatementKey,
}

impl Key {
    pub(crate) fn made_by(cosign: &Cosign) -> Self {
        let folder = tempfile::tempdir().unwrap();
        cosign.make_keys(folder.path());
        let text = std::fs::read_to_string(folder.path().join("cosign.key")).unwrap();
        let pkcs8 = Vault::new("").open(&text).unwrap();
        let key = StatementKey::from_pkcs8(&pkcs8).unwrap();
        Self { folder, key }
    }

    pub(crate) fn public(&self) -> PathBuf {
        self.folder.path().join("cosign.pub")
    }

    pub(crate) fn private(&self) -> PathBuf {
        self.folder.path().join("cosign.key")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Provenance and SBOM of a manifest.
    pub(crate) fn attestations(&self, digest: &Digest) -> Vec<Attestation> {
        let provenance = json!({
            "buildDefinition": {
                "buildType": "https://example.com/buildtypes/oci-image/v1",
                "externalParameters": { "architecture": "x86_64" },
                "resolvedDependencies": [],
            },
            "runDetails": { "builder": { "id": "https://example.com/builders/image/v1" } },
        });
        let spdx = json!({
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": "test",
            "documentNamespace": "https://example.com/test",
            "creationInfo": { "created": "1970-01-01T00:00:00Z", "creators": ["Tool: test"] },
        });
        vec![
            self.attestation(digest, PROVENANCE, &provenance),
            self.attestation(digest, SPDX, &spdx),
        ]
    }

    pub(crate) fn attestation(
        &self,
        digest: &Digest,
        predicate_type: &str,
        predicate: &serde_json::Value,
    ) -> Attestation {
        let subject = ResourceDescriptor::file("image", digest);
        let statement = Statement::new(vec![subject], predicate_type, predicate);
        let statement = serde_json::to_vec(&statement).unwrap();
        let envelope = Envelope::seal(&statement, &self.key).unwrap();
        Attestation::read(&envelope.to_line().unwrap()).unwrap()
    }

    /// cosign's kind of signature.
    pub(crate) fn signature(&self, name: &str, digest: &Digest) -> Signature {
        let payload = image_signature_payload(name, digest);
        Signature::read(&payload, &self.key.sign(&payload).unwrap()).unwrap()
    }
}
