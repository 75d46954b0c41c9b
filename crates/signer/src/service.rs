//! What the signer does for each request, and what it refuses.

mod environment;
mod finish;
mod image;
mod image_packages;
mod publish;
mod register;

use crate::handed::{Handed, HandedError};
use crate::log::{Event, LockedLog, LogError};
use crate::protocol::{Description, LoggedEnvelope, Reply, Repository, Request};
use crate::state::{State, StateError};
use aws_lc_rs::rand;
use bessemer_attest::derive::DeriveError;
use bessemer_attest::documents::{
    CanonicalError, DocumentError, Timestamp, TimestampError, canonical_bytes,
};
use bessemer_attest::verify::VerifyError;
use bessemer_attest::{
    Envelope, EnvelopeError, Role, SidecarError, SignError, Statement, TrustRootError,
};
use bessemer_digest::Digest;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// The largest document in bytes (16 MiB).
const DOCUMENT_LIMIT: u64 = 16 << 20;
/// The largest control member or index in bytes (256 MiB).
const SIGNED_LIMIT: u64 = 256 << 20;
/// The largest package or log in bytes (64 GiB).
const ARTIFACT_LIMIT: u64 = 64 << 30;

/// Why the signer refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// No such job.
    #[error("no job was registered as `{0}`")]
    Unregistered(String),
    /// The job has its statements; nothing more is signed for it.
    #[error("job `{0}` is finished, with another record")]
    Finished(String),
    /// A person could enter the guest.
    #[error("the job is interactive; nothing is signed for it")]
    Interactive,
    /// Something that was handed over is not what the record says.
    #[error("{what} is `{found}`, but the record says `{expected}`")]
    Mismatch {
        /// What it is.
        what: String,
        /// What the record (or registration) says.
        expected: String,
        /// What was measured.
        found: String,
    },
    /// An output whose control member the signer did not sign for this job.
    #[error("the control member of `{0}` was not signed for this job")]
    Control(String),
    /// Other numbers of files than the record speaks of.
    #[error("the record speaks of {expected} {what}, {found} were handed over")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many the record has.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// What the build's guest was given is missing.
    #[error("the record names {named} guest inputs, and {handed} were handed over; a run has one")]
    Inputs {
        /// How many the record has.
        named: usize,
        /// How many came.
        handed: usize,
    },
    /// Nobody vouches for the agent, and this builder's id is for machines whose agent is verified.
    #[error("the agent's package was not handed over, and a provisioned builder boots no other")]
    NoAgent,
    /// A package that this factory built, and its gate did not admit for booting.
    #[error(
        "the {0} was built here, and the gate did not admit it for booting (`bessemer publish --allow-boot`)"
    )]
    NotForBooting(String),
    /// The record's times do not fit the registration and the signer's clock.
    #[error("the record's times {from} to {until} are not between registration and now")]
    Times {
        /// Start.
        from: Timestamp,
        /// End.
        until: Timestamp,
    },
    /// The SBOM is no JSON object.
    #[error("the SBOM of `{0}` is not a JSON object")]
    Sbom(String),
    /// No key for this.
    #[error("this signer has no key for role `{0}`")]
    NoKey(&'static str),
    /// Somebody rotated or revoked a key; this process still holds the old ones.
    #[error("the keys were changed since this signer started; start it again")]
    KeysChanged,
    /// No entropy.
    #[error("the system gave no random bytes")]
    Random,
    /// A stored file is gone or changed.
    #[error("a stored document of the job is gone or was changed")]
    Stored(#[source] io::Error),
    /// A handed-over file cannot be used.
    #[error(transparent)]
    Handed(#[from] HandedError),
    /// A document cannot be used.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The documents do not agree, or must not be signed.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// The package does not verify.
    #[error("the package does not verify")]
    Verify(#[from] VerifyError),
    /// The sidecar cannot be read.
    #[error(transparent)]
    Sidecar(#[from] SidecarError),
    /// The signature could not be made.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The RSA signature could not be made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The trust root cannot be used.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
    /// The clock stands before 1970 or after 9999.
    #[error(transparent)]
    Clock(#[from] TimestampError),
}

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
        Request::SignImages { platforms, .. } => platforms.saturating_mul(3).saturating_add(5),
        Request::SignEnvironment { agent: false, .. } => 4,
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
        ) if rest.len() == locks + logs + networks + guest_inputs + 2 * outputs => {
            let (locks, rest) = rest.split_at(locks);
            let (logs, rest) = rest.split_at(logs);
            let (networks, rest) = rest.split_at(networks);
            let (guest_inputs, rest) = rest.split_at(guest_inputs);
            let (sboms, apks) = rest.split_at(outputs);
            let handed = finish::Finished {
                record,
                locks,
                logs,
                networks,
                guest_inputs,
                sboms,
                apks,
                signature_sizes,
            };
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
            Request::SignImages {
                names,
                policy,
                platforms: _,
                beside,
            },
            [record, index, index_sbom, platforms @ .., envelopes, proofs],
        ) => {
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
