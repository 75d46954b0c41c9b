//! Copying an image with everything that belongs to it.

use crate::attachments::{ENDINGS, is_its_own_fault};
use crate::documents::Descriptor;
use crate::reference::{Reference, Tag};
use crate::registry::Registry;
use crate::reporter::Event;
use crate::tree::{PushError, Tree};
use bessemer_digest::Digest;
use bessemer_store::in_parallel;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The image, or the index of images.
    pub digest: Digest,
    /// Manifests: it and those below it.
    pub manifests: usize,
    /// Attestations, signatures and SBOMs that are in the target's tags for these manifests now.
    pub attachments: usize,
    /// Manifests that refer to one of these.
    pub referrers: usize,
}

impl Registry {
    /// Copies what `from`, a reference of the repository of `source`, names: the image or the index
    /// with all of its images, byte for byte; attestations, signatures and SBOMs of each manifest in
    /// cosign's tags, beside what the target has there; and what refers to each manifest. It gets
    /// `tag` last, when everything is there.
    pub fn copy(
        &self,
        source: &Self,
        from: &Reference,
        tag: Option<&Tag>,
    ) -> Result<Copied, PushError> {
        let digest = source.resolve(from)?;
        let digest = digest.ok_or_else(|| PushError::Missing(from.to_string()))?;
        let pushed = self.push_tree(source, &digest)?;
        let mut copied = Copied {
            digest,
            manifests: pushed.manifests.len(),
            attachments: 0,
            referrers: 0,
        };
        for manifest in &pushed.manifests {
            copied.attachments += self.copy_attachments(source, &manifest.digest)?;
            copied.referrers += self.copy_referrers(source, &manifest.digest)?;
        }
        if let Some(tag) = tag {
            self.tag(&digest, tag)?;
        }
        Ok(copied)
    }

    fn copy_attachments(&self, source: &Self, digest: &Digest) -> Result<usize, PushError> {
        let mut count = 0;
        for ending in ENDINGS {
            let tag = Tag::attached(digest, ending);
            let Some(stored) = source.tagged(&tag)? else {
                continue;
            };
            let blobs: Vec<Descriptor> = stored.document.blobs().cloned().collect();
            let gone = self.push_what_is_there(source, &blobs)?;
            let mut layers = stored.document.layers.clone().unwrap_or_default();
            layers.retain(|layer| !gone.contains(&layer.digest));
            let copied = gone.is_empty().then_some(&stored);
            count += self.merge(&tag, &layers, copied)?.count;
        }
        Ok(count)
    }

    /// Pushes attachments; those that are listed and not there are left out, told and handed back.
    fn push_what_is_there(
        &self,
        source: &Self,
        blobs: &[Descriptor],
    ) -> Result<Vec<Digest>, PushError> {
        let push = |blob: &Descriptor| {
            let content = || Ok::<_, PushError>(source.fetch_blob(blob)?);
            match self.push_blob(blob, content) {
                Ok(_) => Ok(None),
                Err(PushError::Request(error)) if is_its_own_fault(&error) => {
                    self.leave_out(&blob.digest);
                    Ok(Some(blob.digest))
                }
                Err(error) => Err(error),
            }
        };
        let gone: Vec<Option<Digest>> = in_parallel(blobs, push)?;
        Ok(gone.into_iter().flatten().collect())
    }

    fn leave_out(&self, digest: &Digest) {
        self.transport.reporter.report(&Event::LeftOut { digest });
    }

    fn copy_referrers(&self, source: &Self, digest: &Digest) -> Result<usize, PushError> {
        let mut copied = 0;
        let mut unlisted = Vec::new();
        for referrer in source.referrers(digest)? {
            let tree = match Tree::collect(source, &referrer.digest) {
                Ok(tree) => tree,
                Err(PushError::Request(error)) if error.status().is_none() => {
                    return Err(error.into());
                }
                // What it is makes it impossible to copy, and anybody may have listed it.
                Err(_) => {
                    self.leave_out(&referrer.digest);
                    continue;
                }
            };
            match self.push_collected(source, &tree) {
                Ok(pushed) => {
                    copied += 1;
                    if !pushed.is_listed {
                        unlisted.push(referrer);
                    }
                }
                // Listed, and not there: there is nothing to copy, and it takes nothing from the image.
                Err(PushError::Request(error)) if is_its_own_fault(&error) => {
                    self.leave_out(&referrer.digest);
                }
                Err(error) => return Err(error),
            }
        }
        if !unlisted.is_empty() {
            self.refer(digest, &unlisted)?;
        }
        Ok(copied)
    }
}
