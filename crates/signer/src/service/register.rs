//! Before and during a run: registration, and RSA signatures.

use super::{DOCUMENT_LIMIT, Refusal, SIGNED_LIMIT, document, lock, new_invocation_id, now};
use crate::handed::Handed;
use crate::log::{Event, Job, Jobs};
use crate::protocol::{Registration, Reply, RsaSignature};
use crate::state::{NamedRsaKey, State, write};
use bessemer_attest::derive::DeriveError;
use bessemer_attest::documents::{JobSpec, Lock, parse};
use bessemer_digest::Digest;
use std::fs::{self, File};
use std::io;

/// The name under which control members of imported packages stand in the log.
const IMPORT: &str = "import";

/// Announces a job: both documents are kept, and the log is synced before the id is handed out.
pub(super) fn register(state: &State, spec: &File, lock_file: &File) -> Result<Reply, Refusal> {
    let spec_bytes = document("the job spec", spec)?;
    let lock_bytes = document("the lock", lock_file)?;
    let spec: JobSpec = parse(&spec_bytes)?;
    parse::<Lock>(&lock_bytes)?;
    let lock_digest = Digest::of(&lock_bytes);
    if spec.lock != lock_digest {
        return Err(Refusal::Mismatch {
            what: "the lock".to_owned(),
            expected: spec.lock.to_string(),
            found: lock_digest.to_string(),
        });
    }
    // What can never be signed is said before a machine starts. Nobody signs an interactive job.
    let objection = state.issuer.builder.objection(&spec);
    if let Some(reason) = objection.filter(|_| !spec.interactive) {
        let id = state.issuer.builder_id();
        return Err(DeriveError::Builder { id, reason }.into());
    }
    let job_spec = Digest::of(&spec_bytes);
    write(&state.job_path(&job_spec), &spec_bytes)?;
    let invocation_id = new_invocation_id()?;
    let event = Event::Registered {
        invocation_id: invocation_id.clone(),
        job_spec,
        lock: lock_digest,
    };
    lock(state)?.append(&now()?, vec![event])?;
    let signer = state.issuer.signer.clone();
    Ok(Reply::Registration(Registration {
        invocation_id,
        signer,
    }))
}

/// The registration of a job, and its job spec.
pub(super) fn registered<'a>(
    state: &State,
    jobs: &'a Jobs,
    invocation_id: &str,
) -> Result<(&'a Job, JobSpec), Refusal> {
    let unknown = || Refusal::Unregistered(invocation_id.chars().take(64).collect());
    let job = jobs.get(invocation_id).ok_or_else(unknown)?;
    let bytes = fs::read(state.job_path(&job.spec)).map_err(Refusal::Stored)?;
    if Digest::of(&bytes) != job.spec || bytes.len() as u64 > DOCUMENT_LIMIT {
        return Err(Refusal::Stored(io::Error::from(io::ErrorKind::InvalidData)));
    }
    Ok((job, parse(&bytes)?))
}

/// Signs a control member for a job that is registered, not finished and not interactive.
pub(super) fn sign_control(
    state: &State,
    invocation_id: &str,
    control: &File,
) -> Result<Reply, Refusal> {
    let bytes = Handed::new("the control member", control, SIGNED_LIMIT)?.bytes()?;
    let mut log = lock(state)?;
    let (job, spec) = registered(state, log.jobs(), invocation_id)?;
    if spec.interactive {
        return Err(Refusal::Interactive);
    }
    if job.finished.is_some() {
        return Err(Refusal::Finished(invocation_id.to_owned()));
    }
    let event = Event::ControlSigned {
        invocation_id: invocation_id.to_owned(),
        control: Digest::of(&bytes),
        size: bytes.len() as u64,
        key: state.apk.id.clone(),
    };
    log.append(&now()?, vec![event])?;
    drop(log);
    signature(&state.apk, &bytes)
}

/// Signs a control member with the key of imported packages.
pub(super) fn sign_import_control(state: &State, control: &File) -> Result<Reply, Refusal> {
    let bytes = Handed::new("the control member", control, SIGNED_LIMIT)?.bytes()?;
    let event = Event::ControlSigned {
        invocation_id: IMPORT.to_owned(),
        control: Digest::of(&bytes),
        size: bytes.len() as u64,
        key: state.import_apk.id.clone(),
    };
    lock(state)?.append(&now()?, vec![event])?;
    signature(&state.import_apk, &bytes)
}

/// Signs an index.
pub(super) fn sign_index(state: &State, key: &NamedRsaKey, index: &File) -> Result<Reply, Refusal> {
    let bytes = Handed::new("the index", index, SIGNED_LIMIT)?.bytes()?;
    let event = Event::IndexSigned {
        index: Digest::of(&bytes),
        key: key.id.clone(),
    };
    lock(state)?.append(&now()?, vec![event])?;
    signature(key, &bytes)
}

fn signature(key: &NamedRsaKey, bytes: &[u8]) -> Result<Reply, Refusal> {
    let signature = hex::encode(key.key.sign(bytes)?);
    Ok(Reply::Signature(RsaSignature {
        key: key.name.clone(),
        signature,
    }))
}
