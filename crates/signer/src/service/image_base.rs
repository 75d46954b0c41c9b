//! The bases of images: their documents, and verifying them by their attestations.

use super::image_packages::{Packages, told};
use super::{Refusal, count, document};
use crate::handed::Handed;
use bessemer_attest::derive::{BaseFiles, BaseVerdict};
use bessemer_attest::documents::{ImageBase, ImageRecord};
use bessemer_attest::verify::{
    BaseContents, ImageExpectations, ImageVerifyPolicy, verify_image_whole,
};
use bessemer_attest::{PROOFS_LIMIT, SIDECAR_LIMIT, Sidecar};
use std::fs::File;

/// The index that lists it, manifest, configuration, envelopes and proofs.
pub(super) const BASE_FILES: usize = 5;

/// The bases of the record, each with the architecture of its image.
fn recorded(record: &ImageRecord) -> Vec<(&str, &ImageBase)> {
    let platforms = record.platforms.iter();
    let bases =
        platforms.filter_map(|platform| Some((&*platform.architecture, platform.base.as_ref()?)));
    bases.collect()
}

/// Their documents, whose digests the derivation compares with the record's.
pub(super) fn files(record: &ImageRecord, handed: &[File]) -> Result<Vec<BaseFiles>, Refusal> {
    let expected = recorded(record).len() * BASE_FILES;
    count("files of bases", expected, handed.len())?;
    let mut bases = Vec::new();
    for files in handed.chunks_exact(BASE_FILES) {
        bases.push(BaseFiles {
            index: document("the index of a base", &files[0])?,
            manifest: document("the manifest of a base", &files[1])?,
            config: document("the configuration of a base", &files[2])?,
        });
    }
    Ok(bases)
}

impl Packages<'_> {
    /// What is found out about the base of each image that has one.
    pub(super) fn judge_bases(
        &self,
        record: &ImageRecord,
        handed: &[File],
    ) -> Result<Vec<BaseVerdict>, Refusal> {
        let recorded = recorded(record);
        count("files of bases", recorded.len() * BASE_FILES, handed.len())?;
        let mut verdicts = Vec::new();
        let all = recorded.into_iter().zip(handed.chunks_exact(BASE_FILES));
        for ((architecture, base), files) in all {
            let name = "the attestations of a base";
            let envelopes = Handed::new(name, &files[3], SIDECAR_LIMIT as u64)?.bytes()?;
            let name = "the proofs of a base";
            let proofs = Handed::new(name, &files[4], PROOFS_LIMIT as u64)?.bytes()?;
            let attached =
                Sidecar::parse(&envelopes).and_then(|sidecar| sidecar.with_proofs(&proofs));
            verdicts.push(match attached {
                Ok(attached) => self.base(architecture, base, &attached),
                Err(error) => BaseVerdict::Unverified {
                    reason: told(&error),
                },
            });
        }
        Ok(verdicts)
    }

    fn base(&self, architecture: &str, base: &ImageBase, attached: &Sidecar) -> BaseVerdict {
        let policy = ImageVerifyPolicy {
            min_level: 0,
            now: Some(self.time.clone()),
        };
        let any = ImageExpectations::nothing();
        let verified = match verify_image_whole(&base.manifest, attached, self.own.1, &policy, &any)
        {
            Ok(verified) => verified,
            Err(error) => {
                let reason = told(&error);
                return BaseVerdict::Unverified { reason };
            }
        };
        let names = &verified.report.names;
        BaseVerdict::Built {
            attestation: verified.attestation,
            level: verified.report.level,
            name: names.first().unwrap_or(&base.name).clone(),
            contents: BaseContents::of(&verified.provenance, architecture),
        }
    }
}
