//! After a run: everything is measured again, held against the registration, and signed.

use super::register::registered;
use super::{
    ARTIFACT_LIMIT, About, DOCUMENT_LIMIT, Refusal, Sealed, count, document, lock, now, object,
    same, seal,
};
use crate::handed::Handed;
use crate::log::{Event, Finish, Job, LockedLog};
use crate::protocol::{LoggedStatements, OutputStatements, Reply, Statements};
use crate::state::{State, write};
use bessemer_attest::derive::{Derivation, Evidence};
use bessemer_attest::documents::{
    GuestInputs, Lock, NetworkRecord, Output, Record, canonical_bytes, parse,
};
use bessemer_attest::{Role, Sidecar};
use bessemer_digest::Digest;
use serde_json::value::RawValue;
use std::fs::{self, File};
use std::io;

/// What is handed over when a run is done.
pub(super) struct Finished<'a> {
    pub(super) record: &'a File,
    pub(super) locks: &'a [File],
    pub(super) logs: &'a [File],
    pub(super) networks: &'a [File],
    pub(super) guest_inputs: &'a [File],
    pub(super) sboms: &'a [File],
    pub(super) apks: &'a [File],
    pub(super) signature_sizes: Vec<u64>,
}

impl<'a> Finished<'a> {
    /// Takes files apart behind the record: how many there are of locks, logs, network records, guest
    /// inputs, SBOMs and packages.
    pub(super) fn split(
        record: &'a File,
        files: &'a [File],
        counts: [usize; 6],
        signature_sizes: Vec<u64>,
    ) -> Result<Self, Refusal> {
        let expected = counts
            .iter()
            .fold(0_usize, |sum, one| sum.saturating_add(*one));
        count("files", expected, files.len())?;
        let mut rest = files;
        let [locks, logs, networks, guest_inputs, sboms, apks] = counts.map(|number| {
            let (taken, left) = rest.split_at(number);
            rest = left;
            taken
        });
        Ok(Self {
            record,
            locks,
            logs,
            networks,
            guest_inputs,
            sboms,
            apks,
            signature_sizes,
        })
    }
}

pub(super) fn finish(state: &State, handed: &Finished<'_>) -> Result<Reply, Refusal> {
    let record_bytes = document("the record", handed.record)?;
    let record: Record = parse(&record_bytes)?;
    let record_digest = Digest::of(&record_bytes);
    let (job, job_spec) = {
        let log = lock(state)?;
        let (job, job_spec) = registered(state, log.jobs(), &record.invocation_id)?;
        if let Some(known) = known(state, &log, &record, &record_digest)? {
            return Ok(Reply::Statements(known));
        }
        (job.clone(), job_spec)
    };
    // Measuring takes long, and others may use the log meanwhile.
    match_registration(state, &job, &record)?;
    let locks = locks(&record, handed.locks)?;
    logs(&record, handed.logs)?;
    let networks = networks(&record, handed.networks)?;
    let guest_inputs = guest_inputs(&record, handed.guest_inputs)?;
    outputs(&job, &record, handed)?;
    let (lock, test_locks) = locks.split_first().ok_or(Refusal::Count {
        what: "locks",
        expected: 1,
        found: 0,
    })?;
    let evidence = Evidence {
        job_spec: &job_spec,
        lock,
        test_locks,
        record: &record,
        environment: job.environment,
        networks: &networks,
        guest_inputs: &guest_inputs,
    };
    let derivation = Derivation::new(&state.issuer, evidence)?;
    let sboms = sboms(&record, handed.sboms)?;
    keep(state, &derivation, &record, record_digest, &sboms).map(Reply::Statements)
}

/// The result that is kept, when the job was finished with this very record, and the proofs of its
/// statements: against the checkpoint right behind them, so that these are the same every time, too.
fn known(
    state: &State,
    log: &LockedLog<'_>,
    record: &Record,
    digest: &Digest,
) -> Result<Option<LoggedStatements>, Refusal> {
    let job = log.jobs().get(&record.invocation_id);
    let Some(finish) = job.and_then(|job| job.finished) else {
        return Ok(None);
    };
    if finish.record != *digest {
        return Err(Refusal::Finished(record.invocation_id.clone()));
    }
    proven(log, result(state, finish)?, finish.index).map(Some)
}

