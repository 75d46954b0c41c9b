//! One source attestation, read from verified bytes.

use super::texts;
use bessemer_attest::STATEMENT_TYPE;
use bessemer_attest::predicates::SUMMARY_TYPE;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What it says, as far as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) verifier: String,
    pub(super) resource_uri: String,
    pub(super) passed: bool,
    /// The highest Source level; 0 if it names none.
    pub(super) level: u8,
    /// Commits, and the refs that each was on.
    pub(super) commits: BTreeMap<String, Vec<String>>,
}

/// A statement of any kind.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(rename = "predicateType")]
    predicate_type: String,
}

#[derive(Deserialize)]
struct Statement {
    subject: Vec<Subject>,
    predicate: Predicate,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    resource_uri: String,
    verification_result: String,
    verified_levels: Vec<String>,
}

#[derive(Deserialize)]
struct Verifier {
    id: String,
}

/// Most subjects of one summary; one is usual.
const SUBJECTS: usize = 1_000;

/// Reads a payload; what is no verification summary with commits as subjects is nothing.
pub(super) fn read(payload: &[u8]) -> Option<Summary> {
    let outline: Outline = serde_json::from_slice(payload).ok()?;
    if outline.kind != STATEMENT_TYPE || outline.predicate_type != SUMMARY_TYPE {
        return None;
    }
    let statement: Statement = serde_json::from_slice(payload).ok()?;
    let mut commits = BTreeMap::new();
    for subject in statement.subject.iter().take(SUBJECTS) {
        if let Some(commit) = subject.digest.get("gitCommit") {
            let refs = texts(subject.annotations.get("sourceRefs"));
            commits.entry(commit.clone()).or_insert(refs);
        }
    }
    let predicate = statement.predicate;
    Some(Summary {
        verifier: predicate.verifier.id,
        resource_uri: predicate.resource_uri,
        passed: predicate.verification_result == "PASSED",
        level: level(&predicate.verified_levels),
        commits,
    })
}

fn level(levels: &[String]) -> u8 {
    let level = |text: &String| match text.as_str() {
        "SLSA_SOURCE_LEVEL_1" => 1,
        "SLSA_SOURCE_LEVEL_2" => 2,
        "SLSA_SOURCE_LEVEL_3" => 3,
        "SLSA_SOURCE_LEVEL_4" => 4,
        _ => 0,
    };
    levels.iter().map(level).max().unwrap_or(0)
}
