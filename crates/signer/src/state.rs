//! The state directory: keys, trust root, log, registered jobs and results.

use crate::cosign_key::{CosignKeyError, Vault};
use crate::key_file::{KeyFileError, read_rsa_key};
use crate::keys::{KeyError, RsaKey, StatementKey, generate_rsa};
use crate::log::{Event, Log, LogError};
use bessemer_attest::derive::{BuilderKind, Issuer, gate_id, local_base};
use bessemer_attest::documents::{CanonicalError, Component, Timestamp, digest};
use bessemer_attest::{
    Algorithm, PublicKey, Role, TrustRoot, TrustRootError, TrustRootSchema, TrustedKey,
};
use bessemer_digest::Digest;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The roles that sign statements, each with a key of its own.
const STATEMENT_ROLES: [Role; 5] = [
    Role::Provenance,
    Role::Test,
    Role::Sbom,
    Role::Gate,
    Role::Import,
];
/// The roles that sign apks, each with a key of its own.
const RSA_ROLES: [Role; 2] = [Role::Apk, Role::ImportApk];
/// Bits of the RSA keys that are made: as strong as the statements' keys (NIST SP 800-57, 128 bits).
const RSA_BITS: u32 = 3072;
/// The level that a machine nobody provisioned may claim.
const LOCAL_LEVEL: u8 = 1;

/// Why a state directory cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system said no.
    #[error("cannot use `{path}`")]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could read keys.
    #[error("the state directory `{0}` is not this user's alone (mode 0700)")]
    Permissions(PathBuf),
    /// A key file does not open.
    #[error("cannot open the key `{path}`")]
    Cosign {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CosignKeyError,
    },
    /// A key is not what it should be.
    #[error("cannot use the key `{path}`")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The RSA key that was named cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A key's public half is not the one in the trust root.
    #[error("the key `{0}` is not the one in the trust root")]
    Foreign(PathBuf),
    /// The trust root cannot be used.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// An RSA key file that stands in for the signer's own key of built packages.
#[derive(Debug)]
pub struct ApkKey {
    /// Where it is; its file name is what apk knows the key by.
    pub path: PathBuf,
    /// The opened file.
    pub file: File,
}

/// An RSA key and the name that apk knows its public half by.
#[derive(Debug)]
pub(crate) struct NamedRsaKey {
    pub(crate) key: RsaKey,
    pub(crate) name: String,
}

/// An opened state directory. Only the signer's process has one.
#[derive(Debug)]
pub struct State {
    pub(crate) directory: PathBuf,
    pub(crate) issuer: Issuer,
    pub(crate) trust_root: TrustRoot,
    pub(crate) log: Log,
    pub(crate) apk: NamedRsaKey,
    pub(crate) import_apk: NamedRsaKey,
    statement_keys: Vec<(Role, StatementKey)>,
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> StateError + '_ {
    |source| StateError::Io {
        path: path.to_owned(),
        source,
    }
}

fn key_error(path: &Path) -> impl Fn(KeyError) -> StateError + '_ {
    |source| StateError::Key {
        path: path.to_owned(),
        source,
    }
}

fn key_path(directory: &Path, role: Role) -> PathBuf {
    let extension = if role.signs_statements() {
        "key"
    } else {
        "rsa"
    };
    directory
        .join("keys")
        .join(format!("{}.{extension}", role.as_str()))
}

fn trust_root_path(directory: &Path) -> PathBuf {
    directory.join("trust-root.json")
}

