//! What refers to a manifest (`subject`).
//!
//! Source: OCI distribution specification 1.1, "Listing referrers": by the registry's own list, or
//! where it has none, by an index under the tag `sha256-<hex>`.

use crate::documents::{Descriptor, Document, INDEX, MANIFEST_LIMIT, ParseManifestError, Stored};
use crate::reference::Tag;
use crate::registry::{ManifestError, Registry};
use crate::transport::{Request, RequestCause, RequestError, read_limited};
use bessemer_digest::Digest;
use serde_json::{Map, Value, json};

/// How the media types of Sigstore's bundles begin.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// Most pages of a list.
const PAGES: usize = 100;

impl Registry {
    /// Descriptors of what refers to a manifest.
    pub(crate) fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, ManifestError> {
        if let Some(listed) = self.listed(digest)? {
            return Ok(listed);
        }
        let found = self.tagged(&Tag::attached(digest, ""))?;
        let manifests = found.and_then(|stored| stored.document.manifests);
        Ok(manifests.unwrap_or_default())
    }

    /// Whether a Sigstore bundle refers to a manifest. Where one does, cosign 3 shows it and not the
    /// attachments.
    pub fn has_bundle(&self, digest: &Digest) -> Result<bool, ManifestError> {
        for descriptor in self.referrers(digest)? {
            if is_bundle(&descriptor.other) {
                return Ok(true);
            }
            // cosign's own writer puts the configuration's type into its lists.
            let found = self.manifest(&descriptor.digest)?;
            let is_one = found.is_some_and(|stored| {
                let mut blobs = stored.document.blobs();
                is_bundle(&stored.document.other)
                    || blobs.any(|blob| blob.media_type.starts_with(BUNDLE))
            });
            if is_one {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The registry's own list; `None` if it keeps none.
    fn listed(&self, digest: &Digest) -> Result<Option<Vec<Descriptor>>, ManifestError> {
        let mut found = Vec::new();
        let mut address = self.path("referrers", &digest.to_string());
        for _ in 0..PAGES {
            let request = Request::new("GET", address).header("accept", INDEX);
            let answer = self.transport.repeat(&request, |mut answer| {
                let link = answer.headers().get("link");
                let link = link.and_then(|value| next(value.to_str().ok()?));
                Ok((link, read_limited(&mut answer, MANIFEST_LIMIT)?))
            });
            let (link, bytes) = match answer {
                Ok(answer) => answer,
                // What registries without a list say differs.
                Err(error) if matches!(error.status(), Some(400 | 404 | 405)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let page = Stored::read(Some(INDEX), bytes);
            let page = page.map_err(|source| self.unreadable(digest, source))?;
            found.extend(page.document.manifests.unwrap_or_default());
            match link {
                None => return Ok(Some(found)),
                Some(link) => address = self.transport.below(&link),
            }
        }
        let cause = RequestCause::Answer("a list of referrers without end");
        Err(self.list_failed(digest, cause).into())
    }

    /// Adds a descriptor to the index of what refers to a manifest, for registries that do not keep
    /// a list. Another writer's index is merged with; see `attachments`.
    pub(crate) fn refer(&self, digest: &Digest, added: &[Descriptor]) -> Result<(), ManifestError> {
        let tag = Tag::attached(digest, "");
        let limit = self.transport.limits.writes;
        let mut wanted = added.to_vec();
        for _ in 0..=limit {
            let found = self.tagged(&tag)?;
            let mut document = found.map_or_else(empty, |stored| stored.document);
            let there = document.manifests.get_or_insert_default();
            let has = |there: &[Descriptor], one: &Descriptor| {
                there.iter().any(|other| other.digest == one.digest)
            };
            let missing = wanted.iter().filter(|one| !has(there, one));
            let missing: Vec<Descriptor> = missing.cloned().collect();
            if missing.is_empty() {
                return Ok(());
            }
            let seen = there.iter().filter(|one| !has(&wanted, one));
            let seen: Vec<Descriptor> = seen.cloned().collect();
            wanted.extend(seen);
            there.extend(missing);
            let bytes = json!(document).to_string().into_bytes();
            let stored = Stored {
                media_type: INDEX.to_owned(),
                digest: Digest::of(&bytes),
                bytes,
                document,
            };
            self.put(&stored, Some(&tag))?;
        }
        let cause = RequestCause::Answer("the index of referrers does not stay as it is written");
        Err(self.list_failed(digest, cause).into())
    }

    fn unreadable(&self, digest: &Digest, source: ParseManifestError) -> ManifestError {
        ManifestError::Parse {
            name: format!("the list of what refers to {digest}"),
            repository: self.reference().name(),
            source,
        }
    }

    fn list_failed(&self, digest: &Digest, cause: RequestCause) -> RequestError {
        let request = Request::new("GET", self.path("referrers", &digest.to_string()));
        self.transport.failed(&request, 1, cause)
    }
}

fn is_bundle(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("artifactType").and_then(Value::as_str);
    kind.is_some_and(|kind| kind.starts_with(BUNDLE))
}

fn empty() -> Document {
    Document {
        schema_version: 2,
        media_type: Some(INDEX.to_owned()),
        config: None,
        layers: None,
        manifests: Some(Vec::new()),
        other: Map::new(),
    }
}

/// The address of the next page (RFC 8288).
fn next(link: &str) -> Option<String> {
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.contains("rel=\"next\"") || parameters.contains("rel=next");
    is_next.then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn reads_links() {
        for (link, expected) in [
            (
                "</v2/a/referrers/x?n=1>; rel=\"next\"",
                Some("/v2/a/referrers/x?n=1"),
            ),
            ("<https://r.io/x>;rel=next", Some("https://r.io/x")),
            ("</v2/x>; rel=\"prev\"", None),
            ("/v2/x", None),
        ] {
            assert_eq!(next(link).as_deref(), expected, "{link}");
        }
    }
}
