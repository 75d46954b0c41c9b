//! Why the signer does not do what it is asked.

use crate::handed::HandedError;
use crate::log::LogError;
use crate::state::StateError;
use bessemer_attest::derive::DeriveError;
use bessemer_attest::documents::{CanonicalError, DocumentError, Timestamp, TimestampError};
use bessemer_attest::verify::VerifyError;
use bessemer_attest::{EnvelopeError, SidecarError, SignError, TrustRootError};
use std::io;

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
    /// The package that was built again is not one of this factory's, nor of one that is trusted.
    #[error(
        "the original does not verify under this signer's own trust root, nor as that of a factory that its operator named (`bessemer keys trust --rebuild`)"
    )]
    Original(#[source] VerifyError),
    /// The second package is not what the run made that was named.
    #[error("the rebuilt package is not what that run made")]
    Rebuilt(#[source] VerifyError),
    /// The job has no statements yet, or never will.
    #[error("job `{0}` is not finished")]
    Unfinished(String),
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
