//! Before the first start of a job's machines: whether what boots is what somebody vouches for.

use super::register::registered;
use super::{ARTIFACT_LIMIT, About, Refusal, document, lock, logged, now, same, seal};
use crate::handed::Handed;
use crate::protocol::Reply;
use crate::state::State;
use bessemer_attest::derive::{DeriveError, EnvironmentRequest, environment_statement};
use bessemer_attest::documents::{Lock, parse};
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{PROOFS_LIMIT, Role, SIDECAR_LIMIT, Sidecar};
use bessemer_digest::Digest;
use std::fs::File;

/// What is handed over.
pub(super) struct Boot<'a> {
    pub(super) lock: &'a File,
    pub(super) kernel: &'a File,
    pub(super) sidecar: &'a File,
    pub(super) proofs: &'a File,
}

/// Verifies the kernel package that the registered lock names, and signs that with the gate's key.
///
/// The package is measured here. That kernel and initramfs are what it holds is measured by the
/// control side, which puts their digests into the lock before the job is registered.
pub(super) fn environment(
    state: &State,
    invocation_id: &str,
    boot: &Boot<'_>,
) -> Result<Reply, Refusal> {
    let lock_bytes = document("the lock", boot.lock)?;
    {
        let log = lock(state)?;
        let (job, _) = registered(state, log.jobs(), invocation_id)?;
        same("the lock", &job.lock, &Digest::of(&lock_bytes))?;
        if job.finished.is_some() {
            return Err(Refusal::Finished(invocation_id.to_owned()));
        }
    }
    let locked: Lock = parse(&lock_bytes)?;
    let package = locked.boot.package.as_ref();
    let package = package.ok_or(Refusal::Derive(DeriveError::NoMachine))?;
    let sha256 = Handed::new("the kernel package", boot.kernel, ARTIFACT_LIMIT)?.digest()?;
    same("the kernel package", &package.sha256, &sha256)?;
    let bytes = Handed::new("the sidecar", boot.sidecar, SIDECAR_LIMIT as u64)?.bytes()?;
    let proofs = Handed::new("the proofs", boot.proofs, PROOFS_LIMIT as u64)?.bytes()?;
    let sidecar = Sidecar::parse(&bytes)?.with_proofs(&proofs)?;
    let facts = ApkFacts {
        file: format!("{}-{}.apk", package.name, package.version),
        sha256,
        control_sha256: None,
        data_sha256: None,
    };
    let time = now()?;
    let policy = VerifyPolicy {
        accept_imports: true,
        now: Some(time.clone()),
        ..VerifyPolicy::default()
    };
    let report = verify(&facts, &sidecar, &state.trust_root, &policy)?;
    let request = EnvironmentRequest {
        base: &state.issuer.base,
        version: &state.issuer.signer.version,
        time: &time,
        lock: &locked,
    };
    let statement = environment_statement(&request, &report)?;
    let about = About {
        subject: Some(sha256),
        invocation_id: Some(invocation_id),
    };
    let log = lock(state)?;
    let sealed = seal(state, Role::Gate, &statement, about)?;
    logged(log, &time, sealed)
}
