//! The verification summary that a gate has signed.

use super::{DeriveError, gate_id, text};
use crate::documents::{Timestamp, digest};
use crate::predicates::{
    SUMMARY_TYPE, Summary, SummaryDigest, SummaryPolicy, SummaryResult, SummaryVerifier,
    TESTED_PROPERTY,
};
use crate::verify::Report;
use crate::{ResourceDescriptor, Statement};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the gate demands. Its digest stands in every summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatePolicy {
    /// Lowest SLSA Build level that is admitted.
    pub min_level: u8,
    /// Whether packages without a passing test are admitted.
    pub allow_untested: bool,
}

/// What is asked of the gate's key, beside the evidence.
#[derive(Debug, Clone)]
pub struct SummaryRequest<'a> {
    /// The factory's URL.
    pub base: &'a str,
    /// The gate's own version.
    pub version: &'a str,
    /// The gate's clock.
    pub time: &'a Timestamp,
    /// Where consumers fetch the package.
    pub resource_uri: &'a str,
    /// By what it was admitted.
    pub policy: &'a GatePolicy,
}

/// The summary of a verification that passed.
pub fn summary_statement(
    request: &SummaryRequest<'_>,
    report: &Report,
) -> Result<Statement<Summary>, DeriveError> {
    text::uri("the resource uri", request.resource_uri)?;
    let sha256 = |digest: &Digest| BTreeMap::from([("sha256".to_owned(), digest.hex())]);
    let mut verified_levels = vec![format!("SLSA_BUILD_LEVEL_{}", report.level())];
    if report.is_tested() {
        verified_levels.push(TESTED_PROPERTY.to_owned());
    }
    let predicate = Summary {
        verifier: SummaryVerifier {
            id: gate_id(request.base),
            version: BTreeMap::from([("signer".to_owned(), request.version.to_owned())]),
        },
        time_verified: request.time.to_string(),
        resource_uri: request.resource_uri.to_owned(),
        policy: SummaryPolicy {
            uri: format!("{}/policies/publish/v1", request.base),
            digest: sha256(&digest(request.policy)?),
        },
        input_attestations: report
            .evidence()
            .iter()
            .map(|digest| SummaryDigest {
                digest: sha256(digest),
            })
            .collect(),
        verification_result: SummaryResult::Passed,
        verified_levels,
        slsa_version: "1.2".to_owned(),
    };
    let subject = ResourceDescriptor::file(&report.file, &report.sha256);
    Ok(Statement::new(vec![subject], SUMMARY_TYPE, predicate))
}
