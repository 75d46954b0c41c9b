//! The statements about an image build: provenance of the index and of every image in it, and the SPDX
//! document of each.

use super::image_admission::{PackageVerdict, admissible};
use super::image_base::{self, BaseFiles, BaseVerdict};
use super::image_check::{Subject, subjects};
use super::image_text::publishable;
use super::{DeriveError, Issuer, dependencies, image_build_type, image_builder_id};
use crate::documents::{ImageRecord, LockedPackage, digest};
use crate::predicates::{
    Builder, ImageBuildDefinition, ImageConfigSource, ImageExternalParameters,
    ImageInternalParameters, ImagePolicy, ImageProvenance, Metadata, PROVENANCE_TYPE, RunDetails,
    SPDX_TYPE,
};
use crate::{ResourceDescriptor, Statement};
use bessemer_digest::Digest;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The bytes of the images' documents, which the signer measured.
#[derive(Debug, Clone)]
pub struct ImageFiles {
    /// The index.
    pub index: Vec<u8>,
    /// Manifest and configuration of each image, in the record's order.
    pub platforms: Vec<(Vec<u8>, Vec<u8>)>,
    /// Those of the base of each image that has one, in the record's order.
    pub bases: Vec<BaseFiles>,
}

/// What an image build leaves, and what the signer found out about it.
#[derive(Debug, Clone, Copy)]
pub struct ImageEvidence<'a> {
    /// What the control side saw.
    pub record: &'a ImageRecord,
    /// The documents.
    pub files: &'a ImageFiles,
    /// What the images are called: registry and repository.
    pub names: &'a [String],
    /// Which packages may be in them.
    pub policy: &'a ImagePolicy,
    /// For each image, each package in the record's order.
    pub verdicts: &'a [Vec<PackageVerdict>],
    /// For each image that has a base, that base.
    pub bases: &'a [BaseVerdict],
    /// Digests of the trust roots under which these verified, the own first.
    pub trust_roots: &'a [Digest],
    /// The id of this run.
    pub invocation_id: &'a str,
}

/// An image build whose documents agree and whose packages may be there.
#[derive(Debug)]
pub struct ImageDerivation<'a> {
    issuer: &'a Issuer,
    evidence: ImageEvidence<'a>,
    subjects: Vec<Subject>,
}

impl<'a> ImageDerivation<'a> {
    /// Checks that record and documents agree, that nothing in them must not be published, and that
    /// every package may be there, and every base.
    pub fn new(issuer: &'a Issuer, evidence: ImageEvidence<'a>) -> Result<Self, DeriveError> {
        let subjects = subjects(evidence.record, evidence.files)?;
        image_base::check(evidence.record, evidence.files)?;
        publishable(&evidence)?;
        admissible(&evidence)?;
        Ok(Self {
            issuer,
            evidence,
            subjects,
        })
    }

    /// Digests of the index and of every image, in this order: what is signed and attested.
    pub fn digests(&self) -> Vec<Digest> {
        self.subjects.iter().map(|subject| subject.digest).collect()
    }

    /// The provenance of the index and of every image in it.
    pub fn provenance(&self) -> Result<Statement<ImageProvenance>, DeriveError> {
        let record = self.evidence.record;
        let predicate = ImageProvenance {
            build_definition: ImageBuildDefinition {
                build_type: image_build_type(&self.issuer.base),
                external_parameters: self.external(),
                internal_parameters: self.internal(),
                resolved_dependencies: self.resolved(),
            },
            run_details: RunDetails {
                builder: self.builder(),
                metadata: Metadata {
                    invocation_id: self.evidence.invocation_id.to_owned(),
                    started_on: record.started_on.to_string(),
                    finished_on: record.finished_on.to_string(),
                },
                byproducts: self.byproducts()?,
            },
        };
        let subjects = self.subjects.iter().map(Subject::descriptor);
        Ok(Statement::new(
            subjects.collect(),
            PROVENANCE_TYPE,
            predicate,
        ))
    }

