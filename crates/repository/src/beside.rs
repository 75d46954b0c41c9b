//! What lies beside packages: attestations, and the proofs that a log has them.

use crate::repository::Access;
use bessemer_attest::{Sidecar, SidecarError};
use bessemer_digest::Digest;
use bessemer_store::{FetchError, ParseUriError, Request, Store, Uri};
use std::io::Read as _;

/// Largest file of envelopes beside a package, in bytes.
const MAX_SIDECAR: u64 = 16 << 20;
/// What lies beside a package: how the file's name ends, and what the store calls those of remote
/// packages, by the package's digest.
const ENVELOPES: (&str, &str) = (".intoto.jsonl", "sidecar");
/// The same for the proofs that the envelopes are logged.
const PROOFS: (&str, &str) = (".tlog-proof", "proofs");

/// Why the attestations beside a package cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AttestationsError {
    /// The package is nowhere.
    #[error(transparent)]
    Uri(#[from] ParseUriError),
    /// The server did not say whether there are any.
    #[error("cannot ask for what lies beside the package")]
    Fetch(#[from] FetchError),
    /// They are no attestations.
    #[error("what lies beside the package is no attestation")]
    Sidecar(#[from] SidecarError),
}

/// What lies beside the package at `uri`, whose digest this is. What a server has is kept and not asked for again;
/// that it had nothing is. `None` if nothing lies there.
pub fn attestations(
    uri: &str,
    package: &Digest,
    access: Access<'_>,
) -> Result<Option<Sidecar>, AttestationsError> {
    let uri: Uri = uri.parse()?;
    if uri.is_remote() {
        keep(&uri, package, None, access)?;
    }
    Ok(sidecar(&uri, package, access.store)?)
}

pub(crate) fn sidecar(
    uri: &Uri,
    package: &Digest,
    store: &Store,
) -> Result<Option<Sidecar>, SidecarError> {
    let beside = |kind| beside(uri, kind, package, store);
    let proofs = beside(PROOFS).unwrap_or_default();
    let Some(envelopes) = beside(ENVELOPES).filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(Sidecar::parse(&envelopes)?.with_proofs(&proofs)?))
}

/// What lies beside a package, as it was kept or as it is.
fn beside(
    uri: &Uri,
    (end, names): (&str, &str),
    package: &Digest,
    store: &Store,
) -> Option<Vec<u8>> {
    if !uri.is_remote() {
        return fs_err::read(uri.beside(end).file_path()).ok();
    }
    let digest = store.bound(names, &package.hex()).ok()??;
    let mut bytes = Vec::new();
    store.read(&digest).ok()??.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Keeps what lies beside a remote package, under the package's digest. Most repositories have nothing there;
/// then that is kept for as long as the repository has the index of this digest, for whoever publishes an
/// attestation publishes an index as well. Where a server does not answer, that is an error and no "nothing",
/// unless it said so before.
pub(crate) fn keep(
    uri: &Uri,
    package: &Digest,
    index: Option<&Digest>,
    access: Access<'_>,
) -> Result<(), FetchError> {
    for kind in [ENVELOPES, PROOFS] {
        keep_one(uri, kind, package, index, access)?;
    }
    Ok(())
}

fn keep_one(
    uri: &Uri,
    (end, names): (&str, &str),
    package: &Digest,
    index: Option<&Digest>,
    access: Access<'_>,
) -> Result<(), FetchError> {
    let Access { store, client } = access;
    let (name, nothing) = (package.hex(), Digest::of([]));
    // The digest of the index by which there was nothing.
    let asked = format!("{names}-asked");
    let kept = store.bound(names, &name)?;
    let kept = kept.filter(|digest| store.contains(digest));
    let holds = match kept {
        None => false,
        Some(kept) => {
            kept != nothing || index.is_some() && store.bound(&asked, &name)?.as_ref() == index
        }
    };
    if holds {
        return Ok(());
    }
    let request = Request {
        uris: vec![uri.beside(end)],
        most: Some(MAX_SIDECAR),
        ..Request::default()
    };
    match client.fetch(&request, store) {
        Ok(fetched) => store.bind(names, &name, &fetched.object.digest)?,
        Err(error) if error.is_refusal() => {
            let object = store.insert(std::io::empty(), 0)?;
            store.bind(names, &name, &object.digest)?;
            if let Some(index) = index {
                store.bind(&asked, &name, index)?;
            }
        }
        Err(_) if kept.is_some() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
