//! Verification of one image, or of an index of images, by what is attached to it, offline.
//!
//! Registries are public places: whoever may push attaches what he likes, also a genuine envelope with
//! a changed letter, or one of another image. So each envelope is judged alone. What does not hold is
//! counted and named, proves nothing, and takes nothing away from what holds. At least one provenance
//! must hold whole and be what is expected; of several, the report is of the one that the log had last.

mod bases;
mod error;
mod expected;
mod findings;
mod provenance;
mod report;
mod sbom;

pub(crate) use bases::BASE_ROLE;
pub use bases::{BaseContents, BaseDemand, BaseFault, BaseReport};
pub use error::{ImageVerifyError, RefusedEnvelope};
pub use expected::ImageExpectations;
pub use report::{ImagePackages, ImageReport};

use super::open;
use crate::documents::Timestamp;
use crate::predicates::ImageProvenance;
use crate::{Sidecar, TrustRoot};
use bessemer_digest::Digest;
use findings::Findings;

/// What is demanded of an image's provenance, whatever the image is. The default demands that one
/// holds and nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageVerifyPolicy {
    /// Lowest SLSA Build level of the image itself, and of the bases that it is built on.
    pub min_level: u8,
    /// The verifier's clock; keys that are not valid then are refused.
    pub now: Option<Timestamp>,
}

/// Verifies the manifest or index of this digest by the envelopes and proofs that are attached to it,
/// without asking what it is meant to be: that is for whoever made it.
pub fn verify_image(
    digest: &Digest,
    attached: &Sidecar,
    root: &TrustRoot,
    policy: &ImageVerifyPolicy,
) -> Result<ImageReport, ImageVerifyError> {
    verify_expected_image(
        digest,
        attached,
        root,
        policy,
        &ImageExpectations::nothing(),
    )
}

/// An image that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedImage {
    /// What was proven.
    pub report: ImageReport,
    /// The provenance that the report is of.
    pub provenance: Box<ImageProvenance>,
    /// Digest of the envelope that holds it.
    pub attestation: Digest,
    /// Whose image it is, in apk's words; nothing of an index.
    pub architecture: Option<String>,
}

/// The same, and the image must be what is expected.
pub fn verify_expected_image(
    digest: &Digest,
    attached: &Sidecar,
    root: &TrustRoot,
    policy: &ImageVerifyPolicy,
    expected: &ImageExpectations,
) -> Result<ImageReport, ImageVerifyError> {
    verify_image_whole(digest, attached, root, policy, expected).map(|verified| verified.report)
}

/// The same, and hands out the provenance, which names what the image was made from.
pub fn verify_image_whole(
    digest: &Digest,
    attached: &Sidecar,
    root: &TrustRoot,
    policy: &ImageVerifyPolicy,
    expected: &ImageExpectations,
) -> Result<VerifiedImage, ImageVerifyError> {
    let findings = Findings::of(digest, attached, root, policy.now.as_ref())?;
    findings.judged(policy, expected)
}