/// The statements of a job that is finished.
fn result(state: &State, finish: Finish) -> Result<Statements, Refusal> {
    let changed = || Refusal::Stored(io::Error::from(io::ErrorKind::InvalidData));
    let bytes = fs::read(state.result_path(&finish.record)).map_err(Refusal::Stored)?;
    if Digest::of(&bytes) != finish.result {
        return Err(changed());
    }
    serde_json::from_slice(&bytes).map_err(|_| changed())
}

/// The provenance of a job that is finished, with its proof.
pub(super) fn provenance(
    state: &State,
    log: &LockedLog<'_>,
    invocation_id: &str,
    job: &Job,
) -> Result<Sidecar, Refusal> {
    let unfinished = || Refusal::Unfinished(invocation_id.to_owned());
    let finish = job.finished.ok_or_else(unfinished)?;
    let statements = result(state, finish)?;
    let count = statements.envelopes().count() as u64;
    let proof = log.prove(finish.index.saturating_sub(count), finish.index + 1)?;
    let mut sidecar = Sidecar::default();
    sidecar.push_logged(statements.provenance, proof);
    Ok(sidecar)
}

/// The statements whose entries stand right before the one at `index`, with their proofs.
fn proven(
    log: &LockedLog<'_>,
    statements: Statements,
    index: u64,
) -> Result<LoggedStatements, Refusal> {
    let count = statements.envelopes().count() as u64;
    let proofs = (index.saturating_sub(count)..index)
        .map(|one| Ok(log.prove(one, index + 1)?.to_text()))
        .collect::<Result<_, Refusal>>()?;
    Ok(LoggedStatements { statements, proofs })
}

fn match_registration(state: &State, job: &Job, record: &Record) -> Result<(), Refusal> {
    same("the registered job spec", &record.job_spec, &job.spec)?;
    same("the registered lock", &record.lock, &job.lock)?;
    let (signer, own) = (&record.components.signer, &state.issuer.signer);
    same("the signer", &signer.sha256, &own.sha256)?;
    if record.started_on < job.time || record.finished_on > now()? {
        let (from, until) = (record.started_on.clone(), record.finished_on.clone());
        return Err(Refusal::Times { from, until });
    }
    Ok(())
}

/// The build's lock and the locks of the tests that ran, each measured.
fn locks(record: &Record, files: &[File]) -> Result<Vec<Lock>, Refusal> {
    let mut expected = vec![record.lock];
    expected.extend(record.tests.iter().filter_map(|test| test.lock));
    count("locks", expected.len(), files.len())?;
    let mut locks = Vec::new();
    for (expected, file) in expected.iter().zip(files) {
        let bytes = document("a lock", file)?;
        same("a lock", expected, &Digest::of(&bytes))?;
        locks.push(parse(&bytes)?);
    }
    Ok(locks)
}

/// The build's log and the logs of the tests that ran, each measured.
fn logs(record: &Record, files: &[File]) -> Result<(), Refusal> {
    let mut expected = vec![record.byproducts.log];
    expected.extend(record.tests.iter().filter_map(|test| test.log));
    count("logs", expected.len(), files.len())?;
    for (expected, file) in expected.iter().zip(files) {
        same(
            "a log",
            expected,
            &Handed::new("a log", file, ARTIFACT_LIMIT)?.digest()?,
        )?;
    }
    Ok(())
}

/// The network records of the guests that had a network, each measured.
fn networks(record: &Record, files: &[File]) -> Result<Vec<NetworkRecord>, Refusal> {
    count("network records", record.networks.len(), files.len())?;
    let mut networks = Vec::new();
    for (expected, file) in record.networks.iter().zip(files) {
        let bytes = document("a network record", file)?;
        same("a network record", &expected.record, &Digest::of(&bytes))?;
        networks.push(parse(&bytes)?);
    }
    Ok(networks)
}

/// What the build's guest was given, measured. There is no run without it.
fn guest_inputs(record: &Record, files: &[File]) -> Result<GuestInputs, Refusal> {
    let named = &record.byproducts.guest_inputs;
    let ([file], Some(expected)) = (files, named) else {
        // Either side may be of a version that knows nothing of it.
        return Err(Refusal::Inputs {
            named: named.iter().count(),
            handed: files.len(),
        });
    };
    let bytes = document("the guest inputs", file)?;
    same("the guest inputs", expected, &Digest::of(&bytes))?;
    Ok(parse(&bytes)?)
}

