//! What the signer does for each request, and what it refuses.

mod environment;
mod finish;
mod image;
mod image_base;
mod image_packages;
mod publish;
mod rebuild;
mod refusal;
mod register;

pub(crate) use refusal::Refusal;

use crate::handed::{Handed, HandedError};
use crate::log::{Event, LockedLog};
use crate::protocol::{Description, LoggedEnvelope, Reply, Repository, Request};
use crate::state::State;
use aws_lc_rs::rand;
use bessemer_attest::documents::{Timestamp, TimestampError, canonical_bytes};
use bessemer_attest::{Envelope, Role, Statement};
use bessemer_digest::Digest;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::time::{SystemTime, UNIX_EPOCH};

/// The largest document in bytes (16 MiB).
const DOCUMENT_LIMIT: u64 = 16 << 20;
/// The largest control member or index in bytes (256 MiB).
const SIGNED_LIMIT: u64 = 256 << 20;
/// The largest package or log in bytes (64 GiB).
const ARTIFACT_LIMIT: u64 = 64 << 30;

/// How many descriptors follow a request.
pub(crate) fn descriptors(request: &Request) -> usize {
    match request {
        Request::Describe | Request::TrustRoot => 0,
        Request::SignControl { .. }
        | Request::SignImportControl
        | Request::SignImport { .. }
        | Request::SignIndex { .. } => 1,
        Request::Register => 2,
        Request::SignSummary { .. } => 3,
        Request::SignImages {
            platforms, bases, ..
        } => platforms
            .saturating_mul(image::PLATFORM_FILES)
            .saturating_add(bases.saturating_mul(image_base::BASE_FILES))
            .saturating_add(5),
        Request::SignRebuild { .. } | Request::SignEnvironment { agent: false, .. } => 4,
        Request::SignEnvironment { agent: true, .. } => 7,
        Request::Finish {
            locks,
            logs,
            networks,
            guest_inputs,
            outputs,
            ..
        } => locks
            .saturating_add(*logs)
            .saturating_add(*networks)
            .saturating_add(*guest_inputs)
            .saturating_add(outputs.saturating_mul(2))
            .saturating_add(1),
    }
}

/// Answers one request. `files` are as many as [`descriptors`] says.
pub(crate) fn answer(state: &State, request: Request, files: &[File]) -> Result<Reply, Refusal> {
    match (request, files) {
        (Request::Describe, []) => lock(state).map(|_| Reply::Description(describe(state))),
        (Request::TrustRoot, []) => lock(state).map(|_| Reply::TrustRoot(state.trust_root.clone())),
        (Request::Register, [spec, lock]) => register::register(state, spec, lock),
        (Request::SignControl { invocation_id }, [control]) => {
            register::sign_control(state, &invocation_id, control)
        }
        (Request::SignImportControl, [control]) => register::sign_import_control(state, control),
        (Request::SignIndex { repository }, [index]) => {
            let key = match repository {
                Repository::Packages => &state.apk,
                Repository::Import => &state.import_apk,
            };
            register::sign_index(state, key, index)
        }
        (request, files) => sign(state, request, files),
    }
}

/// Signs statements.
fn sign(state: &State, request: Request, files: &[File]) -> Result<Reply, Refusal> {
    match (request, files) {
        (
            Request::Finish {
                locks,
                logs,
                networks,
                guest_inputs,
                outputs,
                signature_sizes,
            },
            [record, rest @ ..],
        ) => {
            let counts = [locks, logs, networks, guest_inputs, outputs, outputs];
            let handed = finish::Finished::split(record, rest, counts, signature_sizes)?;
            finish::finish(state, &handed)
        }
        (Request::SignImport { file, import }, [apk]) => {
            publish::import(state, &file, &import, apk)
        }
        (Request::SignEnvironment { invocation_id, .. }, [lock, handed @ ..]) => {
            environment::environment(state, &invocation_id, lock, handed)
        }
        (
            Request::SignSummary {
                file,
                resource_uri,
                policy,
            },
            [apk, sidecar, proofs],
        ) => {
            let asked = publish::Summary {
                file,
                resource_uri,
                policy,
            };
            publish::summary(state, &asked, apk, (sidecar, proofs))
        }
        (
            Request::SignRebuild {
                file,
                invocation_id,
                signature_sizes,
                control_size,
            },
            [original, sidecar, proofs, rebuilt],
        ) => {
            let asked = rebuild::Asked {
                file,
                invocation_id,
                signature_sizes,
                control_size,
            };
            rebuild::rebuild(state, &asked, [original, sidecar, proofs, rebuilt])
        }
        (
            Request::SignImages {
                names,
                policy,
                platforms,
                bases: _,
                beside,
            },
            [record, index, index_sbom, documents @ .., envelopes, proofs],
        ) => {
            let (platforms, bases) = image::split(documents, platforms);
            let asked = image::Asked {
                names,
                policy,
                beside,
            };
            let images = image::Images {
                record,
                index,
                index_sbom,
                platforms,
                bases,
                beside: image_packages::Beside { envelopes, proofs },
            };
            image::images(state, &asked, images)
        }
        (_, files) => Err(Refusal::Count {
            what: "files",
            expected: 0,
            found: files.len(),
        }),
    }
}

