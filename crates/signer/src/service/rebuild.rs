//! Summaries of packages that were built again.
//!
//! Both files are measured here, whole and in their members; where a member ends is the caller's word,
//! which the digests in both provenances hold. The second run is one that this signer registered and
//! finished, and its provenance is the one that is kept. That the second run was given the recipe of the
//! first, and not its result, is the control side's word, as what a run did always is.

use super::register::registered;
use super::{ARTIFACT_LIMIT, About, Refusal, finish, lock, logged, now, seal};
use crate::handed::Handed;
use crate::protocol::Reply;
use crate::state::{State, rebuild_roots};
use bessemer_attest::derive::{
    BuiltPackage, OtherFactory, ReproductionRequest, reproduced_statement,
};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::predicates::Provenance;
use bessemer_attest::verify::{
    ApkFacts, Report, Verified, VerifyError, VerifyPolicy, verify_whole,
};
use bessemer_attest::{PROOFS_LIMIT, Role, SIDECAR_LIMIT, Sidecar, TrustRoot};
use std::fs::File;

/// What is asked for.
pub(super) struct Asked {
    /// File name of both packages.
    pub(super) file: String,
    /// The run that made the second.
    pub(super) invocation_id: String,
    /// Bytes of the signature member of the original and of the second.
    pub(super) signature_sizes: (u64, u64),
    /// Bytes of the control member.
    pub(super) control_size: u64,
}

/// Verifies both packages, holds one against the other, and signs what it found. `handed`: the original,
/// its sidecar, its proofs, the second package.
pub(super) fn rebuild(state: &State, asked: &Asked, handed: [&File; 4]) -> Result<Reply, Refusal> {
    let (of_original, of_rebuilt) = asked.signature_sizes;
    let [original, sidecar, proofs, rebuilt] = handed;
    let original = facts(asked, "the original", original, of_original)?;
    let rebuilt = facts(asked, "the rebuilt package", rebuilt, of_rebuilt)?;
    let bytes = Handed::new("the sidecar", sidecar, SIDECAR_LIMIT as u64)?.bytes()?;
    let proofs = Handed::new("the proofs", proofs, PROOFS_LIMIT as u64)?.bytes()?;
    let sidecar = Sidecar::parse(&bytes)?.with_proofs(&proofs)?;
    let made = {
        let log = lock(state)?;
        let (job, _) = registered(state, log.jobs(), &asked.invocation_id)?;
        finish::provenance(state, &log, &asked.invocation_id, job)?
    };
    let (time, root) = (now()?, &state.trust_root);
    let (before, other_factory) = from_anywhere(state, &original, &sidecar, &time)?;
    let after = verified(&rebuilt, &made, root, &time).map_err(Refusal::Rebuilt)?;
    let statement = reproduced_statement(&ReproductionRequest {
        base: &state.issuer.base,
        version: &state.issuer.signer.version,
        time: &time,
        original: before.of(&original),
        rebuilt: after.of(&rebuilt),
        other_factory,
    })?;
    let about = About {
        subject: Some(original.sha256),
        invocation_id: Some(&asked.invocation_id),
    };
    let log = lock(state)?;
    let sealed = seal(state, Role::Rebuild, &statement, about)?;
    logged(log, &time, sealed)
}

/// One of the packages, measured.
fn facts(asked: &Asked, what: &str, file: &File, signature_size: u64) -> Result<ApkFacts, Refusal> {
    let handed = Handed::new(what, file, ARTIFACT_LIMIT)?;
    let parts = handed.parts(signature_size, asked.control_size)?;
    Ok(ApkFacts {
        file: asked.file.clone(),
        sha256: parts.whole,
        control_sha256: Some(parts.control),
        data_sha256: Some(parts.data),
    })
}

/// What the attestations of a package prove.
struct Proven {
    report: Report,
    provenance: Box<Provenance>,
}

impl Proven {
    const fn of<'a>(&'a self, facts: &'a ApkFacts) -> BuiltPackage<'a> {
        BuiltPackage {
            facts,
            report: &self.report,
            provenance: &self.provenance,
        }
    }
}

/// The original may be of another factory that the operator named (`keys trust --rebuild`): then
/// that is named beside.
fn from_anywhere(
    state: &State,
    facts: &ApkFacts,
    sidecar: &Sidecar,
    time: &Timestamp,
) -> Result<(Proven, Option<OtherFactory>), Refusal> {
    let refused = match verified(facts, sidecar, &state.trust_root, time) {
        Ok(own) => return Ok((own, None)),
        Err(refused) => refused,
    };
    let others = rebuild_roots(&state.directory, &lock(state)?)?;
    let found = others.iter().find_map(|(factory, root)| {
        let proven = verified(facts, sidecar, root, time).ok()?;
        Some((proven, Some(*factory)))
    });
    // What the factory's own trust root says of it is what is told.
    found.ok_or(Refusal::Original(refused))
}

fn verified(
    facts: &ApkFacts,
    sidecar: &Sidecar,
    root: &TrustRoot,
    time: &Timestamp,
) -> Result<Proven, VerifyError> {
    let policy = VerifyPolicy {
        now: Some(time.clone()),
        ..VerifyPolicy::default()
    };
    let Verified { report, provenance } = verify_whole(facts, sidecar, root, &policy)?;
    let provenance = provenance.ok_or(VerifyError::Missing("provenance"))?;
    Ok(Proven { report, provenance })
}
