//! The predicates that the factory's statements carry, as written and as read.

mod image_provenance;
mod import;
mod provenance;
mod summary;
mod test_result;

pub use image_provenance::{
    ImageBuildDefinition, ImageConfigSource, ImageExternalParameters, ImageInternalParameters,
    ImagePolicy, ImageProvenance,
};
pub use import::{Import, ImportedDeb, ImportedRelease};
pub use provenance::{
    BuildDefinition, Builder, ExternalConfigSource, ExternalParameters, InternalParameters,
    IsolationParameters, Metadata, PROVENANCE_TYPE, Provenance, ResourceParameters, RunDetails,
};
pub use summary::{
    BOOT_PROPERTY, INDEPENDENTLY_REPRODUCED_PROPERTY, REPRODUCED_PROPERTY, SUMMARY_TYPE, Summary,
    SummaryDigest, SummaryPolicy, SummaryResult, SummaryVerifier, TESTED_PROPERTY,
};
pub use test_result::{TEST_RESULT_TYPE, TestResult, TestRunFacts, TestVerdict};

/// The predicate type of SPDX documents, the one that cosign calls `spdxjson`.
pub const SPDX_TYPE: &str = "https://spdx.dev/Document";