/// Makes keys, trust root and log in `directory`, unless they are there. Returns whether it did.
/// `provenance_key` is a key file (cosign's format, the vault's password) to be taken over.
pub fn create(
    directory: &Path,
    vault: &mut Vault,
    now: Timestamp,
    provenance_key: Option<&Path>,
) -> Result<bool, StateError> {
    for path in ["", "keys", "jobs", "results"].map(|name| directory.join(name)) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(io_error(&path))?;
    }
    private(directory)?;
    if trust_root_path(directory).exists() {
        return Ok(false);
    }
    let mut trusted = Vec::new();
    for role in STATEMENT_ROLES {
        let path = key_path(directory, role);
        let key = match provenance_key {
            Some(given) if role == Role::Provenance => statement_key(given, vault)?,
            _ => StatementKey::generate().map_err(key_error(&path))?,
        };
        let public = store(&path, &key, vault)?;
        trusted.push(statement_entry(role, &public, &now));
    }
    for role in RSA_ROLES {
        let path = key_path(directory, role);
        let files = generate_rsa(RSA_BITS).map_err(key_error(&path))?;
        write(&path, files.private_pem.as_bytes())?;
        let key = RsaKey::from_pem(&files.private_pem).map_err(key_error(&path))?;
        trusted.push(rsa_entry(role, &key, &now).map_err(key_error(&path))?);
    }
    let base = local_base(&Digest::from_hex(&trusted[0].id).unwrap_or_else(|_| Digest::of(b"")));
    for key in &mut trusted {
        key.builder_id = match key.role {
            Role::Provenance => Some(local_issuer(&base).builder_id()),
            Role::Gate => Some(gate_id(&base)),
            _ => None,
        };
    }
    let root = TrustRoot {
        schema: TrustRootSchema::V1,
        base,
        keys: trusted,
    };
    let event = Event::Initialised {
        trust_root: digest(&root)?,
    };
    Log::in_directory(directory).lock()?.append(now, event)?;
    write(&trust_root_path(directory), &root.to_bytes()?)?;
    Ok(true)
}

/// Writes a key file and its public half; returns that.
fn store(path: &Path, key: &StatementKey, vault: &mut Vault) -> Result<PublicKey, StateError> {
    let pkcs8 = key.to_pkcs8().map_err(key_error(path))?;
    let text = vault.seal(&pkcs8).map_err(|source| StateError::Cosign {
        path: path.to_owned(),
        source,
    })?;
    write(path, text.as_bytes())?;
    let public = key.public().map_err(key_error(path))?;
    write(&path.with_extension("pub"), public.to_pem().as_bytes())?;
    Ok(public)
}

fn local_issuer(base: &str) -> Issuer {
    let signer = Component {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sha256: Digest::of(b""),
    };
    Issuer {
        base: base.to_owned(),
        builder: BuilderKind::Local,
        signer,
    }
}

fn statement_entry(role: Role, public: &PublicKey, now: &Timestamp) -> TrustedKey {
    TrustedKey {
        id: public.id().hex(),
        role,
        algorithm: Algorithm::EcdsaP256,
        public_key_pem: public.to_pem(),
        builder_id: None,
        level: if role == Role::Provenance {
            LOCAL_LEVEL
        } else {
            0
        },
        valid_from: now.clone(),
        valid_until: None,
    }
}

fn rsa_entry(role: Role, key: &RsaKey, now: &Timestamp) -> Result<TrustedKey, KeyError> {
    Ok(TrustedKey {
        id: Digest::of(key.public_spki()?).hex(),
        role,
        algorithm: Algorithm::Rsa,
        public_key_pem: key.public_pem()?,
        builder_id: None,
        level: 0,
        valid_from: now.clone(),
        valid_until: None,
    })
}

impl State {
    /// Opens `directory`. `signer` is the digest of the running executable; `apk_key` stands in
    /// for the directory's own RSA key of built packages.
    pub fn open(
        directory: &Path,
        vault: &mut Vault,
        signer: Digest,
        apk_key: Option<&ApkKey>,
    ) -> Result<Self, StateError> {
        private(directory)?;
        let path = trust_root_path(directory);
        let mut root = TrustRoot::parse(&fs::read(&path).map_err(io_error(&path))?)?;
        let mut statement_keys = Vec::new();
        for role in STATEMENT_ROLES {
            let path = key_path(directory, role);
            let key = statement_key(&path, vault)?;
            let id = key.public().map_err(key_error(&path))?.id().hex();
            if !root
                .keys
                .iter()
                .any(|trusted| trusted.role == role && trusted.id == id)
            {
                return Err(StateError::Foreign(path));
            }
            statement_keys.push((role, key));
        }
        let apk = match apk_key {
            Some(given) => given_key(given)?,
            None => rsa_key(&key_path(directory, Role::Apk), "local")?,
        };
        let import_apk = rsa_key(&key_path(directory, Role::ImportApk), "import")?;
        if let (Some(given), Some(entry)) = (
            apk_key,
            root.keys.iter_mut().find(|key| key.role == Role::Apk),
        ) {
            *entry = rsa_entry(Role::Apk, &apk.key, &entry.valid_from)
                .map_err(key_error(&given.path))?;
        }
        let mut issuer = local_issuer(&root.base);
        issuer.signer.sha256 = signer;
        Ok(Self {
            directory: directory.to_owned(),
            issuer,
            trust_root: root,
            log: Log::in_directory(directory),
            apk,
            import_apk,
            statement_keys,
        })
    }

