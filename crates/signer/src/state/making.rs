//! Making a state directory: keys, trust root, and the first entry of the log.

use super::kept::{
    in_use, key_path, log_key_path, seal, statement_key, store, token_error, uri_path,
};
use super::{
    RSA_ROLES, STATEMENT_ROLES, StateError, io_error, key_error, log_origin, private, root_path,
    trust_root_path, write,
};
use crate::cosign_key::Vault;
use crate::keys::{LogKey, RsaKey, StatementKey, generate_rsa};
use crate::log::{Event, Log};
use crate::token::{EcdsaTokenKey, RsaTokenKey, TokenUri};
use bessemer_attest::derive::{gate_id, image_builder_id, local_base, rebuild_id};
use bessemer_attest::documents::{Timestamp, digest};
use bessemer_attest::{
    BuilderKind, IMAGE_LEVEL, PublicKey, Role, TrustRoot, TrustRootSchema, TrustedKey, encode_pem,
};
use bessemer_digest::Digest;
use rustix::fs::FlockOperation;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Bits of the RSA keys that are made: as strong as the statements' keys (NIST SP 800-57, 128 bits).
const RSA_BITS: u32 = 3072;
/// The folders of a state directory.
const FOLDERS: [&str; 5] = ["", "keys", "jobs", "results", "roots"];

/// What an operator says of a host that was provisioned: the one builder id that its keys assert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provision {
    /// The factory's URL, without a slash at its end.
    pub base: String,
    /// What its provenance key speaks for.
    pub builder: BuilderKind,
}

/// Makes keys, trust root and log in `directory`, unless they are there. Returns whether it did.
/// Roles in `given` get the key that is named there. Without a `provision` they are those of a
/// machine that nobody provisioned; keys that are there and are for another builder are an error.
///
/// They are there when the log has a checkpoint; until then nobody has seen a key, and whatever an
/// interrupted run left is made anew.
pub fn create(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    given: &[(Role, Given)],
    provision: Option<&Provision>,
) -> Result<bool, StateError> {
    for path in FOLDERS.map(|name| directory.join(name)) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(io_error(&path))?;
    }
    private(directory)?;
    if directory.join("log.jsonl").exists() {
        return Err(StateError::OldLog(directory.join("log.jsonl")));
    }
    let _lock = lock(directory)?;
    let unfinished = directory.join(".unfinished");
    if Log::exists(directory) {
        let bytes = fs::read(trust_root_path(directory));
        let root = TrustRoot::parse(&bytes.map_err(io_error(&trust_root_path(directory)))?)?;
        return provision.map_or(Ok(false), |asked| the_same(&root, asked).map(|()| false));
    }
    if trust_root_path(directory).exists() && !unfinished.exists() {
        return Err(StateError::LogGone(directory.to_owned()));
    }
    write(&unfinished, b"")?;
    let (root, log_pkcs8) = make_root(directory, vault, now, given, provision)?;
    let bytes = root.to_bytes()?;
    TrustRoot::parse(&bytes)?;
    let trust_root = digest(&root)?;
    write(&root_path(directory, &trust_root), &bytes)?;
    write(&trust_root_path(directory), &bytes)?;
    let key = LogKey::from_pkcs8(&log_pkcs8, &log_origin(&root.base))
        .map_err(key_error(&log_key_path(directory)))?;
    let log = Log::open(directory, key)?;
    log.lock()?
        .append(now, vec![Event::Initialised { trust_root }])?;
    fs::remove_file(&unfinished).map_err(io_error(&unfinished))?;
    Ok(true)
}

/// One process at a time makes or changes keys.
pub(super) fn lock(directory: &Path) -> Result<File, StateError> {
    let path = directory.join(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io_error(&path))?;
    rustix::fs::flock(&file, FlockOperation::LockExclusive)
        .map_err(|error| io_error(&path)(error.into()))?;
    Ok(file)
}

/// Makes a key for each role; returns the trust root and the log's key in PKCS#8.
fn make_root(
    directory: &Path,
    vault: &mut Vault,
    now: &Timestamp,
    given: &[(Role, Given)],
    provision: Option<&Provision>,
) -> Result<(TrustRoot, Vec<u8>), StateError> {
    let folder = directory.join("keys");
    let mut trusted = Vec::new();
    for role in STATEMENT_ROLES.into_iter().chain(RSA_ROLES) {
        let given = given.iter().find(|(own, _)| *own == role);
        let given = given.map(|(_, given)| given);
        trusted.push(make_key(directory, role, given, vault, now)?);
    }
    let local =
        || local_base(&Digest::from_hex(&trusted[0].id).unwrap_or_else(|_| Digest::of(b"")));
    let base = provision.map_or_else(local, |provision| provision.base.clone());
    let kind = provision.map_or(BuilderKind::Local, |provision| provision.builder);
    for key in &mut trusted {
        speaks_for(key, &base, kind);
    }
    let pkcs8 = LogKey::generate_pkcs8().map_err(key_error(&folder))?;
    seal(&log_key_path(directory), &pkcs8, vault)?;
    let spki = LogKey::spki(&pkcs8).map_err(key_error(&folder))?;
    trusted.push(TrustedKey {
        origin: Some(log_origin(&base)),
        public_key_pem: encode_pem("PUBLIC KEY", &spki),
        ..entry(Role::Log, Digest::of(&spki).hex(), now)
    });
    let root = TrustRoot {
        schema: TrustRootSchema::V1,
        base,
        keys: trusted,
    };
    Ok((root, pkcs8))
}

