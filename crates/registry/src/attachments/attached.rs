//! Reading what is attached.

use super::manifest::Attached;
use super::{ATTESTATIONS, AttachError, ENVELOPE, PROOF_KEY};
use crate::reference::Tag;
use crate::registry::{ManifestError, Registry};
use bessemer_digest::Digest;
use std::io::Read as _;

/// Most bytes of one envelope that is read (64 MiB).
const ENVELOPE_LIMIT: u64 = 64 << 20;
/// Most bytes of all envelopes of one manifest (256 MiB).
const ENVELOPES_LIMIT: u64 = 256 << 20;

/// An envelope under a tag. Nothing is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedEnvelope {
    /// Its bytes, whose digest is the layer's.
    pub envelope: Vec<u8>,
    /// The proof beside it that a log has it, as text.
    pub proof: Option<String>,
}

impl Registry {
    /// A manifest of the repository and, of an index, those that it lists.
    pub fn platforms(&self, digest: &Digest) -> Result<Vec<Digest>, ManifestError> {
        let mut all = vec![*digest];
        if let Some(stored) = self.manifest(digest)? {
            let children = stored.document.children();
            let manifests = children.filter(|child| child.is_manifest());
            all.extend(manifests.map(|child| child.digest));
        }
        Ok(all)
    }

    /// The attestations of a manifest, as they are; none where there is no such tag.
    pub fn attestations(&self, digest: &Digest) -> Result<Vec<AttachedEnvelope>, AttachError> {
        let tag = Tag::attached(digest, ATTESTATIONS);
        let Some(stored) = self.tagged(&tag)? else {
            return Ok(Vec::new());
        };
        let attached = Attached::read(&stored).ok_or_else(|| AttachError::Kind(tag.clone()))?;
        let envelopes = attached.layers().iter();
        let envelopes: Vec<_> = envelopes
            .filter(|layer| layer.media_type == ENVELOPE)
            .collect();
        let size = envelopes.iter().map(|layer| layer.size);
        let total = size.clone().fold(0, u64::saturating_add);
        if total > ENVELOPES_LIMIT || size.max() > Some(ENVELOPE_LIMIT) {
            return Err(AttachError::Size { tag, size: total });
        }
        let mut found = Vec::new();
        for layer in envelopes {
            let content = self.fetch_blob(layer)?;
            let mut envelope = Vec::new();
            let read = content.part(0, layer.size).read_to_end(&mut envelope);
            read.map_err(AttachError::Read)?;
            found.push(AttachedEnvelope {
                envelope,
                proof: layer.annotations.get(PROOF_KEY).cloned(),
            });
        }
        Ok(found)
    }
}
