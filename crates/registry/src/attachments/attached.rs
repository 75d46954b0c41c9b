//! Reading what is attached.

use super::manifest::Attached;
use super::{ATTESTATIONS, AttachError, ENVELOPE, PROOF_KEY};
use crate::documents::Descriptor;
use crate::reference::Tag;
use crate::registry::{ManifestError, Registry};
use crate::transport::{RequestCause, RequestError};
use crate::tree::MANIFESTS;
use bessemer_digest::Digest;
use std::collections::BTreeSet;
use std::io::Read as _;

/// Most bytes of one envelope that is read (64 MiB).
const ENVELOPE_LIMIT: u64 = 64 << 20;
/// Most bytes of all envelopes of one manifest (256 MiB).
const ENVELOPES_LIMIT: u64 = 256 << 20;
/// Most characters of a media type that are shown.
const SHOWN: usize = 100;

/// An envelope under a tag. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedEnvelope {
    /// Its bytes, whose digest is the layer's.
    pub envelope: Vec<u8>,
    /// The proof beside it that a log has it, as text.
    pub proof: Option<String>,
}

/// What is under a tag.
#[derive(Debug, Default)]
pub struct Attachments {
    /// Envelopes, in the tag's order.
    pub envelopes: Vec<AttachedEnvelope>,
    /// What cannot be had.
    pub unread: Vec<UnreadAttachment>,
}

/// An attachment that the tag lists and that cannot be had. The others are there.
#[derive(Debug)]
pub struct UnreadAttachment {
    /// What the tag lists.
    pub digest: Digest,
    /// Why; nothing if it is too large, alone or with what was read before.
    pub cause: Option<RequestError>,
}

impl Registry {
    /// A manifest of the repository and everything below it that is a manifest or an index. All of it
    /// must be there, and indexes may list nothing else: what is passed over is not looked at by anybody.
    pub fn platforms(&self, digest: &Digest) -> Result<Vec<Digest>, ManifestError> {
        let mut all = vec![*digest];
        let mut seen = BTreeSet::from([*digest]);
        let mut next = 0;
        while let Some(digest) = all.get(next).copied() {
            next += 1;
            let stored = self
                .manifest(&digest)?
                .ok_or_else(|| self.missing(&digest))?;
            for child in stored.document.children() {
                if !child.is_manifest() {
                    return Err(not_an_image(child));
                }
                if seen.insert(child.digest) {
                    all.push(child.digest);
                }
            }
            if all.len() > MANIFESTS {
                return Err(ManifestError::Count(MANIFESTS));
            }
        }
        Ok(all)
    }

    /// The attestations of a manifest, as they are; none where there is no such tag. Anybody who may
    /// push can list what is not there or has no end, so such a one is left out and named.
    pub fn attestations(&self, digest: &Digest) -> Result<Attachments, AttachError> {
        let tag = Tag::attached(digest, ATTESTATIONS);
        let mut found = Attachments::default();
        let Some(stored) = self.tagged(&tag)? else {
            return Ok(found);
        };
        let attached = Attached::read(&stored).ok_or(AttachError::Kind(tag))?;
        let mut left = ENVELOPES_LIMIT;
        let mut read = Vec::new();
        for (position, layer) in readable(attached.layers()) {
            let digest = layer.digest;
            if layer.size > left.min(ENVELOPE_LIMIT) {
                let cause = None;
                found.unread.push(UnreadAttachment { digest, cause });
                continue;
            }
            left -= layer.size;
            let content = match self.fetch_blob(layer) {
                Err(error) if is_its_own_fault(&error) => {
                    let cause = Some(error);
                    found.unread.push(UnreadAttachment { digest, cause });
                    continue;
                }
                content => content?,
            };
            let mut envelope = Vec::new();
            let whole = content.part(0, layer.size).read_to_end(&mut envelope);
            whole.map_err(AttachError::Read)?;
            let proof = layer.annotations.get(PROOF_KEY).cloned();
            read.push((position, AttachedEnvelope { envelope, proof }));
        }
        read.sort_by_key(|(position, _)| *position);
        found.envelopes = read.into_iter().map(|(_, one)| one).collect();
        Ok(found)
    }
}

/// Envelopes, each once with each proof; the smaller ones first, so that large ones do not use up what
/// may be read.
fn readable(layers: &[Descriptor]) -> Vec<(usize, &Descriptor)> {
    let mut seen = BTreeSet::new();
    let envelopes = layers.iter().enumerate();
    let mut envelopes: Vec<_> = envelopes
        .filter(|(_, layer)| layer.media_type == ENVELOPE)
        .filter(|(_, layer)| {
            // Of the size, too: one that lies about it must not hide the true one.
            seen.insert((layer.digest, layer.size, layer.annotations.get(PROOF_KEY)))
        })
        .collect();
    envelopes.sort_by_key(|(_, layer)| layer.size);
    envelopes
}

/// Whether the attachment is to blame, and not the registry or the way to it.
pub(crate) fn is_its_own_fault(error: &RequestError) -> bool {
    error.is_not_found() || matches!(error.cause, RequestCause::Mismatch)
}

fn not_an_image(child: &Descriptor) -> ManifestError {
    let shown = child.media_type.chars().take(SHOWN);
    ManifestError::Child {
        digest: child.digest,
        media_type: shown
            .map(|char| if char.is_control() { '?' } else { char })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ones_are_read_first_and_none_hides_another() {
        let layer = |text: &str, size, proof: &str| {
            let mut layer = Descriptor::of(ENVELOPE, text.as_bytes());
            layer.size = size;
            layer
                .annotations
                .insert(PROOF_KEY.to_owned(), proof.to_owned());
            layer
        };
        let mut other = layer("other", 1, "");
        other.media_type = "text/plain".to_owned();
        let layers = [
            layer("large", u64::MAX, ""),
            layer("genuine", 1, "proof"),
            layer("genuine", 7, "proof"),
            layer("genuine", 7, "another proof"),
            layer("genuine", 7, "proof"),
            other,
        ];
        let order = readable(&layers).into_iter().map(|(position, _)| position);
        assert_eq!(order.collect::<Vec<_>>(), [1, 2, 3, 0]);
    }
}