    /// The key of a role that signs statements.
    pub(crate) fn key(&self, role: Role) -> Option<&StatementKey> {
        self.statement_keys
            .iter()
            .find(|(own, _)| *own == role)
            .map(|(_, key)| key)
    }

    /// Where the document with this digest is kept.
    pub(crate) fn job_path(&self, digest: &Digest) -> PathBuf {
        self.directory
            .join("jobs")
            .join(format!("{}.json", digest.hex()))
    }

    /// Where the result for the record with this digest is kept.
    pub(crate) fn result_path(&self, record: &Digest) -> PathBuf {
        self.directory
            .join("results")
            .join(format!("{}.json", record.hex()))
    }
}

fn statement_key(path: &Path, vault: &mut Vault) -> Result<StatementKey, StateError> {
    let text = fs::read_to_string(path).map_err(io_error(path))?;
    let pkcs8 = vault.open(&text).map_err(|source| StateError::Cosign {
        path: path.to_owned(),
        source,
    })?;
    StatementKey::from_pkcs8(&pkcs8).map_err(key_error(path))
}

/// Reads a key of the state directory. It is named `<prefix>-<8 digits of its id>.rsa.pub`.
fn rsa_key(path: &Path, prefix: &str) -> Result<NamedRsaKey, StateError> {
    let text = fs::read_to_string(path).map_err(io_error(path))?;
    let key = RsaKey::from_pem(&text).map_err(key_error(path))?;
    let id = Digest::of(key.public_spki().map_err(key_error(path))?).hex();
    let name = format!("{prefix}-{}.rsa.pub", &id[..8]);
    Ok(NamedRsaKey { key, name })
}

/// Reads a key that a person named. It bears its file's name, as with melange.
fn given_key(given: &ApkKey) -> Result<NamedRsaKey, StateError> {
    let key = read_rsa_key(&given.path, &given.file)?;
    let name = given.path.file_name().unwrap_or_default().to_string_lossy();
    Ok(NamedRsaKey {
        key,
        name: format!("{name}.pub"),
    })
}

/// Refuses a directory that others could enter.
fn private(directory: &Path) -> Result<(), StateError> {
    let metadata = fs::metadata(directory).map_err(io_error(directory))?;
    let own = rustix::process::geteuid().as_raw();
    if metadata.mode() & 0o077 != 0 || metadata.uid() != own {
        return Err(StateError::Permissions(directory.to_owned()));
    }
    Ok(())
}

/// Writes a file of mode 0600 whole or not at all, and syncs it and its directory. Several may write
/// the same file at once: each has a new file of its own, and one that is there already with this
/// content stays.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let error = io_error(path);
    let parent = path.parent().unwrap_or(Path::new("."));
    if !holds(path, content) {
        let mut new = tempfile::Builder::new()
            .prefix(".new-")
            .tempfile_in(parent)
            .map_err(&error)?;
        new.write_all(content)
            .and_then(|()| new.as_file().sync_all())
            .map_err(&error)?;
        new.persist(path).map_err(|cause| error(cause.error))?;
    }
    // Also for a file that somebody else put there: his sync may be still to come.
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(&error)
}

/// Whether the file has this content. Files get their names when their content is synced.
fn holds(path: &Path, content: &[u8]) -> bool {
    let size = fs::metadata(path).map(|metadata| metadata.len()).ok();
    size == Some(content.len() as u64) && fs::read(path).is_ok_and(|found| found == content)
}

#[cfg(test)]
mod tests {
    use super::write;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    #[test]
    fn many_write_the_same_file_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.json");
        let content = vec![b'x'; 1 << 20];
        for _ in 0..8 {
            let together = Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        together.wait();
                        write(&path, &content).unwrap();
                    });
                }
            });
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn other_content_takes_the_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.json");
        for content in ["one", "two"] {
            write(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
