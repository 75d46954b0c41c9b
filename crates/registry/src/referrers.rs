//! What refers to a manifest (`subject`).
//!
//! Source: OCI distribution specification 1.1, "Listing referrers": by the registry's own list, or
//! where it has none, by an index under the tag `sha256-<hex>`. Anybody who may push writes there, so what is in
//! a list and cannot be read (another kind of digest, say) is passed over, and stays where it is.

mod list;

use crate::attachments::is_its_own_fault;
use crate::documents::{Descriptor, INDEX, MANIFEST_LIMIT, Stored};
use crate::reference::Tag;
use crate::registry::{ManifestError, Registry};
use crate::transport::{Request, RequestCause, RequestError, read_limited};
use bessemer_digest::Digest;
use list::List;
use serde_json::{Map, Value};

/// How the media types of Sigstore's bundles begin.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// Most pages of a list.
const PAGES: usize = 100;
/// Most manifests that are fetched to see what they are.
pub(crate) const LOOKS: usize = 100;

impl Registry {
    /// Descriptors of what refers to a manifest, as far as they can be read.
    pub(crate) fn referrers(&self, digest: &Digest) -> Result<Vec<Descriptor>, ManifestError> {
        if let Some(listed) = self.listed(digest)? {
            return Ok(listed);
        }
        // Something else under the tag is no list, and by the specification as good as none.
        let found = self.fetch(Tag::attached(digest, "").as_str(), None)?;
        let list = found.and_then(|found| List::read(&found.bytes));
        Ok(list.map(|list| list.descriptors()).unwrap_or_default())
    }

    /// Whether a Sigstore bundle refers to a manifest. Where one does, cosign 3 shows it and not the
    /// attachments. The first hundred are looked at.
    pub fn has_bundle(&self, digest: &Digest) -> Result<bool, ManifestError> {
        for descriptor in self.referrers(digest)?.iter().take(LOOKS) {
            if is_bundle(&descriptor.other) {
                return Ok(true);
            }
            // cosign's own writer puts the configuration's type into its lists.
            let found = self.readable(&descriptor.digest)?;
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

    /// A manifest that anybody may have listed; nothing if it is not there or cannot be read.
    pub(crate) fn readable(&self, digest: &Digest) -> Result<Option<Stored>, RequestError> {
        match self.manifest(digest) {
            Ok(found) => Ok(found),
            Err(ManifestError::Request(error)) if !is_its_own_fault(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// The registry's own list; `None` if it keeps none.
    fn listed(&self, digest: &Digest) -> Result<Option<Vec<Descriptor>>, ManifestError> {
        let mut found = Vec::new();
        let mut address = self.path("referrers", &digest.to_string());
        for page in 0..PAGES {
            let request = Request::new("GET", address.clone()).header("accept", INDEX);
            let answer = self.transport.repeat(&request, |mut answer| {
                let links = answer.headers().get_all("link").iter();
                let mut links = links.filter_map(|value| value.to_str().ok());
                let link = links.find_map(next);
                Ok((link, read_limited(&mut answer, MANIFEST_LIMIT)?))
            });
            let (link, bytes) = match answer {
                Ok(answer) => answer,
                // What registries without a list say differs.
                Err(error) if matches!(error.status(), Some(400 | 404 | 405 | 406)) => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            // So does what they answer to everything.
            let Some(list) = List::read(&bytes) else {
                return Ok((page > 0).then_some(found));
            };
            found.extend(list.descriptors());
            match link {
                None => return Ok(Some(found)),
                Some(link) => address = self.transport.next_page(&address, &link),
            }
        }
        let cause = RequestCause::Answer("a list of referrers without end");
        Err(self.list_failed(digest, cause).into())
    }

    /// Adds a descriptor to the index of what refers to a manifest, for registries that do not keep
    /// a list. Another writer's index is merged with; see `attachments`.
    pub(crate) fn refer(&self, digest: &Digest, added: &[Descriptor]) -> Result<(), ManifestError> {
        let tag = Tag::attached(digest, "");
        let mut wanted: Vec<Value> = added.iter().map(|one| serde_json::json!(one)).collect();
        let mut writes = 0;
        loop {
            if writes > 0 {
                std::thread::sleep(self.turn(writes));
            }
            let mut list = match self.fetch(tag.as_str(), None)? {
                None => List::empty(),
                Some(found) => List::read(&found.bytes).ok_or_else(|| {
                    let cause =
                        "the tag for what refers to a manifest has something that is no index";
                    self.list_failed(digest, RequestCause::Answer(cause))
                })?,
            };
            if !list.add(&mut wanted) {
                return Ok(());
            }
            if writes >= self.transport.limits.writes {
                let cause = "the index of referrers does not stay as it is written";
                return Err(self.list_failed(digest, RequestCause::Answer(cause)).into());
            }
            self.put_bytes(INDEX, &list.to_bytes(), Some(&tag))?;
            writes += 1;
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
