//! Verifying the packages of an image by what lies beside them.

use super::{ARTIFACT_LIMIT, Refusal, count, now};
use crate::handed::{Handed, HandedError};
use crate::server::chain;
use crate::state::State;
use bessemer_attest::derive::PackageVerdict;
use bessemer_attest::documents::{ImageRecord, LockedPackage, Timestamp};
use bessemer_attest::verify::{ApkFacts, Origin, Report, VerifyError, VerifyPolicy, verify};
use bessemer_attest::{PROOFS_LIMIT, SIDECAR_LIMIT, Sidecar, TrustRoot};
use bessemer_digest::Digest;
use std::error::Error;
use std::fs::File;
use std::io::Read as _;

/// Characters of a reason.
const REASON_LIMIT: usize = 300;

/// The attestations of all packages, one package's behind the other's.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) envelopes: &'a File,
    pub(super) proofs: &'a File,
}

/// Under what the packages and bases of images may verify: the own trust root. Those of other factories
/// (`keys trust`) are an operator's word for what boots, and for nothing else.
pub(super) struct Packages<'a> {
    pub(super) own: (Digest, &'a TrustRoot),
    pub(super) time: Timestamp,
}

impl<'a> Packages<'a> {
    pub(super) fn new(state: &'a State) -> Result<Self, Refusal> {
        Ok(Self {
            own: (state.root_digest, &state.trust_root),
            time: now()?,
        })
    }

    /// Digests of the trust roots.
    pub(super) fn trust_roots(&self) -> Vec<Digest> {
        vec![self.own.0]
    }

    /// What is found out about each package of each image. `sizes`: bytes of its envelopes and of its
    /// proofs, in the record's order.
    pub(super) fn judge(
        &self,
        record: &ImageRecord,
        sizes: &[(u64, u64)],
        beside: Beside<'_>,
    ) -> Result<Vec<Vec<PackageVerdict>>, Refusal> {
        let packages = record.platforms.iter().map(|image| image.packages.len());
        count("packages", packages.sum(), sizes.len())?;
        let mut sizes = sizes.iter();
        let mut envelopes = Pieces::of("the attestations", beside.envelopes)?;
        let mut proofs = Pieces::of("the proofs", beside.proofs)?;
        let mut verdicts = Vec::new();
        for image in &record.platforms {
            let mut of_image = Vec::new();
            for (package, (envelope, proof)) in image.packages.iter().zip(sizes.by_ref()) {
                let envelope = envelopes.next(*envelope, SIDECAR_LIMIT as u64)?;
                let proof = proofs.next(*proof, PROOFS_LIMIT as u64)?;
                of_image.push(self.verdict(package, &envelope, &proof));
            }
            verdicts.push(of_image);
        }
        Ok(verdicts)
    }

    fn verdict(&self, package: &LockedPackage, envelopes: &[u8], proofs: &[u8]) -> PackageVerdict {
        if envelopes.is_empty() {
            let reason = "nothing beside it attests anything".to_owned();
            return PackageVerdict::Unverified { reason };
        }
        let sidecar = Sidecar::parse(envelopes).and_then(|sidecar| sidecar.with_proofs(proofs));
        let report = match sidecar {
            Ok(sidecar) => self.report(package, &sidecar).map_err(|error| told(&error)),
            Err(error) => Err(told(&error)),
        };
        let report = match report {
            Ok(report) => report,
            Err(reason) => return PackageVerdict::Unverified { reason },
        };
        let Some(attestation) = report.evidence().first().copied() else {
            let reason = "its attestations prove nothing".to_owned();
            return PackageVerdict::Unverified { reason };
        };
        match &report.origin {
            Origin::Built(built) => PackageVerdict::Built {
                attestation,
                level: built.level,
            },
            Origin::Imported(_) => PackageVerdict::Imported { attestation },
        }
    }

    fn report(&self, package: &LockedPackage, sidecar: &Sidecar) -> Result<Report, VerifyError> {
        let facts = ApkFacts {
            file: format!("{}-{}.apk", package.name, package.version),
            sha256: package.sha256,
            control_sha256: None,
            data_sha256: None,
        };
        let policy = VerifyPolicy {
            accept_imports: true,
            now: Some(self.time.clone()),
            ..VerifyPolicy::default()
        };
        verify(&facts, sidecar, self.own.1, &policy)
    }
}

/// An error with its causes, in one line that is not long.
pub(super) fn told(error: &dyn Error) -> String {
    let text = chain(error).join(": ");
    let plain = text.chars().filter(|char| !char.is_control());
    plain.take(REASON_LIMIT).collect()
}

/// A file that is read piece by piece.
struct Pieces<'a> {
    name: &'static str,
    file: Handed<'a>,
}

impl<'a> Pieces<'a> {
    fn of(name: &'static str, file: &'a File) -> Result<Self, HandedError> {
        let file = Handed::new(name, file, ARTIFACT_LIMIT)?;
        Ok(Self { name, file })
    }

    fn next(&mut self, size: u64, limit: u64) -> Result<Vec<u8>, HandedError> {
        let name = self.name.to_owned();
        if size > limit {
            return Err(HandedError::TooLarge { name, size, limit });
        }
        let mut bytes = Vec::new();
        let read = self.file.by_ref().take(size).read_to_end(&mut bytes);
        match read {
            // A file that is too short gives a piece that is none.
            Ok(_) => Ok(bytes),
            Err(error) => Err(HandedError::Io(name, error)),
        }
    }
}
