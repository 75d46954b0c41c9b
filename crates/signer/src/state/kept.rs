//! Key files of a state directory. Each is named after its role and the beginning of its id, so that
//! a new key never takes the place of an old one.

use super::{ApkKey, HeldKey, Keeper, NamedRsaKey, StateError, io_error, key_error, write};
use crate::cosign_key::Vault;
use crate::key_file::read_rsa_key;
use crate::keys::{LogKey, RsaKeeper, RsaKey, StatementKey};
use crate::token::{EcdsaTokenKey, RsaTokenKey, TokenError, TokenUri};
use bessemer_attest::{PublicKey, Role, TrustRoot, TrustedKey};
use bessemer_digest::Digest;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Digits of a key's id in names of files.
const SHORT: usize = 16;

/// Where the key with this id is kept.
pub(super) fn key_path(directory: &Path, role: Role, id: &str) -> PathBuf {
    let extension = if role.signs_statements() {
        "key"
    } else {
        "rsa"
    };
    let id = id.get(..SHORT).unwrap_or(id);
    directory
        .join("keys")
        .join(format!("{}-{id}.{extension}", role.as_str()))
}

/// Where the URI of a key is kept that is on a token.
pub(super) fn uri_path(directory: &Path, role: Role, id: &str) -> PathBuf {
    key_path(directory, role, id).with_extension("pkcs11")
}

/// The URI of a key, if it is on a token.
fn uri(directory: &Path, trusted: &TrustedKey) -> Result<Option<(PathBuf, TokenUri)>, StateError> {
    let path = uri_path(directory, trusted.role, &trusted.id);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error(&path)(error)),
    };
    let uri = TokenUri::parse(text.trim_end()).map_err(|error| token_error(&path)(error.into()))?;
    Ok(Some((path, uri)))
}

/// Names the file, or the role, whose URI it is.
pub(super) fn token_error(path: &Path) -> impl Fn(TokenError) -> StateError + '_ {
    |source| StateError::Token {
        path: path.to_owned(),
        source,
    }
}

/// Where the log's key is kept: a log has one for life.
pub(super) fn log_key_path(directory: &Path) -> PathBuf {
    directory.join("keys").join("log.key")
}

/// The key that signs for a role now: the one of the trust root whose window has no end.
pub(super) fn in_use(root: &TrustRoot, role: Role) -> Result<&TrustedKey, StateError> {
    let mut keys = root.keys.iter();
    keys.find(|key| key.role == role && key.until.is_none())
        .ok_or(StateError::NoKey(role.as_str()))
}

/// Writes a key file and its public half beside it; returns that.
pub(super) fn store(
    directory: &Path,
    role: Role,
    key: &StatementKey,
    vault: &mut Vault,
) -> Result<PublicKey, StateError> {
    let folder = directory.join("keys");
    let public = key.public().map_err(key_error(&folder))?;
    let path = key_path(directory, role, &public.id().hex());
    let pkcs8 = key.to_pkcs8().map_err(key_error(&path))?;
    seal(&path, &pkcs8, vault)?;
    write(&path.with_extension("pub"), public.to_pem().as_bytes())?;
    Ok(public)
}

/// Writes an encrypted key file.
pub(super) fn seal(path: &Path, pkcs8: &[u8], vault: &mut Vault) -> Result<(), StateError> {
    let text = vault.seal(pkcs8).map_err(|source| StateError::Cosign {
        path: path.to_owned(),
        source,
    })?;
    write(path, text.as_bytes())
}

fn open(path: &Path, vault: &mut Vault) -> Result<Vec<u8>, StateError> {
    let text = fs::read_to_string(path).map_err(io_error(path))?;
    vault.open(&text).map_err(|source| StateError::Cosign {
        path: path.to_owned(),
        source,
    })
}

/// Reads a key that signs statements.
pub(super) fn statement_key(path: &Path, vault: &mut Vault) -> Result<StatementKey, StateError> {
    StatementKey::from_pkcs8(&open(path, vault)?).map_err(key_error(path))
}

/// The log's key in PKCS#8, and where it is.
pub(super) fn log_pkcs8(
    directory: &Path,
    vault: &mut Vault,
) -> Result<(PathBuf, Vec<u8>), StateError> {
    let path = log_key_path(directory);
    let pkcs8 = open(&path, vault)?;
    LogKey::spki(&pkcs8).map_err(key_error(&path))?;
    Ok((path, pkcs8))
}

/// Opens the key of a role that signs statements: the one that the trust root has.
pub(super) fn held_key(
    directory: &Path,
    trusted: &TrustedKey,
    vault: &mut Vault,
) -> Result<HeldKey, StateError> {
    let (path, public, keeper): (_, _, Box<dyn Keeper>) =
        if let Some((path, uri)) = uri(directory, trusted)? {
            let (key, public) = EcdsaTokenKey::open(&uri).map_err(token_error(&path))?;
            (path, public, Box::new(key))
        } else {
            let path = key_path(directory, trusted.role, &trusted.id);
            let key = statement_key(&path, vault)?;
            let public = key.public().map_err(key_error(&path))?;
            (path, public, Box::new(key))
        };
    let id = public.id().hex();
    if id != trusted.id {
        return Err(StateError::Foreign(path));
    }
    Ok(HeldKey {
        role: trusted.role,
        id,
        keeper,
    })
}

/// Reads an RSA key of the state directory. It is named `<prefix>-<8 digits of its id>.rsa.pub`.
pub(super) fn named_key(
    directory: &Path,
    trusted: &TrustedKey,
    prefix: &str,
) -> Result<NamedRsaKey, StateError> {
    let (path, spki, key): (_, _, Box<dyn RsaKeeper>) =
        if let Some((path, uri)) = uri(directory, trusted)? {
            let (key, spki) = RsaTokenKey::open(&uri).map_err(token_error(&path))?;
            (path, spki, Box::new(key))
        } else {
            let path = key_path(directory, trusted.role, &trusted.id);
            let text = fs::read_to_string(&path).map_err(io_error(&path))?;
            let key = RsaKey::from_pem(&text).map_err(key_error(&path))?;
            let spki = key.public_spki().map_err(key_error(&path))?;
            (path, spki, Box::new(key))
        };
    let id = Digest::of(&spki).hex();
    if id != trusted.id {
        return Err(StateError::Foreign(path));
    }
    let name = format!("{prefix}-{}.rsa.pub", &id[..8]);
    Ok(NamedRsaKey {
        key,
        name,
        id,
        spki,
    })
}

/// Reads a key that a person named. It bears its file's name, as with melange.
pub(super) fn given_key(given: &ApkKey) -> Result<NamedRsaKey, StateError> {
    let key = read_rsa_key(&given.path, &given.file)?;
    let spki = key.public_spki().map_err(key_error(&given.path))?;
    let id = Digest::of(&spki).hex();
    let name = given.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(NamedRsaKey {
        key: Box::new(key),
        name: format!("{name}.pub"),
        id,
        spki,
    })
}
