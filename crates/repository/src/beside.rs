//! What lies beside packages: attestations, and the proofs that a log has them.

use crate::repository::Access;
use bessemer_attest::{Sidecar, SidecarError};
use bessemer_digest::Digest;
use bessemer_store::{FetchError, ParseUriError, Request, Store, Uri};
use std::io::Read as _;
use std::time::Duration;

/// Largest file of envelopes beside a package, in bytes.
const MAX_SIDECAR: u64 = 16 << 20;
/// What lies beside a package: how the file's name ends, and what the store calls those of remote
/// packages.
const ENVELOPES: (&str, &str) = (".intoto.jsonl", "sidecar");
/// The same for the proofs that the envelopes are logged.
const PROOFS: (&str, &str) = (".tlog-proof", "proofs");
/// How long what a server said is believed.
const BELIEVED: Duration = Duration::from_secs(60 * 60);

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

/// What lies beside the package at `uri`, whose digest this is, as its server has it now; what it had is kept for
/// when it does not answer. `None` if nothing lies there.
pub fn attestations(
    uri: &str,
    package: &Digest,
    access: Access<'_>,
) -> Result<Option<Sidecar>, AttestationsError> {
    let (name, uri): (&str, Uri) = (uri, uri.parse()?);
    let place = Place {
        uri: &uri,
        name,
        package,
    };
    keep(place, None, access)?;
    Ok(sidecar(place, access.store)?)
}

/// A package, and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) uri: &'a Uri,
    /// The same as documents have it, without credentials.
    pub(crate) name: &'a str,
    /// Digest of the package.
    pub(crate) package: &'a Digest,
}

impl Place<'_> {
    /// What the store knows it by: one package may lie in several places, with other things beside it.
    fn key(&self) -> String {
        Digest::of(format!("{} {}", self.name, self.package)).hex()
    }
}

/// What is kept or lies there.
pub(crate) fn sidecar(place: Place<'_>, store: &Store) -> Result<Option<Sidecar>, SidecarError> {
    let beside = |kind| beside(place, kind, store);
    let proofs = beside(PROOFS).unwrap_or_default();
    let Some(envelopes) = beside(ENVELOPES).filter(|bytes| !bytes.is_empty()) else {
        return Ok(None);
    };
    Ok(Some(Sidecar::parse(&envelopes)?.with_proofs(&proofs)?))
}

fn beside(place: Place<'_>, (end, names): (&str, &str), store: &Store) -> Option<Vec<u8>> {
    if !place.uri.is_remote() {
        return fs_err::read(place.uri.beside(end).file_path()).ok();
    }
    let digest = store.bound(names, &place.key()).ok()??;
    let mut bytes = Vec::new();
    store.read(&digest).ok()??.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Keeps what lies beside a remote package, by where that is and the package's digest. What was kept is believed
/// for an hour and as long as the repository has the index of this digest; otherwise it is asked for again, since
/// attestations come later than packages, and others are added to them.
///
/// Where a server does not answer, that is an error and no "nothing", unless this run asks nobody and there was
/// nothing before.
pub(crate) fn keep(
    place: Place<'_>,
    index: Option<&Digest>,
    access: Access<'_>,
) -> Result<(), FetchError> {
    // Where there are no envelopes there is nothing to prove.
    if place.uri.is_remote() && keep_one(place, ENVELOPES, index, access)? == Found::There {
        keep_one(place, PROOFS, index, access)?;
    }
    Ok(())
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    There,
    Nothing,
    /// Nobody answered, and what was there before is kept.
    Kept,
}

fn keep_one(
    place: Place<'_>,
    (end, names): (&str, &str),
    index: Option<&Digest>,
    access: Access<'_>,
) -> Result<Found, FetchError> {
    let Access { store, client } = access;
    let (key, nothing) = (place.key(), Digest::of([]));
    let asked = format!("{names}-asked");
    let kept = store.bound(names, &key)?;
    let kept = kept.filter(|digest| store.contains(digest));
    let was_there = kept.is_some_and(|kept| kept != nothing);
    let by = store.bound_within(&asked, &key, BELIEVED)?;
    if kept.is_some() && by.is_some() && by.as_ref() == index {
        return Ok(if was_there {
            Found::There
        } else {
            Found::Nothing
        });
    }
    let request = Request {
        uris: vec![place.uri.beside(end)],
        most: Some(MAX_SIDECAR),
        ..Request::default()
    };
    let there = match client.fetch(&request, store) {
        Ok(fetched) => {
            store.bind(names, &key, &fetched.object.digest)?;
            Found::There
        }
        // What was there once is signed, and no worse for being taken away.
        Err(error) if error.is_absence() => {
            if was_there {
                Found::There
            } else {
                let object = store.insert(std::io::empty(), 0)?;
                store.bind(names, &key, &object.digest)?;
                Found::Nothing
            }
        }
        // Some say so of files that do not exist, and may have one tomorrow.
        Err(error) if error.is_refusal() && !error.is_unauthorized() => return Ok(Found::Kept),
        Err(error) if was_there || kept.is_some() && error.is_offline() => {
            return Ok(Found::Kept);
        }
        Err(error) => return Err(error),
    };
    if let Some(index) = index {
        store.bind(&asked, &key, index)?;
    }
    Ok(there)
}
