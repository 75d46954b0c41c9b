//! The state directory: keys, trust root, log, registered jobs and results.

mod adding;
mod change;
mod kept;
mod making;
mod trusting;

pub use adding::add_missing;
pub use change::{Change, ChangeError, Since, revoke, rotate};
pub use making::{Given, Provision, create};
pub use trusting::{Trusted, trust};
pub(crate) use trusting::{boot_roots, rebuild_roots};

use crate::cosign_key::{CosignKeyError, Vault};
use crate::key_file::KeyFileError;
use crate::keys::{KeyError, LogKey, RsaKeeper};
use crate::log::{Log, LogError};
use crate::token::TokenError;
use bessemer_attest::BuilderKind;
use bessemer_attest::derive::Issuer;
use bessemer_attest::documents::{CanonicalError, Component, digest};
use bessemer_attest::{Role, Signer, TrustRoot, TrustRootError};
use bessemer_digest::Digest;
use kept::{given_key, held_key, in_use, log_pkcs8, named_key};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The roles that sign statements, each with a key of its own.
const STATEMENT_ROLES: [Role; 7] = [
    Role::Provenance,
    Role::Test,
    Role::Sbom,
    Role::Gate,
    Role::Import,
    Role::Image,
    Role::Rebuild,
];
/// The roles that sign apks, each with a key of its own.
const RSA_ROLES: [Role; 2] = [Role::Apk, Role::ImportApk];

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
    /// A key on a token cannot be used.
    #[error("cannot use the key on a token that `{path}` names")]
    Token {
        /// The file with its URI, or the URI's role.
        path: PathBuf,
        /// Why.
        source: TokenError,
    },
    /// The RSA key that was named cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A key's public half is not the one in the trust root.
    #[error("the key `{0}` is not the one in the trust root")]
    Foreign(PathBuf),
    /// The log is of a version that nobody released.
    #[error(
        "`{0}` is a log of lines, which no released version wrote and this one does not read: move the state directory away, and new keys and a new log are made"
    )]
    OldLog(PathBuf),
    /// There are keys and no log.
    #[error(
        "the keys in `{0}` have a trust root, but their log is gone; nothing is signed without it"
    )]
    LogGone(PathBuf),
    /// The trust root that the log names is not there.
    #[error("the trust root `{0}`, which the log names, is gone or was changed")]
    RootGone(PathBuf),
    /// A builder id that this version does not know the conditions of.
    #[error("the trust root's provenance key is for `{0}`, which this signer does not know")]
    Builder(String),
    /// The state is there and is for another builder.
    #[error(
        "these keys are for `{found}`, and `{asked}` was asked for; keys never change their id; move the state directory away, and new keys are made"
    )]
    OtherBuilder {
        /// The id that its provenance key may assert.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// The trust root has no key in use for a role.
    #[error("the trust root has no key in use for role `{0}`")]
    NoKey(&'static str),
    /// Keys are on a token, and there is none for a role that came later.
    #[error(
        "there is no key for role `{0}`, and none is made in a file where keys are on a token: \
         `bessemer-signer add --state DIR --key {0}=pkcs11:…`"
    )]
    NoTokenKey(&'static str),
    /// A factory that is told to take its own runs for somebody else's.
    #[error("`{0}` is this signer's own base; nobody else operates it")]
    OwnRoot(String),
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
    pub(crate) key: Box<dyn RsaKeeper>,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) spki: Vec<u8>,
}

/// Whatever signs with an ECDSA key: the key itself, or a token that has it.
pub(crate) trait Keeper: Signer + fmt::Debug + Send + Sync {}

impl<T: Signer + fmt::Debug + Send + Sync> Keeper for T {}

