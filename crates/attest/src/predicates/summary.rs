//! SLSA verification summaries (VSA).
//!
//! Source: SLSA v1.2, `verification_summary` (predicate `…/verification_summary/v1`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Predicate type of verification summaries.
pub const SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The verified property of a package that has a passing test result of the same run.
pub const TESTED_PROPERTY: &str = "BESSEMER_TESTED";
/// The verified property of a package that the gate admitted for booting guests: an operator said so.
pub const BOOT_PROPERTY: &str = "BESSEMER_MAY_BOOT";

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
    /// The one id that the gate's key may assert.
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

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SummaryDigest {
    /// Digest of the envelope's line.
    pub digest: BTreeMap<String, String>,
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
