//! What may be in images: packages and bases that verified, and those that the policy accepts all the
//! same.

use super::image_base::{BaseVerdict, of};
use super::{DeriveError, ImageEvidence};
use bessemer_digest::Digest;

/// Packages or bases that a refusal names.
const NAMED: usize = 5;

/// What the signer found out about one package of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageVerdict {
    /// Its provenance verified.
    Built {
        /// Digest of the envelope.
        attestation: Digest,
        /// The SLSA Build level that its key stands for.
        level: u8,
    },
    /// It was repacked from a distribution, and the attestation that says so verified.
    Imported {
        /// Digest of the envelope.
        attestation: Digest,
    },
    /// Nothing about it verified.
    Unverified {
        /// Why not.
        reason: String,
    },
}

/// Refuses unless the policy allows every package that has no verified provenance, those of bases among
/// them, and every base that has none.
pub(super) fn admissible(evidence: &ImageEvidence<'_>) -> Result<(), DeriveError> {
    let policy = evidence.policy;
    let (mut refused, mut imported) = (Vec::new(), Vec::new());
    let mut count = 0;
    for (platform, verdicts) in evidence.record.platforms.iter().zip(evidence.verdicts) {
        count += usize::from(platform.packages.len() != verdicts.len());
        for (package, verdict) in platform.packages.iter().zip(verdicts) {
            let named = policy.accept_unverified.contains(&package.name);
            match verdict {
                PackageVerdict::Built { .. } => {}
                PackageVerdict::Imported { .. } if policy.accept_imports => {}
                PackageVerdict::Imported { .. } => imported.push(package.name.clone()),
                PackageVerdict::Unverified { .. } if named => {}
                PackageVerdict::Unverified { reason } => {
                    refused.push(format!("{} ({reason})", package.name));
                }
            }
        }
    }
    if count > 0 || evidence.verdicts.len() != evidence.record.platforms.len() {
        return Err(DeriveError::NoOutput(evidence.verdicts.len()));
    }
    let mut bases = Vec::new();
    for ((_, base), verdict) in of(evidence.record).zip(evidence.bases) {
        match verdict {
            BaseVerdict::Built { name, contents, .. } => {
                let unknown = contents.unverified.iter();
                let unknown = unknown.filter(|name| !policy.accept_unverified.contains(name));
                refused.extend(unknown.map(|package| format!("{package} (in the base {name})")));
                if contents.imported > 0 && !policy.accept_imports {
                    imported.push(format!("{} in the base {name}", contents.imported));
                }
                if contents.unverified_base {
                    bases.push(format!("what {name} is built on"));
                }
            }
            BaseVerdict::Unverified { reason } => bases.push(format!("{} ({reason})", base.name)),
        }
    }
    if of(evidence.record).count() != evidence.bases.len() {
        return Err(DeriveError::NoOutput(evidence.bases.len()));
    }
    if !bases.is_empty() && !policy.accept_unverified_base {
        return Err(DeriveError::UnverifiedBase(listed(bases)));
    }
    if !refused.is_empty() {
        return Err(DeriveError::UnverifiedPackages(listed(refused)));
    }
    if !imported.is_empty() {
        return Err(DeriveError::ImportedPackages(listed(imported)));
    }
    Ok(())
}

fn listed(mut names: Vec<String>) -> String {
    names.sort();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let text = names.join(", ");
    match more {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