/// A key that a role is given instead of one that is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// A key file in cosign's format, under the vault's password: for roles that sign statements.
    File(PathBuf),
    /// A PKCS#11 URI: the key stays on its token.
    Token(String),
}

/// Makes, takes over or finds a key for a role, and keeps it or its URI.
pub(super) fn make_key(
    directory: &Path,
    role: Role,
    given: Option<&Given>,
    vault: &mut Vault,
    now: &Timestamp,
) -> Result<TrustedKey, StateError> {
    let folder = directory.join("keys");
    let entry = match (given, role.signs_statements()) {
        (Some(Given::Token(uri)), statements) => {
            return token_key(directory, role, uri, statements, now);
        }
        (Some(Given::File(path)), true) => {
            let key = statement_key(path, vault)?;
            statement_entry(role, &store(directory, role, &key, vault)?, now)
        }
        (None, true) => {
            let key = StatementKey::generate().map_err(key_error(&folder))?;
            statement_entry(role, &store(directory, role, &key, vault)?, now)
        }
        (Some(Given::File(_)), false) => return Err(StateError::NoKey(role.as_str())),
        (None, false) => make_rsa(directory, role, now)?,
    };
    Ok(entry)
}

/// Opens a key on a token and keeps its URI.
fn token_key(
    directory: &Path,
    role: Role,
    text: &str,
    statements: bool,
    now: &Timestamp,
) -> Result<TrustedKey, StateError> {
    let named = Path::new(role.as_str());
    let uri = TokenUri::parse(text).map_err(|error| token_error(named)(error.into()))?;
    let entry = if statements {
        let (_, public) = EcdsaTokenKey::open(&uri).map_err(token_error(named))?;
        statement_entry(role, &public, now)
    } else {
        let (_, spki) = RsaTokenKey::open(&uri).map_err(token_error(named))?;
        rsa_entry(role, &spki, now)
    };
    let path = uri_path(directory, role, &entry.id);
    write(&path, format!("{text}\n").as_bytes())?;
    Ok(entry)
}

/// Makes an RSA key for a role that signs packages.
fn make_rsa(directory: &Path, role: Role, now: &Timestamp) -> Result<TrustedKey, StateError> {
    let folder = directory.join("keys");
    let files = generate_rsa(RSA_BITS).map_err(key_error(&folder))?;
    let key = RsaKey::from_pem(&files.private_pem).map_err(key_error(&folder))?;
    let entry = rsa_entry(role, &key.public_spki().map_err(key_error(&folder))?, now);
    write(
        &key_path(directory, role, &entry.id),
        files.private_pem.as_bytes(),
    )?;
    Ok(entry)
}

/// Gives a key the one id that its role may assert, if any, and the level that it stands for.
pub(super) fn speaks_for(key: &mut TrustedKey, base: &str, kind: BuilderKind) {
    (key.builder_id, key.level) = match key.role {
        Role::Provenance => (Some(kind.id(base)), kind.highest_level()),
        Role::Gate => (Some(gate_id(base)), 0),
        Role::Rebuild => (Some(rebuild_id(base)), 0),
        Role::Image => (
            Some(image_builder_id(base)),
            IMAGE_LEVEL.min(kind.highest_level()),
        ),
        _ => (None, 0),
    };
}

/// Whether keys that are there are for the builder that was asked for.
fn the_same(root: &TrustRoot, asked: &Provision) -> Result<(), StateError> {
    let found = in_use(root, Role::Provenance)?.builder_id.clone();
    let found = found.unwrap_or_default();
    let asked = asked.builder.id(&asked.base);
    if found == asked {
        return Ok(());
    }
    Err(StateError::OtherBuilder { found, asked })
}

fn entry(role: Role, id: String, now: &Timestamp) -> TrustedKey {
    TrustedKey {
        id,
        role,
        algorithm: role.algorithm(),
        public_key_pem: String::new(),
        builder_id: None,
        level: 0,
        valid_from: now.clone(),
        valid_until: None,
        from: 0,
        until: None,
        origin: None,
    }
}

fn statement_entry(role: Role, public: &PublicKey, now: &Timestamp) -> TrustedKey {
    TrustedKey {
        public_key_pem: public.to_pem(),
        ..entry(role, public.id().hex(), now)
    }
}

pub(super) fn rsa_entry(role: Role, spki: &[u8], now: &Timestamp) -> TrustedKey {
    TrustedKey {
        public_key_pem: encode_pem("PUBLIC KEY", spki),
        ..entry(role, Digest::of(spki).hex(), now)
    }
}
