//! One repository of a registry.

use crate::documents::{
    DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, MANIFEST_LIMIT, ParseManifestError, Stored,
};
use crate::login::Login;
use crate::reference::{Reference, Tag};
use crate::reporter::{Event, Reporter};
use crate::settings::Settings;
use crate::transport::{Body, Request, RequestCause, RequestError, Transport, read_limited};
use bessemer_digest::Digest;
use std::path::PathBuf;
use std::sync::Arc;

/// A connection to one repository of a registry. Several threads may use one at a time.
#[derive(Debug)]
pub struct Registry {
    reference: Reference,
    pub(crate) transport: Transport,
    pub(crate) spool: PathBuf,
    /// Repositories of the same registry that blobs are taken from.
    pub(crate) mount: Vec<String>,
}

/// Bytes under a tag or digest, and what the registry calls them.
pub(crate) struct Fetched {
    pub(crate) media_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// What a connection is for; tokens are asked for no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// Why a manifest cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The registry does not give it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It is none.
    #[error("{name} in {repository} cannot be read")]
    Parse {
        /// Digest or tag.
        name: String,
        /// Registry and repository.
        repository: String,
        /// Why.
        #[source]
        source: ParseManifestError,
    },
    /// An index lists something else than images.
    #[error("{digest} in the index is `{media_type}`, which is neither a manifest nor an index")]
    Child {
        /// What it lists.
        digest: Digest,
        /// Its media type, shortened.
        media_type: String,
    },
    /// Indexes in indexes without end.
    #[error("the image has more than {0} manifests")]
    Count(usize),
}

impl Registry {
    /// A connection to the repository of `reference`. Blobs that the repositories in `mount` of the
    /// same registry have are taken from there instead of being sent. Nothing is sent by this.
    pub fn connect(
        reference: &Reference,
        access: Access,
        mount: &[&Reference],
        login: Login,
        settings: &Settings,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, bessemer_store::ClientError> {
        let actions = match access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let mut scopes = vec![format!("repository:{}:{actions}", reference.repository())];
        let mount = mount.iter().filter(|from| from.host() == reference.host());
        let mount = mount.map(|from| from.repository().to_owned());
        let mount: Vec<String> = mount
            .filter(|from| from != reference.repository())
            .collect();
        scopes.extend(mount.iter().map(|from| format!("repository:{from}:pull")));
        let transport = Transport::new(reference.host(), login, scopes, settings, reporter)?;
        Ok(Self {
            reference: reference.clone(),
            transport,
            spool: settings.spool.clone(),
            mount,
        })
    }

    /// What it is a connection to; tag and digest mean nothing here.
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The digest of what a reference of this repository names: its own, or its tag's. A tag's
    /// manifest is fetched, so that nothing is believed but bytes.
    pub fn resolve(&self, reference: &Reference) -> Result<Option<Digest>, ManifestError> {
        if let Some(digest) = reference.digest() {
            return Ok(Some(*digest));
        }
        let tag = reference.tag_or_default();
        let found = tag.map(|tag| self.tagged(&tag)).transpose()?.flatten();
        Ok(found.map(|stored| stored.digest))
    }

    /// The manifest that a tag names now; `None` if there is no such tag.
    pub(crate) fn tagged(&self, tag: &Tag) -> Result<Option<Stored>, ManifestError> {
        self.stored(tag.as_str(), None)
    }

    /// The manifest of this digest; `None` if the repository does not have it.
    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Option<Stored>, ManifestError> {
        self.stored(&digest.to_string(), Some(digest))
    }

    fn stored(
        &self,
        name: &str,
        expected: Option<&Digest>,
    ) -> Result<Option<Stored>, ManifestError> {
        let Some(found) = self.fetch(name, expected)? else {
            return Ok(None);
        };
        let stored = Stored::read(found.media_type.as_deref(), found.bytes);
        let stored = stored.map_err(|source| ManifestError::Parse {
            name: name.to_owned(),
            repository: self.reference.name(),
            source,
        })?;
        Ok(Some(stored))
    }

    /// What is under a tag or digest, whatever it is; `None` if there is nothing.
    pub(crate) fn fetch(
        &self,
        name: &str,
        expected: Option<&Digest>,
    ) -> Result<Option<Fetched>, RequestError> {
        let accepted = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX].join(", ");
        let request = Request::new("GET", self.path("manifests", name)).header("accept", accepted);
        let answer = self.transport.repeat(&request, |mut answer| {
            let media_type = answer.headers().get("content-type");
            let media_type = media_type.and_then(|value| value.to_str().ok());
            let media_type = media_type.map(str::to_owned);
            let bytes = read_limited(&mut answer, MANIFEST_LIMIT)?;
            if expected.is_some_and(|expected| Digest::of(&bytes) != *expected) {
                return Err(RequestCause::Mismatch);
            }
            Ok(Fetched { media_type, bytes })
        });
        match answer {
            Err(error) if error.is_not_found() => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Writes a manifest under its digest, or under a tag. Whether the registry itself remembers what
    /// it refers to.
    pub(crate) fn put(&self, stored: &Stored, tag: Option<&Tag>) -> Result<bool, RequestError> {
        self.put_bytes(&stored.media_type, &stored.bytes, tag)
    }

    /// The same of bytes.
    pub(crate) fn put_bytes(
        &self,
        media_type: &str,
        bytes: &[u8],
        tag: Option<&Tag>,
    ) -> Result<bool, RequestError> {
        let digest = Digest::of(bytes);
        let name = tag.map_or_else(|| digest.to_string(), Tag::to_string);
        let request = Request::new("PUT", self.path("manifests", &name))
            .header("content-type", media_type)
            .body(Body::Bytes(bytes));
        let answer = self.transport.send(&request)?;
        let kept = answer.headers().get("docker-content-digest");
        let kept = kept.and_then(|value| value.to_str().ok());
        if kept.is_some_and(|kept| kept != digest.to_string()) {
            let cause = RequestCause::Answer("it keeps a manifest under another digest");
            return Err(self.transport.failed(&request, 1, cause));
        }
        self.transport.reporter.report(&Event::Manifest {
            digest: &digest,
            tag,
        });
        Ok(answer.headers().contains_key("oci-subject"))
    }

    /// Gives a manifest of this repository a tag, which another may have had.
    pub fn tag(&self, digest: &Digest, tag: &Tag) -> Result<(), ManifestError> {
        let stored = self.manifest(digest)?.ok_or_else(|| self.missing(digest))?;
        self.put(&stored, Some(tag))?;
        Ok(())
    }

    /// The error for a manifest that must be there and is not.
    pub(crate) fn missing(&self, digest: &Digest) -> RequestError {
        let request = Request::new("GET", self.path("manifests", &digest.to_string()));
        let complaints = crate::transport::Complaints::default();
        let status = 404;
        let cause = RequestCause::Status { status, complaints };
        self.transport.failed(&request, 1, cause)
    }

    /// `<repository>/<kind>/<name>`, all of which stand in a path as they are.
    pub(crate) fn path(&self, kind: &str, name: &str) -> String {
        format!("{}/{kind}/{name}", self.reference.repository())
    }
}
