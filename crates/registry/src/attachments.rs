//! Attestations and signatures where cosign 2 and 3 look for them: a manifest under the tag
//! `sha256-<hex>.att` or `.sig`, one layer for each.
//!
//! No registry changes a tag only if it is still what was read, so two writers may overwrite each
//! other. Ours take turns by the publisher's lock. For others, what was written is read again: if
//! something is not there that was there before or was to be added, the tag is merged and written
//! once more. Nothing that was seen once is dropped.
//!
//! Never a Sigstore bundle as a referrer of the same manifest: cosign 3 does not read `.att` then.
//!
//! Source: cosign's `specs/SIGNATURE_SPEC.md` and `pkg/oci/mutate`.

mod attached;
mod manifest;

use crate::attestation::{Attestation, Signature};
use crate::content::Content;
use crate::documents::{Descriptor, Stored};
use crate::reference::Tag;
use crate::registry::{ManifestError, Registry};
use crate::reporter::Event;
use crate::transport::RequestError;
use bessemer_digest::Digest;
use manifest::Attached;
use std::io;
use std::time::Duration;

pub(crate) use attached::is_its_own_fault;
pub use attached::{AttachedEnvelope, Attachments, UnreadAttachment};

/// Endings of tags with attachments; the last is of SBOMs that older versions of cosign attached.
pub(crate) const ENDINGS: [&str; 3] = [ATTESTATIONS, SIGNATURES, ".sbom"];
const ATTESTATIONS: &str = ".att";
const SIGNATURES: &str = ".sig";
/// The media type of an envelope.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The media type of a signature's payload.
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with a signature; with nothing in it for an envelope, but it must be there.
const SIGNATURE_KEY: &str = "dev.cosignproject.cosign/signature";
/// The annotation with the predicate's type.
const PREDICATE_KEY: &str = "predicateType";
/// The annotation with the proof that a log has it: text as in c2sp.org/tlog-proof.
const PROOF_KEY: &str = "dev.bessemer.tlog-proof";
/// Most attachments of one kind: cosign downloads no more attestations of a manifest.
const ATTACHMENTS_LIMIT: usize = 100;
/// Waits between writes differ by up to this, so that two writers do not go on in step.
const JITTER: Duration = Duration::from_millis(250);

/// Why something cannot be attached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The registry fails.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A manifest of the registry cannot be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The repository does not have what something is attached to.
    #[error("{0} is not in the repository")]
    Missing(Digest),
    /// It is about another manifest.
    #[error("an attestation or signature is not about {0}")]
    Subject(Digest),
    /// The tag is there and has something else.
    #[error("the tag {0} has something that is no list of attachments")]
    Kind(Tag),
    /// More than readers take.
    #[error("the tag {tag} would have {count} attachments; cosign reads {ATTACHMENTS_LIMIT}")]
    Count {
        /// The tag.
        tag: Tag,
        /// How many.
        count: usize,
    },
    /// What was fetched cannot be read.
    #[error("cannot read an attestation that was fetched")]
    Read(#[source] io::Error),
    /// Readers take no more.
    #[error("what is behind the image is {0} bytes, and no more than {1} are read of it")]
    TooLarge(usize, u64),
    /// The registry has it and does not say so.
    #[error("the registry took a manifest that refers to {0}, and does not list it")]
    Unlisted(Digest),
    /// Another writer went on writing.
    #[error("the tag {tag} was changed by somebody else after each of {writes} writes")]
    Contended {
        /// The tag.
        tag: Tag,
        /// How many times it was written.
        writes: u32,
    },
}

/// What came of attaching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The tag.
    pub tag: Tag,
    /// How many attachments it has now.
    pub count: usize,
    /// Times it was written: none if everything was there, more than one if somebody else wrote too.
    pub writes: u32,
}

fn proof(text: Option<&str>) -> Option<(String, String)> {
    text.map(|text| (PROOF_KEY.to_owned(), text.to_owned()))
}

/// One attachment: its layer, and its bytes.
type Addition<'a> = (Descriptor, &'a [u8]);