/// The key of a role that signs statements.
#[derive(Debug)]
pub(crate) struct HeldKey {
    pub(crate) role: Role,
    pub(crate) id: String,
    pub(crate) keeper: Box<dyn Keeper>,
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
    /// Digest of the trust root as the log has it; another one there means that keys were changed.
    pub(crate) root_digest: Digest,
    keys: Vec<HeldKey>,
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

fn trust_root_path(directory: &Path) -> PathBuf {
    directory.join("trust-root.json")
}

/// Where every trust root that the log ever named is kept.
fn root_path(directory: &Path, digest: &Digest) -> PathBuf {
    directory
        .join("roots")
        .join(format!("{}.json", digest.hex()))
}

/// The name of the log that stands under `base`.
fn log_origin(base: &str) -> String {
    format!("{}/log", base.trim_start_matches("https://"))
}

/// The kind of builder that the provenance key in use speaks for.
fn kind_in_use(root: &TrustRoot) -> Result<BuilderKind, StateError> {
    let key = in_use(root, Role::Provenance)?;
    root.kind_of(key).ok_or_else(|| {
        let id = key.builder_id.clone().unwrap_or_default();
        StateError::Builder(id)
    })
}

/// Opens the log and the trust root that it names last. A process that died while it changed keys
/// may have left the one before in `trust-root.json`; the log decides.
fn log_and_root(directory: &Path, vault: &mut Vault) -> Result<(Log, TrustRoot), StateError> {
    private(directory)?;
    if directory.join("log.jsonl").exists() {
        return Err(StateError::OldLog(directory.join("log.jsonl")));
    }
    if !Log::exists(directory) {
        return Err(StateError::LogGone(directory.to_owned()));
    }
    let path = trust_root_path(directory);
    let mut root = TrustRoot::parse(&fs::read(&path).map_err(io_error(&path))?)?;
    let (key_path, pkcs8) = log_pkcs8(directory, vault)?;
    let key = LogKey::from_pkcs8(&pkcs8, &log_origin(&root.base)).map_err(key_error(&key_path))?;
    if root.log_key()?.as_ref() != Some(key.note_key()) {
        return Err(StateError::Foreign(key_path));
    }
    let log = Log::open(directory, key)?;
    let named = log.lock()?.jobs().trust_root();
    if let Some(named) = named.filter(|named| digest(&root).ok().as_ref() != Some(named)) {
        let kept = root_path(directory, &named);
        let gone = || StateError::RootGone(kept.clone());
        let bytes = fs::read(&kept).map_err(|_| gone())?;
        if Digest::of(&bytes) != named {
            return Err(gone());
        }
        root = TrustRoot::parse(&bytes)?;
        write(&path, &bytes)?;
    }
    Ok((log, root))
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
        let (log, mut root) = log_and_root(directory, vault)?;
        let root_digest = digest(&root)?;
        let mut keys = Vec::new();
        for role in STATEMENT_ROLES {
            keys.push(held_key(directory, in_use(&root, role)?, vault)?);
        }
        let own = in_use(&root, Role::Apk)?.clone();
        let apk = match apk_key {
            Some(given) => given_key(given)?,
            None => named_key(directory, &own, "local")?,
        };
        let import_apk = named_key(directory, in_use(&root, Role::ImportApk)?, "import")?;
        if let (Some(_), Some(entry)) = (apk_key, root.keys.iter_mut().find(|key| key.id == own.id))
        {
            *entry = making::rsa_entry(Role::Apk, &apk.spki, &entry.valid_from);
        }
        let issuer = Issuer {
            base: root.base.clone(),
            builder: kind_in_use(&root)?,
            signer: Component {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                sha256: signer,
            },
        };
        Ok(Self {
            directory: directory.to_owned(),
            issuer,
            trust_root: root,
            log,
            apk,
            import_apk,
            root_digest,
            keys,
        })
    }

    /// What its provenance key speaks for.
    pub const fn builder(&self) -> BuilderKind {
        self.issuer.builder
    }

    /// The key of a role that signs statements.
    pub(crate) fn key(&self, role: Role) -> Option<&HeldKey> {
        self.keys.iter().find(|key| key.role == role)
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
