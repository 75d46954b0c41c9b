//! Moving an image, or an index with all of its images, into a repository.

use crate::content::Content;
use crate::documents::{Descriptor, Stored};
use crate::layout::{Layout, LayoutError};
use crate::registry::{ManifestError, Registry};
use crate::transport::RequestError;
use bessemer_digest::Digest;
use bessemer_store::in_parallel;
use std::collections::BTreeSet;

/// Indexes in indexes that are followed.
const DEPTH: usize = 4;
/// Most manifests of one image.
pub(crate) const MANIFESTS: usize = 1_000;

/// Why an image did not get into a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The folder that it is in.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// One of the registries.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A manifest of one of the registries.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Indexes in indexes without end, or more manifests than images have.
    #[error("the image has more than {DEPTH} indexes in each other, or {MANIFESTS} manifests")]
    Size,
    /// What is in a registry does not go with what is to be added.
    #[error(transparent)]
    Attach(#[from] crate::attachments::AttachError),
    /// Nothing has this name.
    #[error("there is no `{0}`")]
    Missing(String),
}

/// Where manifests and blobs come from.
pub(crate) trait Source: Sync {
    fn manifest(&self, digest: &Digest) -> Result<Stored, PushError>;
    fn blob(&self, blob: &Descriptor) -> Result<Content, PushError>;
}

impl Source for Layout {
    fn manifest(&self, digest: &Digest) -> Result<Stored, PushError> {
        Ok(self.manifest(digest)?)
    }

    fn blob(&self, blob: &Descriptor) -> Result<Content, PushError> {
        Ok(self.blob(blob)?)
    }
}

impl Source for Registry {
    fn manifest(&self, digest: &Digest) -> Result<Stored, PushError> {
        let found = self.manifest(digest)?;
        Ok(found.ok_or_else(|| self.missing(digest))?)
    }

    fn blob(&self, blob: &Descriptor) -> Result<Content, PushError> {
        Ok(self.fetch_blob(blob)?)
    }
}

/// What a push put into a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The image, or the index of images.
    pub digest: Digest,
    /// It and every manifest below it, each after those it points at.
    pub manifests: Vec<Descriptor>,
    /// Whether the registry itself remembers what it refers to.
    pub(crate) is_listed: bool,
}

/// All that is below a manifest.
pub(crate) struct Tree {
    root: Digest,
    /// Each after those it points at.
    manifests: Vec<Stored>,
    blobs: Vec<Descriptor>,
}

impl Registry {
    /// Pushes the one image, or index of images, of a layout. It gets no tag by this, so that
    /// whoever asks for a tag finds attestations with what it names: give it one with
    /// [`Registry::tag`] when they are there.
    pub fn push_layout(&self, layout: &Layout) -> Result<Pushed, PushError> {
        let image = layout.image()?;
        self.push_tree(layout, &image.digest)
    }

    /// Pushes a manifest and everything below it: blobs first, several at a time, then manifests
    /// from the bottom up.
    pub(crate) fn push_tree(
        &self,
        source: &dyn Source,
        root: &Digest,
    ) -> Result<Pushed, PushError> {
        self.push_collected(source, &Tree::collect(source, root)?)
    }

    /// The same of what was collected.
    pub(crate) fn push_collected(
        &self,
        source: &dyn Source,
        tree: &Tree,
    ) -> Result<Pushed, PushError> {
        self.push_blobs(source, &tree.blobs)?;
        let mut is_listed = false;
        for stored in &tree.manifests {
            is_listed = self.put(stored, None)?;
        }
        let manifests = tree.manifests.iter().map(Stored::descriptor);
        Ok(Pushed {
            digest: tree.root,
            manifests: manifests.collect(),
            is_listed,
        })
    }

    fn push_blobs(&self, source: &dyn Source, blobs: &[Descriptor]) -> Result<(), PushError> {
        in_parallel(blobs, |blob| {
            self.push_blob(blob, || source.blob(blob)).map(|_| ())
        })?;
        Ok(())
    }
}

impl Tree {
    /// Reads all manifests; no blob.
    pub(crate) fn collect(source: &dyn Source, root: &Digest) -> Result<Self, PushError> {
        let mut tree = Self {
            root: *root,
            manifests: Vec::new(),
            blobs: Vec::new(),
        };
        tree.add(source, root, DEPTH, &mut BTreeSet::new())?;
        Ok(tree)
    }

    fn add(
        &mut self,
        source: &dyn Source,
        digest: &Digest,
        depth: usize,
        seen: &mut BTreeSet<Digest>,
    ) -> Result<(), PushError> {
        if !seen.insert(*digest) {
            return Ok(());
        }
        if depth == 0 || self.manifests.len() >= MANIFESTS {
            return Err(PushError::Size);
        }
        let stored = source.manifest(digest)?;
        for child in stored.document.children() {
            if child.is_manifest() {
                self.add(source, &child.digest, depth - 1, seen)?;
            } else {
                self.add_blob(child, seen);
            }
        }
        for blob in stored.document.blobs() {
            self.add_blob(blob, seen);
        }
        self.manifests.push(stored);
        Ok(())
    }

    fn add_blob(&mut self, blob: &Descriptor, seen: &mut BTreeSet<Digest>) {
        // What has addresses of its own may not be in the registry, nor be given to another.
        if blob.urls.is_empty() && seen.insert(blob.digest) {
            self.blobs.push(blob.clone());
        }
    }
}
