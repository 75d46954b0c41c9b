//! Trust roots of other factories, by the operator's word: kernels and agents that may boot here, because
//! a new factory has no agent of its own making, and a release of Bessemer comes with provenance under the
//! key of its makers; and builders whose packages are built again here and compared.

use super::{StateError, log_and_root, root_path, write};
use crate::cosign_key::Vault;
use crate::log::{Event, LockedLog};
use bessemer_attest::TrustRoot;
use bessemer_attest::derive::OtherFactory;
use bessemer_attest::documents::{Timestamp, digest};
use bessemer_digest::Digest;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What another factory is trusted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// Its kernels and agents may boot.
    Boot,
    /// It is believed in what it says of its packages when one is built again here.
    Rebuild {
        /// Whether somebody else operates it: then such a package was reproduced independently.
        independent: bool,
    },
}

/// Believes what verifies under this trust root, too; an earlier one of the same factory counts no
/// more. One without keys takes the word back. The log has it before it counts; a signer that runs
/// takes it up with the next request. Returns the trust root's digest.
pub fn trust(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    root: &TrustRoot,
    for_what: Trusted,
) -> Result<Digest, StateError> {
    let (log, own) = log_and_root(directory, vault)?;
    if matches!(for_what, Trusted::Rebuild { .. }) && root.base == own.base {
        return Err(StateError::OwnRoot(own.base));
    }
    let trust_root = digest(root)?;
    write(&root_path(directory, &trust_root), &root.to_bytes()?)?;
    let mut log = log.lock()?;
    let jobs = log.jobs();
    let (known, event) = match for_what {
        Trusted::Boot => (
            jobs.boot_roots().last() == Some(&trust_root),
            Event::BootRootTrusted { trust_root },
        ),
        Trusted::Rebuild { independent } => (
            jobs.rebuild_roots().last() == Some(&(trust_root, independent)),
            Event::RebuildRootTrusted {
                trust_root,
                independent,
            },
        ),
    };
    if !known {
        log.append(now, vec![event])?;
    }
    Ok(trust_root)
}

/// The trust roots of what may boot that the log names.
pub(crate) fn boot_roots(
    directory: &Path,
    log: &LockedLog<'_>,
) -> Result<Vec<(Digest, TrustRoot)>, StateError> {
    named(directory, log.jobs().boot_roots())
}

/// The trust roots of other factories whose packages may be built again here, and whether somebody else
/// operates them.
pub(crate) fn rebuild_roots(
    directory: &Path,
    log: &LockedLog<'_>,
) -> Result<Vec<(OtherFactory, TrustRoot)>, StateError> {
    let (digests, independent): (Vec<_>, BTreeMap<_, _>) = log
        .jobs()
        .rebuild_roots()
        .iter()
        .map(|&(digest, independent)| (digest, (digest, independent)))
        .unzip();
    let roots = named(directory, &digests)?.into_iter();
    let factory = |trust_root| OtherFactory {
        trust_root,
        independent: independent.get(&trust_root) == Some(&true),
    };
    Ok(roots
        .map(|(digest, root)| (factory(digest), root))
        .collect())
}

/// Trust roots, each as it was when it was logged.
fn named(directory: &Path, digests: &[Digest]) -> Result<Vec<(Digest, TrustRoot)>, StateError> {
    let read = |&named: &Digest| {
        let path = root_path(directory, &named);
        let bytes = fs::read(&path).map_err(|_| StateError::RootGone(path.clone()))?;
        if Digest::of(&bytes) != named {
            return Err(StateError::RootGone(path));
        }
        Ok((named, TrustRoot::parse(&bytes)?))
    };
    let all: Result<Vec<_>, _> = digests.iter().map(read).collect();
    Ok(newest(all?))
}

/// Of several of one factory the newest alone counts: it says which of its keys were revoked.
fn newest(roots: Vec<(Digest, TrustRoot)>) -> Vec<(Digest, TrustRoot)> {
    let mut kept: Vec<(Digest, TrustRoot)> = Vec::new();
    for (digest, root) in roots {
        kept.retain(|(_, earlier)| earlier.base != root.base);
        kept.push((digest, root));
    }
    kept
}
