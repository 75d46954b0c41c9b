//! SLSA verification summaries (VSA).
//!
//! Source: SLSA v1.2, `verification_summary` (predicate `…/verification_summary/v1`).

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Predicate type of verification summaries.
pub const SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The verified property of a package that has a passing test result of the same run.
pub const TESTED_PROPERTY: &str = "BESSEMER_TESTED";
/// The verified property of a package that the gate admitted for booting guests: an operator said so.
pub const BOOT_PROPERTY: &str = "BESSEMER_MAY_BOOT";

/// The verified property of a package that a second run made again: the same control and data member.
pub const REPRODUCED_PROPERTY: &str = "BESSEMER_REPRODUCED";
/// The same in the standard's word, which may be used only where two build platforms that are operated
/// independently have provenance of it (SLSA v1.2, `verified-properties`).
pub const INDEPENDENTLY_REPRODUCED_PROPERTY: &str = "SLSA_BUILD_REPRODUCED";

/// What a gate found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Who verified.
    pub verifier: SummaryVerifier,
    /// When, by the gate's clock.
    pub time_verified: String,
    /// Where consumers are expected to fetch it.
    pub resource_uri: String,
    /// By which policy.
    pub policy: SummaryPolicy,
    /// All the evidence that was used, by the digest of its envelope.
    pub input_attestations: Vec<SummaryDigest>,
    /// The verdict.
    pub verification_result: SummaryResult,
    /// Highest level and properties that were verified.
    pub verified_levels: Vec<String>,
    /// Version of SLSA.
    pub slsa_version: String,
}

/// Who verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryVerifier {
    /// The one id that the key may assert.
    pub id: String,
    /// Versions of its components.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryPolicy {
    /// What it is called.
    pub uri: String,
    /// Digest of its canonical JSON.
    pub digest: BTreeMap<String, String>,
}

/// A piece of evidence: a resource descriptor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryDigest {
    /// What it is here, where that is not plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Digest of the envelope's line.
    pub digest: BTreeMap<String, String>,
    /// What it says, in short.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl SummaryDigest {
    /// The envelope with this digest.
    pub fn of(envelope: &Digest) -> Self {
        Self {
            digest: BTreeMap::from([("sha256".to_owned(), envelope.hex())]),
            ..Self::default()
        }
    }

    /// Whether it is the envelope with this digest.
    pub fn is(&self, envelope: &Digest) -> bool {
        self.digest.get("sha256") == Some(&envelope.hex())
    }
}

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SummaryResult {
    /// The policy is met.
    Passed,
    /// It is not.
    Failed,
}