/// Every apk, measured whole and in its parts, with a control member that was signed for this job.
fn outputs(job: &Job, record: &Record, handed: &Finished<'_>) -> Result<(), Refusal> {
    count("packages", record.outputs.len(), handed.apks.len())?;
    count(
        "signature sizes",
        record.outputs.len(),
        handed.signature_sizes.len(),
    )?;
    let files = handed.apks.iter().zip(&handed.signature_sizes);
    for (output, (file, signature_size)) in record.outputs.iter().zip(files) {
        let control_size = signed_control(job, output)?;
        let handed = Handed::new(&output.file, file, ARTIFACT_LIMIT)?;
        let parts = handed.parts(*signature_size, control_size)?;
        same(&format!("`{}`", output.file), &output.sha256, &parts.whole)?;
        let member = |name: &str| format!("the {name} member of `{}`", output.file);
        same(&member("control"), &output.control_sha256, &parts.control)?;
        same(&member("data"), &output.data_sha256, &parts.data)?;
        if output.size != parts.size {
            return Err(Refusal::Mismatch {
                what: format!("the size of `{}`", output.file),
                expected: output.size.to_string(),
                found: parts.size.to_string(),
            });
        }
    }
    Ok(())
}

fn signed_control(job: &Job, output: &Output) -> Result<u64, Refusal> {
    let mut controls = job.controls.iter();
    let found = controls.find(|(control, _)| *control == output.control_sha256);
    found
        .map(|(_, size)| *size)
        .ok_or_else(|| Refusal::Control(output.file.chars().take(100).collect()))
}

/// The SBOM of every output, measured; it becomes part of a statement as it is.
fn sboms(record: &Record, files: &[File]) -> Result<Vec<Box<RawValue>>, Refusal> {
    count("SBOMs", record.outputs.len(), files.len())?;
    let mut documents = Vec::new();
    for (output, file) in record.outputs.iter().zip(files) {
        let bytes = Handed::new("an SBOM", file, DOCUMENT_LIMIT)?.bytes()?;
        same(
            &format!("the SBOM of `{}`", output.file),
            &output.sbom,
            &Digest::of(&bytes),
        )?;
        documents.push(object(&bytes).ok_or_else(|| Refusal::Sbom(output.file.clone()))?);
    }
    Ok(documents)
}

/// Derives and signs every statement; the events are in the order of [`Statements::envelopes`].
fn sign(
    state: &State,
    derivation: &Derivation<'_>,
    record: &Record,
    sboms: &[Box<RawValue>],
) -> Result<(Statements, Vec<Event>), Refusal> {
    let mut events = Vec::new();
    let mut take = |sealed: Sealed| {
        events.push(sealed.event);
        sealed.envelope
    };
    let about = |subject| About {
        subject,
        invocation_id: Some(&record.invocation_id),
    };
    let provenance = derivation.provenance()?;
    let provenance = take(seal(state, Role::Provenance, &provenance, about(None))?);
    let mut outputs = Vec::new();
    for (index, (output, document)) in record.outputs.iter().zip(sboms).enumerate() {
        let about = about(Some(output.sha256));
        let test = match derivation.test_result(index)? {
            Some(statement) => Some(take(seal(state, Role::Test, &statement, about)?)),
            None => None,
        };
        let sbom = derivation.sbom(index, document)?;
        outputs.push(OutputStatements {
            file: output.file.clone(),
            test,
            sbom: take(seal(state, Role::Sbom, &sbom, about)?),
        });
    }
    let statements = Statements {
        provenance,
        outputs,
    };
    Ok((statements, events))
}

/// Signs, stores and logs, all under the log's lock, so that a job has one result: a signature that
/// was made and not logged would be one that nobody knows of.
fn keep(
    state: &State,
    derivation: &Derivation<'_>,
    record: &Record,
    record_digest: Digest,
    sboms: &[Box<RawValue>],
) -> Result<LoggedStatements, Refusal> {
    let mut log = lock(state)?;
    if let Some(known) = known(state, &log, record, &record_digest)? {
        return Ok(known);
    }
    let (statements, mut events) = sign(state, derivation, record, sboms)?;
    let bytes = canonical_bytes(&statements)?;
    write(&state.result_path(&record_digest), &bytes)?;
    events.push(Event::Finished {
        invocation_id: record.invocation_id.clone(),
        record: record_digest,
        result: Digest::of(&bytes),
    });
    let last = events.len() as u64 - 1;
    let first = log.append(&now()?, events)?;
    proven(&log, statements, first + last)
}
