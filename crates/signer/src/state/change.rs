//! Rotation and revocation. Both give a role a new key and end the window of an old one; they differ
//! in where that window ends.
//!
//! The trust root is written under its digest, the log names it, and then it takes its place; a
//! process that dies in between leaves the last step to the next one that opens the directory.

use super::kept::in_use;
use super::making::{Given, lock, make_key};
use super::{
    RSA_ROLES, STATEMENT_ROLES, StateError, log_and_root, root_path, trust_root_path, write,
};
use crate::cosign_key::Vault;
use crate::log::{Event, LogError};
use bessemer_attest::documents::{CanonicalError, Timestamp, digest};
use bessemer_attest::{Role, TrustRoot, TrustRootError};
use bessemer_digest::Digest;
use bessemer_tlog::{Checkpoint, CheckpointError};
use serde::Serialize;
use std::path::Path;

/// The fewest digits of an id that name a key.
const SHORTEST: usize = 8;

/// Why no key was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No role of this name has keys that can be changed.
    #[error(
        "`{0}` is no role whose key can be replaced: provenance, test, sbom, gate, import, image, apk and import-apk are; a log has one key for life"
    )]
    Role(String),
    /// No key of this id.
    #[error(
        "the trust root has no key, or several, whose id begins with `{0}` (8 digits at least)"
    )]
    Key(String),
    /// The log is not as long.
    #[error("the log has {size} entries, so nothing can be revoked from {at} on")]
    At {
        /// What was asked.
        at: u64,
        /// The log's size.
        size: u64,
    },
    /// A checkpoint that this log never gave out.
    #[error("the checkpoint is not one of this log")]
    Foreign,
    /// A checkpoint that does not open.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The trust root has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The trust root would not hold.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
}

/// From where on a key's signatures are revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since<'a> {
    /// From what is logged next: everything so far stays good.
    Now,
    /// From this index of the log.
    Index(u64),
    /// From what this signed checkpoint does not cover.
    Checkpoint(&'a [u8]),
}

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The role.
    pub role: Role,
    /// Id of the key whose time is over.
    pub old: String,
    /// The index from which on its signatures do not count.
    pub until: u64,
    /// Id of the key that signs for the role now.
    pub new: String,
    /// Digest of the trust root that says so.
    pub trust_root: Digest,
}

/// Gives `role` a new key, or the one that is `given`; what the old one signed stays good.
pub fn rotate(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    role: &str,
    given: Option<&Given>,
) -> Result<Change, ChangeError> {
    let mut roles = STATEMENT_ROLES.into_iter().chain(RSA_ROLES);
    let role = roles
        .find(|one| one.as_str() == role)
        .ok_or_else(|| ChangeError::Role(role.to_owned()))?;
    change(directory, vault, now, given, |root| {
        Ok((in_use(root, role)?.id.clone(), Since::Now))
    })
}

/// Ends the window of the key whose id begins with `id`. If it is in use, its role gets a new one.
pub fn revoke(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    id: &str,
    since: Since<'_>,
) -> Result<Change, ChangeError> {
    change(directory, vault, now, None, |root| {
        let unknown = || ChangeError::Key(id.chars().take(64).collect());
        let mut found = root.keys.iter().filter(|key| key.id.starts_with(id));
        let key = found.next().ok_or_else(unknown)?;
        if id.len() < SHORTEST || found.next().is_some() {
            return Err(unknown());
        }
        if key.role == Role::Log {
            return Err(ChangeError::Role("log".to_owned()));
        }
        Ok((key.id.clone(), since))
    })
}

fn change<'a>(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    given: Option<&Given>,
    choose: impl FnOnce(&TrustRoot) -> Result<(String, Since<'a>), ChangeError>,
) -> Result<Change, ChangeError> {
    let (log, mut root) = log_and_root(directory, vault)?;
    let _lock = lock(directory)?;
    let mut log = log.lock()?;
    let size = log.size();
    let (id, since) = choose(&root)?;
    let at = match since {
        Since::Now => size,
        Since::Index(at) => at,
        Since::Checkpoint(bytes) => {
            let key = root.log_key()?.ok_or(ChangeError::Foreign)?;
            let checkpoint = Checkpoint::open(bytes, &key)?;
            if log.root(checkpoint.size) != Some(checkpoint.root) {
                return Err(ChangeError::Foreign);
            }
            checkpoint.size
        }
    };
    if at > size {
        return Err(ChangeError::At { at, size });
    }
    let unknown = || ChangeError::Key(id.clone());
    let mut keys = root.keys.iter_mut();
    let old = keys.find(|key| key.id == id).ok_or_else(unknown)?;
    let was_in_use = old.until.is_none();
    // A window is never made longer again, and a key without a moment of use has an empty one.
    let until = at.min(old.until.unwrap_or(at)).max(old.from);
    old.until = Some(until);
    let role = old.role;
    let speaks_for = (old.builder_id.clone(), old.level);
    if was_in_use {
        let mut new = make_key(directory, role, given, vault, now)?;
        (new.builder_id, new.level) = speaks_for;
        // The entry that announces it comes first.
        new.from = size + 1;
        root.keys.push(new);
    }
    let new = in_use(&root, role)?.id.clone();
    let bytes = root.to_bytes()?;
    TrustRoot::parse(&bytes)?;
    let trust_root = digest(&root)?;
    write(&root_path(directory, &trust_root), &bytes)?;
    let event = Event::KeysChanged {
        trust_root,
        key: id.clone(),
        until,
    };
    log.append(now, vec![event])?;
    write(&trust_root_path(directory), &bytes)?;
    Ok(Change {
        role,
        old: id,
        until,
        new,
        trust_root,
    })
}