impl Registry {
    /// Attaches attestations to a manifest of the repository, beside those that it has.
    pub fn attach_attestations(
        &self,
        digest: &Digest,
        attestations: &[Attestation],
    ) -> Result<Outcome, AttachError> {
        let mut additions = Vec::new();
        for attestation in attestations {
            if !attestation.is_about(digest) {
                return Err(AttachError::Subject(*digest));
            }
            let mut layer = Descriptor::of(ENVELOPE, attestation.envelope());
            let notes = [
                (SIGNATURE_KEY, ""),
                (PREDICATE_KEY, attestation.predicate_type()),
            ];
            let notes = notes.map(|(key, value)| (key.to_owned(), value.to_owned()));
            layer.annotations.extend(notes);
            layer.annotations.extend(proof(attestation.proof()));
            additions.push((layer, attestation.envelope()));
        }
        let outcome = self.attach(digest, ATTESTATIONS, &additions)?;
        // It is told if it is so; a list that cannot be had is no reason to fail.
        if let Ok(true) = self.has_bundle(digest) {
            self.transport.reporter.report(&Event::Hidden { digest });
        }
        Ok(outcome)
    }

    /// Attaches a signature to the manifest that it signs, beside those that it has.
    pub fn attach_signature(&self, signature: &Signature) -> Result<Outcome, AttachError> {
        let mut layer = Descriptor::of(PAYLOAD, signature.payload());
        let note = (SIGNATURE_KEY.to_owned(), signature.base64());
        layer.annotations.extend([note]);
        layer.annotations.extend(proof(signature.proof()));
        let additions = [(layer, signature.payload())];
        self.attach(signature.subject(), SIGNATURES, &additions)
    }

    fn attach(
        &self,
        digest: &Digest,
        ending: &str,
        additions: &[Addition<'_>],
    ) -> Result<Outcome, AttachError> {
        if self.manifest(digest)?.is_none() {
            return Err(AttachError::Missing(*digest));
        }
        for (layer, bytes) in additions {
            self.push_blob::<RequestError>(layer, || Ok(Content::Bytes((*bytes).into())))?;
        }
        let layers: Vec<Descriptor> = additions.iter().map(|(layer, _)| layer.clone()).collect();
        self.merge(&Tag::attached(digest, ending), &layers, None)
    }

    /// Adds layers, whose blobs are there, to a tag. `copied` is a manifest with all of them, which
    /// is taken as it is where the tag has nothing yet.
    pub(crate) fn merge(
        &self,
        tag: &Tag,
        layers: &[Descriptor],
        copied: Option<&Stored>,
    ) -> Result<Outcome, AttachError> {
        let mut wanted = layers.to_vec();
        let mut writes = 0;
        if layers.is_empty() && copied.is_none() {
            let (tag, count) = (tag.clone(), 0);
            return Ok(Outcome { tag, count, writes });
        }
        loop {
            let found = self.tagged(tag)?;
            let attached = match &found {
                Some(stored) => Attached::read(stored)
                    .ok_or_else(|| AttachError::Kind(tag.clone()))?
                    .with_config(self)?,
                None => Attached::empty(),
            };
            let missing = attached.missing(&wanted);
            attached.note(&mut wanted);
            if missing.is_empty() && found.is_some() {
                return Ok(Outcome {
                    tag: tag.clone(),
                    count: attached.count(),
                    writes,
                });
            }
            if writes > 0 {
                self.transport
                    .reporter
                    .report(&Event::Merged { tag, writes });
                std::thread::sleep(self.turn(writes));
            }
            if writes >= self.transport.limits.writes {
                let tag = tag.clone();
                return Err(AttachError::Contended { tag, writes });
            }
            match (copied, &found) {
                (Some(copied), None) => self.put(copied, Some(tag)).map(|_| ())?,
                _ => self.write(tag, attached, &missing)?,
            }
            writes += 1;
        }
    }

    fn write(
        &self,
        tag: &Tag,
        mut attached: Attached,
        missing: &[Descriptor],
    ) -> Result<(), AttachError> {
        attached.add(missing);
        let count = attached.count();
        if count > ATTACHMENTS_LIMIT {
            let tag = tag.clone();
            return Err(AttachError::Count { tag, count });
        }
        let (config, stored) = attached.finish();
        let descriptor = Descriptor::of("", &config);
        self.push_blob::<RequestError>(&descriptor, || Ok(Content::Bytes(config.into())))?;
        self.put(&stored, Some(tag))?;
        Ok(())
    }

    /// How long it is waited before a tag is read again that somebody else writes, too.
    pub(crate) fn turn(&self, writes: u32) -> Duration {
        // The clock's last digits are as good as dice here.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let dice = now.map_or(0, |now| now.subsec_micros() % 1_000);
        let most = JITTER.min(self.transport.limits.back_off);
        most.saturating_mul(writes.min(8)) * dice / 1_000
    }
}
