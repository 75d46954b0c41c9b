//! Before the first start of a job's machines: whether what boots is what somebody vouches for.

use super::register::registered;
use super::{ARTIFACT_LIMIT, About, Refusal, document, lock, logged, now, same, seal};
use crate::handed::Handed;
use crate::protocol::Reply;
use crate::state::{State, boot_roots};
use bessemer_attest::derive::{DeriveError, EnvironmentRequest, environment_statement};
use bessemer_attest::documents::{Lock, LockedPackage, Timestamp, parse};
use bessemer_attest::predicates::BOOT_PROPERTY;
use bessemer_attest::verify::{ApkFacts, Origin, Report, VerifyPolicy, verify};
use bessemer_attest::{BuilderKind, PROOFS_LIMIT, Role, SIDECAR_LIMIT, Sidecar, TrustRoot};
use bessemer_digest::Digest;
use std::fs::File;

/// Package, sidecar and proofs.
const PACKAGE_FILES: usize = 3;

/// Under what the packages of what boots may verify.
#[derive(Clone, Copy)]
struct Roots<'a> {
    own: &'a TrustRoot,
    /// Of other factories, by the operator's word.
    others: &'a [(Digest, TrustRoot)],
}

/// Verifies the kernel package that the registered lock names, and the agent's if that is handed over,
/// and signs that with the gate's key. `handed`: package, sidecar and proofs of one, then of the other.
///
/// The packages are measured here. That kernel, initramfs and agent are what they hold is measured by
/// the control side, which puts their digests into the lock before the job is registered.
pub(super) fn environment(
    state: &State,
    invocation_id: &str,
    lock_file: &File,
    handed: &[File],
) -> Result<Reply, Refusal> {
    let locked = registered_lock(state, invocation_id, lock_file)?;
    let boot = &locked.boot;
    let (kernel, agent) = handed.split_at(handed.len().min(PACKAGE_FILES));
    let kernel_package = boot.package.as_ref();
    let kernel_package = kernel_package.ok_or(Refusal::Derive(DeriveError::NoMachine))?;
    let time = now()?;
    let others = boot_roots(&state.directory, &lock(state)?)?;
    let roots = Roots {
        own: &state.trust_root,
        others: &others,
    };
    let kernel = verified(roots, "kernel", kernel_package, kernel, &time)?;
    may_boot(state, "kernel", &kernel)?;
    let provisioned = state.issuer.builder != BuilderKind::Local;
    let agent = match (agent, &boot.agent_package) {
        ([], _) if provisioned => return Err(Refusal::NoAgent),
        ([], _) => None,
        (agent, Some(package)) => Some(verified(roots, "agent", package, agent, &time)?),
        (_, None) => return Err(Refusal::Derive(DeriveError::NoAgentPackage)),
    };
    if let Some(agent) = &agent {
        may_boot(state, "agent", agent)?;
    }
    let request = EnvironmentRequest {
        base: &state.issuer.base,
        version: &state.issuer.signer.version,
        time: &time,
        lock: &locked,
        boot_roots: others.iter().map(|(digest, _)| *digest).collect(),
    };
    let statement = environment_statement(&request, &kernel, agent.as_ref())?;
    let about = About {
        subject: Some(kernel_package.sha256),
        invocation_id: Some(invocation_id),
    };
    let log = lock(state)?;
    let sealed = seal(state, Role::Gate, &statement, about)?;
    logged(log, &time, sealed)
}

/// In a factory tenants have packages built, of whatever name: what it built itself boots only when
/// its gate admitted it for that. What was repacked from a distribution, and what a factory built that
/// the operator trusts (`keys trust`), needs no such word.
fn may_boot(state: &State, what: &str, report: &Report) -> Result<(), Refusal> {
    let Origin::Built(built) = &report.origin else {
        return Ok(());
    };
    let own = built.builder_id == state.issuer.builder_id();
    if state.issuer.builder == BuilderKind::Local || !own {
        return Ok(());
    }
    let gate = report.gate.iter();
    let mut levels = gate.flat_map(|gate| &gate.levels);
    if levels.any(|level| level == BOOT_PROPERTY) {
        return Ok(());
    }
    Err(Refusal::NotForBooting(what.to_owned()))
}

/// The lock that a job was registered with, if that job has not ended.
fn registered_lock(state: &State, invocation_id: &str, file: &File) -> Result<Lock, Refusal> {
    let bytes = document("the lock", file)?;
    let log = lock(state)?;
    let (job, _) = registered(state, log.jobs(), invocation_id)?;
    same("the lock", &job.lock, &Digest::of(&bytes))?;
    if job.finished.is_some() {
        return Err(Refusal::Finished(invocation_id.to_owned()));
    }
    Ok(parse(&bytes)?)
}

/// What the attestations of a package prove, which is measured. `handed`: package, sidecar, proofs.
fn verified(
    roots: Roots<'_>,
    what: &str,
    package: &LockedPackage,
    handed: &[File],
    time: &Timestamp,
) -> Result<Report, Refusal> {
    let what = format!("the {what} package");
    let [file, sidecar, proofs] = handed else {
        return Err(Refusal::Count {
            what: "files",
            expected: PACKAGE_FILES,
            found: handed.len(),
        });
    };
    let sha256 = Handed::new(&what, file, ARTIFACT_LIMIT)?.digest()?;
    same(&what, &package.sha256, &sha256)?;
    let bytes = Handed::new("the sidecar", sidecar, SIDECAR_LIMIT as u64)?.bytes()?;
    let proofs = Handed::new("the proofs", proofs, PROOFS_LIMIT as u64)?.bytes()?;
    let sidecar = Sidecar::parse(&bytes)?.with_proofs(&proofs)?;
    let facts = ApkFacts {
        file: format!("{}-{}.apk", package.name, package.version),
        sha256,
        control_sha256: None,
        data_sha256: None,
    };
    let policy = VerifyPolicy {
        accept_imports: true,
        now: Some(time.clone()),
        ..VerifyPolicy::default()
    };
    let under = |root: &TrustRoot| verify(&facts, &sidecar, root, &policy);
    under(roots.own).or_else(|refused| {
        let mut others = roots.others.iter();
        let found = others.find_map(|(_, root)| under(root).ok());
        // What the factory's own trust root says of it is what is told.
        found.ok_or_else(|| refused.into())
    })
}