    /// The SBOM statement of the index (0), or of the image before this in the record. `document` is
    /// the SPDX document, whose digest the caller has compared with the record's.
    pub fn sbom<'d>(
        &self,
        number: usize,
        document: &'d RawValue,
    ) -> Result<Statement<&'d RawValue>, DeriveError> {
        let subject = self.subjects.get(number);
        let subject = subject.ok_or(DeriveError::NoOutput(number))?;
        Ok(Statement::new(
            vec![subject.descriptor()],
            SPDX_TYPE,
            document,
        ))
    }

    fn external(&self) -> ImageExternalParameters {
        let ImageEvidence { record, names, .. } = self.evidence;
        let path = record.image_files.first().map(|file| file.path.clone());
        let parameters = record.parameters.clone();
        ImageExternalParameters {
            config_source: ImageConfigSource {
                path: path.unwrap_or_default(),
            },
            architectures: parameters.architectures,
            names: names.to_vec(),
            include_paths: parameters.include_paths,
            keyrings: parameters.keyrings,
            build_repositories: parameters.build_repositories,
            repositories: parameters.repositories,
            packages: parameters.packages,
            annotations: parameters.annotations,
            lock_file: parameters.lock_file,
            vcs_url: parameters.vcs_url,
            format: parameters.format,
        }
    }

    fn internal(&self) -> ImageInternalParameters {
        let record = self.evidence.record;
        let mut package_policy = self.evidence.policy.clone();
        package_policy.accept_unverified.sort();
        package_policy.accept_unverified.dedup();
        ImageInternalParameters {
            compression: record.compression.clone(),
            source_date_epoch: record.epoch,
            source_date_epoch_exact: record.epoch_exact,
            configuration: record.configuration.to_string(),
            package_policy,
            trust_roots: self
                .evidence
                .trust_roots
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }

    /// Image file and what it includes, lock, keys, indexes, bases and every package.
    fn resolved(&self) -> Vec<ResourceDescriptor> {
        let record = self.evidence.record;
        let mut list = Vec::new();
        for (number, file) in record.image_files.iter().enumerate() {
            let role = if number == 0 {
                "image-file"
            } else {
                "included-file"
            };
            list.push(ResourceDescriptor::file(&file.path, &file.sha256).with("role", role));
        }
        if let Some(lock) = &record.lock {
            let name = record.parameters.lock_file.as_deref().unwrap_or("lock");
            list.push(ResourceDescriptor::file(name, lock).with("role", "lock"));
        }
        list.extend(record.keys.iter().map(dependencies::key));
        list.extend(record.indexes.iter().map(dependencies::index));
        let based = image_base::of(record).zip(self.evidence.bases);
        for ((platform, base), verdict) in based {
            let entries = image_base::dependencies(base, verdict).into_iter();
            list.extend(entries.map(|entry| entry.with("image", &platform.architecture)));
        }
        for (platform, verdicts) in record.platforms.iter().zip(self.evidence.verdicts) {
            for (package, verdict) in platform.packages.iter().zip(verdicts) {
                list.push(installed(package, verdict).with("image", &platform.architecture));
            }
        }
        list
    }

    fn builder(&self) -> Builder {
        let programs = [
            ("controller", &self.evidence.record.controller),
            ("signer", &self.issuer.signer),
        ];
        let version = programs.iter();
        let version = version.map(|(name, program)| ((*name).to_owned(), program.version.clone()));
        let digests = programs.iter();
        let digests =
            digests.map(|(name, program)| ResourceDescriptor::file(*name, &program.sha256));
        Builder {
            id: image_builder_id(&self.issuer.base),
            version: version.collect::<BTreeMap<_, _>>(),
            builder_dependencies: digests.collect(),
        }
    }

    fn byproducts(&self) -> Result<Vec<ResourceDescriptor>, DeriveError> {
        let record = self.evidence.record;
        let mut list = vec![
            ResourceDescriptor::file("image-record", &digest(record)?),
            ResourceDescriptor::file("sbom:index", &record.index_sbom),
        ];
        list.extend(record.platforms.iter().map(|platform| {
            ResourceDescriptor::file(format!("sbom:{}", platform.architecture), &platform.sbom)
        }));
        Ok(list)
    }
}

/// A package as a dependency: what is known of it beside its digest is the signer's own finding.
fn installed(package: &LockedPackage, verdict: &PackageVerdict) -> ResourceDescriptor {
    let found = |attestation: Option<Digest>| {
        let package = LockedPackage {
            attestation,
            ..package.clone()
        };
        dependencies::package(&package, "package")
    };
    match verdict {
        PackageVerdict::Built { attestation, level } => found(Some(*attestation))
            .with("verified", "provenance")
            .with("level", level.to_string()),
        PackageVerdict::Imported { attestation } => {
            found(Some(*attestation)).with("verified", "import")
        }
        PackageVerdict::Unverified { .. } => found(None).with("verified", "no"),
    }
}

/// The payload of a signature in cosign's form: which manifest it is, and under what name it is meant
/// (registry and repository).
///
/// Source: cosign's `specs/SIGNATURE_SPEC.md`; cosign writes null as `optional` where there is nothing.
pub fn image_signature_payload(name: &str, digest: &Digest) -> Vec<u8> {
    let payload = serde_json::json!({
        "critical": {
            "identity": { "docker-reference": name },
            "image": { "docker-manifest-digest": digest },
            "type": "cosign container image signature",
        },
        "optional": null,
    });
    payload.to_string().into_bytes()
}
