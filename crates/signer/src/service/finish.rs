//! After a run: everything is measured again, held against the registration, and signed.

use super::register::{finished, registered};
use super::{ARTIFACT_LIMIT, DOCUMENT_LIMIT, Refusal, document, now, seal};
use crate::handed::Handed;
use crate::log::{Entry, Event};
use crate::protocol::{OutputStatements, Reply, Statements};
use crate::state::{State, write};
use bessemer_attest::Role;
use bessemer_attest::derive::{Derivation, Evidence};
use bessemer_attest::documents::{Lock, NetworkRecord, Output, Record, canonical_bytes, parse};
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
    pub(super) sboms: &'a [File],
    pub(super) apks: &'a [File],
    pub(super) signature_sizes: Vec<u64>,
}

pub(super) fn finish(state: &State, handed: &Finished<'_>) -> Result<Reply, Refusal> {
    let record_bytes = document("the record", handed.record)?;
    let record: Record = parse(&record_bytes)?;
    let record_digest = Digest::of(&record_bytes);
    let entries = state.log.lock()?.entries().to_vec();
    let (entry, job_spec) = registered(state, &entries, &record.invocation_id)?;
    if let Some(known) = known(state, &entries, &record, &record_digest)? {
        return Ok(Reply::Statements(known));
    }
    match_registration(state, &entry, &record)?;
    let locks = locks(&record, handed.locks)?;
    logs(&record, handed.logs)?;
    let networks = networks(&record, handed.networks)?;
    outputs(&entries, &record, handed)?;
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
        networks: &networks,
    };
    let derivation = Derivation::new(&state.issuer, evidence)?;
    let statements = sign(state, &derivation, &record, handed.sboms)?;
    keep(state, &record, record_digest, statements).map(Reply::Statements)
}

/// The result that is kept, when the job was finished with this very record.
fn known(
    state: &State,
    entries: &[Entry],
    record: &Record,
    digest: &Digest,
) -> Result<Option<Statements>, Refusal> {
    let Some((finished_with, result)) = finished(entries, &record.invocation_id) else {
        return Ok(None);
    };
    if finished_with != *digest {
        return Err(Refusal::Finished(record.invocation_id.clone()));
    }
    let changed = || Refusal::Stored(io::Error::from(io::ErrorKind::InvalidData));
    let bytes = fs::read(state.result_path(digest)).map_err(Refusal::Stored)?;
    if Digest::of(&bytes) != result {
        return Err(changed());
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|_| changed())
}

fn match_registration(state: &State, entry: &Entry, record: &Record) -> Result<(), Refusal> {
    if let Event::Registered { job_spec, lock, .. } = &entry.event {
        same("the registered job spec", &record.job_spec, job_spec)?;
        same("the registered lock", &record.lock, lock)?;
    }
    let (signer, own) = (&record.components.signer, &state.issuer.signer);
    same("the signer", &signer.sha256, &own.sha256)?;
    if record.started_on < entry.time || record.finished_on > now()? {
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

/// Every apk, measured whole and in its parts, with a control member that was signed for this job.
fn outputs(entries: &[Entry], record: &Record, handed: &Finished<'_>) -> Result<(), Refusal> {
    count("packages", record.outputs.len(), handed.apks.len())?;
    count(
        "signature sizes",
        record.outputs.len(),
        handed.signature_sizes.len(),
    )?;
    let files = handed.apks.iter().zip(&handed.signature_sizes);
    for (output, (file, signature_size)) in record.outputs.iter().zip(files) {
        let control_size = signed_control(entries, record, output)?;
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

fn signed_control(entries: &[Entry], record: &Record, output: &Output) -> Result<u64, Refusal> {
    let size = entries.iter().find_map(|entry| match &entry.event {
        Event::ControlSigned {
            invocation_id,
            control,
            size,
        } if *invocation_id == record.invocation_id && *control == output.control_sha256 => {
            Some(*size)
        }
        _ => None,
    });
    size.ok_or_else(|| Refusal::Control(output.file.chars().take(100).collect()))
}

fn sign(
    state: &State,
    derivation: &Derivation<'_>,
    record: &Record,
    sboms: &[File],
) -> Result<Statements, Refusal> {
    count("SBOMs", record.outputs.len(), sboms.len())?;
    let mut outputs = Vec::new();
    let mut documents = Vec::new();
    for (output, file) in record.outputs.iter().zip(sboms) {
        let bytes = Handed::new("an SBOM", file, DOCUMENT_LIMIT)?.bytes()?;
        same(
            &format!("the SBOM of `{}`", output.file),
            &output.sbom,
            &Digest::of(&bytes),
        )?;
        let raw: Box<RawValue> =
            serde_json::from_slice(&bytes).map_err(|_| Refusal::Sbom(output.file.clone()))?;
        if !raw.get().starts_with('{') {
            return Err(Refusal::Sbom(output.file.clone()));
        }
        documents.push(raw);
    }
    for (index, (output, document)) in record.outputs.iter().zip(&documents).enumerate() {
        let test = derivation.test_result(index)?;
        outputs.push(OutputStatements {
            file: output.file.clone(),
            test: test
                .map(|statement| seal(state, Role::Test, &statement))
                .transpose()?,
            sbom: seal(state, Role::Sbom, &derivation.sbom(index, document)?)?,
        });
    }
    let provenance = seal(state, Role::Provenance, &derivation.provenance()?)?;
    Ok(Statements {
        provenance,
        outputs,
    })
}

/// Stores the result and logs it, both under the log's lock, so that a job has one result.
fn keep(
    state: &State,
    record: &Record,
    record_digest: Digest,
    statements: Statements,
) -> Result<Statements, Refusal> {
    let mut log = state.log.lock()?;
    if let Some(known) = known(state, log.entries(), record, &record_digest)? {
        return Ok(known);
    }
    let bytes = canonical_bytes(&statements)?;
    write(&state.result_path(&record_digest), &bytes)?;
    let event = Event::Finished {
        invocation_id: record.invocation_id.clone(),
        record: record_digest,
        result: Digest::of(&bytes),
    };
    log.append(now()?, event)?;
    Ok(statements)
}

fn count(what: &'static str, expected: usize, found: usize) -> Result<(), Refusal> {
    if expected == found {
        Ok(())
    } else {
        Err(Refusal::Count {
            what,
            expected,
            found,
        })
    }
}

fn same(what: &str, expected: &Digest, found: &Digest) -> Result<(), Refusal> {
    if expected == found {
        return Ok(());
    }
    Err(Refusal::Mismatch {
        what: what.to_owned(),
        expected: expected.to_string(),
        found: found.to_string(),
    })
}