fn describe(state: &State) -> Description {
    Description {
        signer: state.issuer.signer.clone(),
        base: state.issuer.base.clone(),
        builder_id: state.issuer.builder_id(),
        apk_key: state.apk.name.clone(),
        import_key: state.import_apk.name.clone(),
    }
}

/// An id for a run, which nobody can foresee: 32 hexadecimal digits.
fn new_invocation_id() -> Result<String, Refusal> {
    let mut random = [0; 16];
    rand::fill(&mut random).map_err(|_| Refusal::Random)?;
    Ok(hex::encode(random))
}

/// A JSON object, as it is written.
fn object(bytes: &[u8]) -> Option<Box<RawValue>> {
    let raw: Box<RawValue> = serde_json::from_slice(bytes).ok()?;
    raw.get().starts_with('{').then_some(raw)
}

/// Refuses other numbers of files than a document speaks of.
fn count(what: &'static str, expected: usize, found: usize) -> Result<(), Refusal> {
    if expected == found {
        return Ok(());
    }
    Err(Refusal::Count {
        what,
        expected,
        found,
    })
}

/// The signer's clock.
pub(crate) fn now() -> Result<Timestamp, TimestampError> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix(since.as_secs())
}

/// A statement that this process derived and signed, and what the log will say of that.
struct Sealed {
    envelope: Envelope,
    event: Event,
}

/// What the log says of a statement beside key and envelope.
#[derive(Debug, Clone, Copy, Default)]
struct About<'a> {
    subject: Option<Digest>,
    invocation_id: Option<&'a str>,
}

/// Signs a statement that this process derived. It must not leave before its event is in the log.
fn seal<P: Serialize>(
    state: &State,
    role: Role,
    statement: &Statement<P>,
    about: About<'_>,
) -> Result<Sealed, Refusal> {
    let key = state.key(role).ok_or(Refusal::NoKey(role.as_str()))?;
    let envelope = Envelope::seal(&canonical_bytes(statement)?, key.keeper.as_ref())?;
    let event = Event::Signed {
        role,
        key: key.id.clone(),
        envelope: envelope.digest()?,
        subject: about.subject,
        invocation_id: about.invocation_id.map(str::to_owned),
    };
    Ok(Sealed { envelope, event })
}

/// Takes the log's lock, and makes sure that the keys are still those that it names.
fn lock(state: &State) -> Result<LockedLog<'_>, Refusal> {
    let log = state.log.lock()?;
    if log.jobs().trust_root() == Some(state.root_digest) {
        return Ok(log);
    }
    Err(Refusal::KeysChanged)
}

/// Logs one signed statement and hands it out with its proof.
fn logged(mut log: LockedLog<'_>, time: &Timestamp, sealed: Sealed) -> Result<Reply, Refusal> {
    let index = log.append(time, vec![sealed.event])?;
    let proof = log.prove(index, index + 1)?.to_text();
    let envelope = sealed.envelope;
    Ok(Reply::Envelope(LoggedEnvelope { envelope, proof }))
}

/// Reads a handed-over document.
fn document(name: &str, file: &File) -> Result<Vec<u8>, HandedError> {
    Handed::new(name, file, DOCUMENT_LIMIT)?.bytes()
}

/// Refuses what was measured when it is not what a document says.
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
