//! Why an image does not verify, with what was found.

use super::super::{harmless, with_causes};
use crate::TrustRootError;
use serde::Serialize;
use std::error::Error;

/// Most envelopes that are named; anybody can attach thousands.
const NAMED: usize = 10;
/// Most characters of a reason.
const REASON: usize = 300;

/// Why an image does not verify.
#[derive(Debug, thiserror::Error)]
pub enum ImageVerifyError {
    /// The trust root is unusable.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
    /// Nothing that is attached is provenance that holds.
    #[error("there is no valid provenance of this image: {0}")]
    NoProvenance(String),
    /// Provenance holds, and none is what is expected.
    #[error("the image is not what is expected: {0}")]
    Unexpected(String),
}

/// An attached envelope that proves nothing, although it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedEnvelope {
    /// Its number among those that are attached, from 1.
    pub number: usize,
    /// Whether a key of the trust root signed it.
    pub trusted_key: bool,
    /// Why, in words.
    pub reason: String,
}

impl RefusedEnvelope {
    pub(super) fn new(number: usize, trusted_key: bool, error: &dyn Error) -> Self {
        Self {
            number,
            trusted_key,
            reason: with_causes(error)
                .chars()
                .take(REASON)
                .map(harmless)
                .collect(),
        }
    }
}

/// The reasons that are shown: those of envelopes that trusted keys signed first, so that strangers
/// cannot bury them.
pub(super) fn named(mut refused: Vec<RefusedEnvelope>) -> Vec<RefusedEnvelope> {
    refused.sort_by_key(|one| (!one.trusted_key, one.number));
    refused.truncate(NAMED);
    refused
}

/// What is attached, and why none of it counts.
pub(super) fn found(
    attached: usize,
    foreign: usize,
    sboms: usize,
    refused: Vec<RefusedEnvelope>,
) -> String {
    if attached == 0 {
        return "no attestation is attached to it".to_owned();
    }
    let mut parts = vec![format!("{attached} attached")];
    if foreign > 0 {
        parts.push(format!("{foreign} by keys that are not trusted"));
    }
    if sboms > 0 {
        parts.push(format!("{sboms} valid, of other kinds"));
    }
    let total = refused.len();
    if total > 0 {
        parts.push(format!("{total} refused"));
    }
    let shown = named(refused);
    let more = total - shown.len();
    parts.extend(shown.into_iter().map(|one| one.reason));
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join("; ")
}
