//! Imports and the gate's summaries.

use super::{ARTIFACT_LIMIT, About, Refusal, lock, logged, now, seal};
use crate::handed::Handed;
use crate::protocol::Reply;
use crate::state::State;
use bessemer_attest::derive::{GatePolicy, SummaryRequest, import_statement, summary_statement};
use bessemer_attest::predicates::Import;
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{PROOFS_LIMIT, Role, SIDECAR_LIMIT, Sidecar};
use bessemer_digest::Digest;
use std::fs::File;

/// What a summary is asked for.
pub(super) struct Summary {
    pub(super) file: String,
    pub(super) resource_uri: String,
    pub(super) policy: GatePolicy,
}

/// Says what an imported package was made from. The package is measured; the rest is the
/// caller's word, which is why imports have a role and a key of their own.
pub(super) fn import(
    state: &State,
    file: &str,
    import: &Import,
    apk: &File,
) -> Result<Reply, Refusal> {
    let subject = Handed::new("the package", apk, ARTIFACT_LIMIT)?.digest()?;
    let statement = import_statement(&state.issuer.base, file, &subject, import)?;
    let log = lock(state)?;
    let sealed = seal(state, Role::Import, &statement, about(subject))?;
    logged(log, &now()?, sealed)
}

/// Verifies a package by its sidecar, as anybody would, and signs what it found.
pub(super) fn summary(
    state: &State,
    asked: &Summary,
    apk: &File,
    (sidecar, proofs): (&File, &File),
) -> Result<Reply, Refusal> {
    let sha256 = Handed::new("the package", apk, ARTIFACT_LIMIT)?.digest()?;
    let bytes = Handed::new("the sidecar", sidecar, SIDECAR_LIMIT as u64)?.bytes()?;
    let proofs = Handed::new("the proofs", proofs, PROOFS_LIMIT as u64)?.bytes()?;
    let sidecar = Sidecar::parse(&bytes)?.with_proofs(&proofs)?;
    let facts = ApkFacts {
        file: asked.file.clone(),
        sha256,
        control_sha256: None,
        data_sha256: None,
    };
    let time = now()?;
    let policy = VerifyPolicy {
        min_level: asked.policy.min_level,
        require_tests: !asked.policy.allow_untested,
        now: Some(time.clone()),
        ..VerifyPolicy::default()
    };
    let report = verify(&facts, &sidecar, &state.trust_root, &policy)?;
    let request = SummaryRequest {
        base: &state.issuer.base,
        version: &state.issuer.signer.version,
        time: &time,
        resource_uri: &asked.resource_uri,
        policy: &asked.policy,
    };
    let statement = summary_statement(&request, &report)?;
    let log = lock(state)?;
    let sealed = seal(state, Role::Gate, &statement, about(sha256))?;
    logged(log, &time, sealed)
}

fn about(subject: Digest) -> About<'static> {
    About {
        subject: Some(subject),
        invocation_id: None,
    }
}
