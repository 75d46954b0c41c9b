//! What the log has: one event an entry, in canonical JSON. `docs/formats/log.md` has the fields.

use bessemer_attest::Role;
use bessemer_attest::documents::{CanonicalError, Timestamp, canonical_bytes};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// The keys were made.
    Initialised {
        /// Digest of the trust root.
        trust_root: Digest,
    },
    /// A key was replaced, or what it signed from some point on was revoked.
    KeysChanged {
        /// Digest of the trust root that says so.
        trust_root: Digest,
        /// Id of the key whose time is over.
        key: String,
        /// The index from which on its signatures do not count.
        until: u64,
    },
    /// A role that was not there when the keys were made got its first key.
    KeyAdded {
        /// Digest of the trust root that has it.
        trust_root: Digest,
        /// Id of the key.
        key: String,
    },
    /// Kernels and agents that verify under this trust root of somebody else may boot.
    BootRootTrusted {
        /// Its digest.
        trust_root: Digest,
    },
    /// Packages that verify under this trust root of another factory may be built again here.
    RebuildRootTrusted {
        /// Its digest.
        trust_root: Digest,
        /// Whether somebody else operates that factory.
        independent: bool,
    },
    /// A job was announced, before any VM of it.
    Registered {
        /// The id it was given.
        invocation_id: String,
        /// Digest of its JobSpec.
        job_spec: Digest,
        /// Digest of its Lock.
        lock: Digest,
    },
    /// The control member of an output was signed.
    ControlSigned {
        /// The job, or `import`.
        invocation_id: String,
        /// Digest of the control member.
        control: Digest,
        /// Its size in bytes.
        size: u64,
        /// Id of the key.
        key: String,
    },
    /// A statement was signed: what a verifier wants to see proven. The fields are those of
    /// [`bessemer_attest::LoggedSignature`].
    Signed {
        /// The key's role.
        role: Role,
        /// Id of the key.
        key: String,
        /// Digest of the envelope.
        envelope: Digest,
        /// Digest of the package, where the statement is about one alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<Digest>,
        /// The job, where it is one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invocation_id: Option<String>,
    },
    /// A job has its statements, which stand right before this.
    Finished {
        /// The job.
        invocation_id: String,
        /// Digest of its Record.
        record: Digest,
        /// Digest of the stored result: every envelope.
        result: Digest,
    },
    /// An image was signed in cosign's form.
    ImageSigned {
        /// Id of the key.
        key: String,
        /// Digest of the manifest, or of the index.
        manifest: Digest,
        /// Registry and repository that the image is meant for.
        name: String,
        /// Digest of the signature (ASN.1 DER).
        signature: Digest,
    },
    /// A repository index was signed.
    IndexSigned {
        /// Digest of the unsigned index.
        index: Digest,
        /// Id of the key.
        key: String,
    },
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The signer's clock.
    pub time: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// The entry's bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical_bytes(self)
    }

    /// Reads an entry; `None` if it is none, or not in its one spelling.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let entry: Self = serde_json::from_slice(bytes).ok()?;
        (entry.to_bytes().ok()? == bytes).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_attest::LoggedSignature;

    #[test]
    fn a_verifier_reads_what_was_signed_and_nothing_else() {
        let event = Event::Signed {
            role: Role::Test,
            key: "0".repeat(64),
            envelope: Digest::of("envelope"),
            subject: Some(Digest::of("apk")),
            invocation_id: Some("1".repeat(32)),
        };
        let time = Timestamp::epoch();
        let bytes = Entry {
            time: time.clone(),
            event,
        }
        .to_bytes()
        .unwrap();
        let read = LoggedSignature::parse(&bytes).unwrap();
        assert_eq!(read.envelope, Digest::of("envelope"));
        assert_eq!(
            (read.role, read.subject),
            (Role::Test, Some(Digest::of("apk")))
        );
        assert!(Entry::parse(&bytes).is_some());
        let event = Event::IndexSigned {
            index: Digest::of("index"),
            key: "0".repeat(64),
        };
        let other = Entry { time, event }.to_bytes().unwrap();
        assert!(LoggedSignature::parse(&other).is_none());
        let spaced = [&bytes[..], b" "].concat();
        assert!(Entry::parse(&spaced).is_none());
    }
}
