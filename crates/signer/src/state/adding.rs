//! First keys of roles that came after a state directory was made.
//!
//! The order is that of every change of keys: the trust root is written under its digest, the log names
//! it, and then it takes its place.

use super::kept::{in_use, uri_path};
use super::making::{lock, make_key, speaks_for};
use super::{
    Given, STATEMENT_ROLES, StateError, kind_in_use, log_and_root, root_path, trust_root_path,
    write,
};
use crate::cosign_key::Vault;
use crate::log::Event;
use bessemer_attest::documents::{Timestamp, digest};
use bessemer_attest::{Role, TrustRoot};
use std::path::Path;

/// Makes a key for every role that signs statements and never had one, or takes it from `given`. Returns
/// the roles; none, and nothing is written, where all are there. Consumers need the new trust root for
/// what the new keys sign; what was signed before verifies under either.
///
/// Who keeps keys on a token does not get one in a file without a word: then every such key is
/// demanded in `given`.
pub fn add_missing(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    given: &[(Role, Given)],
) -> Result<Vec<Role>, StateError> {
    let (log, mut root) = log_and_root(directory, vault)?;
    let missing = |root: &TrustRoot| {
        let mut roles = STATEMENT_ROLES.into_iter();
        roles.find(|role| !root.keys.iter().any(|key| key.role == *role))
    };
    let mut added = Vec::new();
    if missing(&root).is_none() {
        return Ok(added);
    }
    let _lock = lock(directory)?;
    // Another process may have done it meanwhile.
    drop(log);
    let (log, current) = log_and_root(directory, vault)?;
    root = current;
    let mut log = log.lock()?;
    let kind = kind_in_use(&root)?;
    let tokens = on_token(directory, &root);
    while let Some(role) = missing(&root) {
        let given = given.iter().find(|(own, _)| *own == role);
        let given = given.map(|(_, given)| given);
        if tokens && given.is_none() {
            return Err(StateError::NoTokenKey(role.as_str()));
        }
        let mut key = make_key(directory, role, given, vault, now)?;
        speaks_for(&mut key, &root.base, kind);
        // The entry that announces it comes first.
        key.from = log.size() + 1;
        root.keys.push(key);
        let bytes = root.to_bytes()?;
        TrustRoot::parse(&bytes)?;
        let trust_root = digest(&root)?;
        write(&root_path(directory, &trust_root), &bytes)?;
        let key = in_use(&root, role)?.id.clone();
        log.append(now, vec![Event::KeyAdded { trust_root, key }])?;
        write(&trust_root_path(directory), &bytes)?;
        added.push(role);
    }
    Ok(added)
}

/// Whether any key in use is on a token.
fn on_token(directory: &Path, root: &TrustRoot) -> bool {
    let mut keys = root.keys.iter().filter(|key| key.until.is_none());
    keys.any(|key| uri_path(directory, key.role, &key.id).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{State, create};
    use bessemer_attest::IMAGE_LEVEL;
    use bessemer_attest::derive::rebuild_id;
    use bessemer_digest::Digest;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    /// What a version made that knew nothing of images and rebuilds.
    fn old(directory: &Path, vault: &mut Vault) {
        create(directory, vault, &Timestamp::epoch(), &[], None).unwrap();
        let (log, mut root) = log_and_root(directory, vault).unwrap();
        root.keys
            .retain(|key| !matches!(key.role, Role::Image | Role::Rebuild));
        let (bytes, trust_root) = (root.to_bytes().unwrap(), digest(&root).unwrap());
        write(&root_path(directory, &trust_root), &bytes).unwrap();
        let event = Event::KeysChanged {
            trust_root,
            key: "0".repeat(64),
            until: 0,
        };
        let mut log = log.lock().unwrap();
        log.append(&Timestamp::epoch(), vec![event]).unwrap();
        write(&trust_root_path(directory), &bytes).unwrap();
    }

    #[test]
    fn a_state_gets_the_keys_of_later_roles_once() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path();
        std::fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
        let mut vault = Vault::new("");
        old(directory, &mut vault);
        let open = || State::open(directory, &mut Vault::new(""), Digest::of("signer"), None);
        assert!(matches!(open(), Err(StateError::NoKey("image"))));
        let now = Timestamp::epoch();
        let added = add_missing(directory, &mut vault, &now, &[]).unwrap();
        assert_eq!(added, [Role::Image, Role::Rebuild]);
        let state = open().unwrap();
        let key = in_use(&state.trust_root, Role::Image).unwrap();
        // Made, changed by the test, added: it counts behind the entry that announces it.
        assert_eq!((key.from, key.level), (3, 1.min(IMAGE_LEVEL)));
        let key = in_use(&state.trust_root, Role::Rebuild).unwrap();
        assert_eq!((key.from, key.level), (4, 0));
        let id = rebuild_id(&state.trust_root.base);
        assert_eq!(key.builder_id.as_deref(), Some(&*id));
        assert_eq!(add_missing(directory, &mut vault, &now, &[]).unwrap(), []);
    }

    #[test]
    fn a_state_with_keys_on_a_token_gets_none_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path();
        std::fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
        let mut vault = Vault::new("");
        old(directory, &mut vault);
        let (log, root) = log_and_root(directory, &mut vault).unwrap();
        drop(log);
        let key = in_use(&root, Role::Gate).unwrap();
        write(&uri_path(directory, Role::Gate, &key.id), b"pkcs11:\n").unwrap();
        let before = std::fs::read(trust_root_path(directory)).unwrap();
        let error = add_missing(directory, &mut vault, &Timestamp::epoch(), &[]).unwrap_err();
        assert!(matches!(error, StateError::NoTokenKey("image")), "{error}");
        assert_eq!(std::fs::read(trust_root_path(directory)).unwrap(), before);
    }
}
