//! The verification summary that a gate has signed.

use super::{DeriveError, gate_id, text};
use crate::documents::{Timestamp, digest};
use crate::predicates::{
    BOOT_PROPERTY, SUMMARY_TYPE, Summary, SummaryDigest, SummaryPolicy, SummaryResult,
    SummaryVerifier, TESTED_PROPERTY,
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
    /// Whether packages with what guests boot are admitted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_boot: bool,
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
    names_file(request.resource_uri, &report.file)?;
    let mut verified_levels = vec![format!("SLSA_BUILD_LEVEL_{}", report.level())];
    if report.is_tested() {
        verified_levels.push(TESTED_PROPERTY.to_owned());
    }
    if request.policy.allow_boot {
        verified_levels.push(BOOT_PROPERTY.to_owned());
    }
    let verdict = Verdict {
        verifier: gate_id(request.base),
        base: request.base,
        version: request.version,
        time: request.time,
        resource_uri: request.resource_uri,
        policy: ("publish/v1", digest(request.policy)?),
        verified_levels,
    };
    let subject = ResourceDescriptor::file(&report.file, &report.sha256);
    let evidence = report.evidence().iter().map(SummaryDigest::of);
    let predicate = passed(verdict, evidence.collect());
    Ok(Statement::new(vec![subject], SUMMARY_TYPE, predicate))
}

/// Refuses a place that is another file's: consumers hold it against what they asked for.
pub(super) fn names_file(resource_uri: &str, file: &str) -> Result<(), DeriveError> {
    if is_of_file(resource_uri, file) {
        return Ok(());
    }
    Err(DeriveError::Mismatch {
        what: "the file that the resource uri names".to_owned(),
        expected: text::shown(file),
        found: text::shown(resource_uri),
    })
}

/// Whether the last part of a path or URL is this file's name.
pub(crate) fn is_of_file(resource_uri: &str, file: &str) -> bool {
    resource_uri.rsplit('/').next() == Some(file)
}

/// What differs between summaries.
pub(super) struct Verdict<'a> {
    /// Id of who verified.
    pub(super) verifier: String,
    pub(super) base: &'a str,
    pub(super) version: &'a str,
    pub(super) time: &'a Timestamp,
    pub(super) resource_uri: &'a str,
    /// Its name below the factory's policies, and its digest.
    pub(super) policy: (&'a str, Digest),
    pub(super) verified_levels: Vec<String>,
}

/// The predicate of a verification that passed. `evidence`: the envelopes that it rests on.
pub(super) fn passed(verdict: Verdict<'_>, evidence: Vec<SummaryDigest>) -> Summary {
    let (policy, policy_digest) = verdict.policy;
    Summary {
        verifier: SummaryVerifier {
            id: verdict.verifier,
            version: BTreeMap::from([("signer".to_owned(), verdict.version.to_owned())]),
        },
        time_verified: verdict.time.to_string(),
        resource_uri: verdict.resource_uri.to_owned(),
        policy: SummaryPolicy {
            uri: format!("{}/policies/{policy}", verdict.base),
            digest: BTreeMap::from([("sha256".to_owned(), policy_digest.hex())]),
        },
        input_attestations: evidence,
        verification_result: SummaryResult::Passed,
        verified_levels: verdict.verified_levels,
        slsa_version: "1.2".to_owned(),
    }
}
