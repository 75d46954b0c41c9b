//! Trust roots of other factories whose kernels and agents may boot here: a new factory has no agent
//! of its own making, and a release of Bessemer comes with provenance under the key of its makers.

use super::{StateError, log_and_root, root_path, write};
use crate::cosign_key::Vault;
use crate::log::{Event, LockedLog};
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::{Timestamp, digest};
use bessemer_digest::Digest;
use std::fs;
use std::path::Path;

/// Lets packages boot that verify under this trust root, too; an earlier one of the same factory
/// counts no more. One without keys takes the word back. The log has it before it counts; a
/// signer that runs takes it up with the next job. Returns the trust root's digest.
pub fn trust(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    root: &TrustRoot,
) -> Result<Digest, StateError> {
    let (log, _) = log_and_root(directory, vault)?;
    let trust_root = digest(root)?;
    write(&root_path(directory, &trust_root), &root.to_bytes()?)?;
    let mut log = log.lock()?;
    if log.jobs().boot_roots().last() != Some(&trust_root) {
        log.append(now, vec![Event::BootRootTrusted { trust_root }])?;
    }
    Ok(trust_root)
}

/// The trust roots that the log names, each as it was when it was logged.
pub(crate) fn boot_roots(
    directory: &Path,
    log: &LockedLog<'_>,
) -> Result<Vec<(Digest, TrustRoot)>, StateError> {
    let read = |&named: &Digest| {
        let path = root_path(directory, &named);
        let bytes = fs::read(&path).map_err(|_| StateError::RootGone(path.clone()))?;
        if Digest::of(&bytes) != named {
            return Err(StateError::RootGone(path));
        }
        Ok((named, TrustRoot::parse(&bytes)?))
    };
    let all: Result<Vec<_>, _> = log.jobs().boot_roots().iter().map(read).collect();
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
