//! `bessemer-signer`: makes keys, or serves the socket. See the library for what it does.

use anyhow::{Context as _, bail};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::{BuilderKind, Role, TrustRoot};
use bessemer_digest::Digest;
use bessemer_signer::{
    ApkKey, Change, Given, Provision, READY, Server, Since, State, TokenUri, Trusted, Vault,
    add_missing, confine, create, forbid_dumps, make_key_pair, receive_key, revoke, rotate,
    sign_with_file, trust,
};
use clap::{Parser, Subcommand};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Most bytes of a trust root (1 MiB).
const ROOT_LIMIT: u64 = 1 << 20;

/// Holds the keys and signs what it derives itself.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make keys and trust root, unless they are there.
    Init {
        #[command(flatten)]
        keys: KeysArguments,
        /// Take over this key for provenance: cosign's format, password in COSIGN_PASSWORD.
        #[arg(long, value_name = "FILE")]
        provenance_key: Option<PathBuf>,
        /// The key of a role is on a token: `provenance=pkcs11:token=…;object=…?module-path=…&pin-source=…`
        /// (RFC 7512). May be given once for each role.
        #[arg(long, value_name = "ROLE=URI", value_parser = token_key)]
        key: Vec<(Role, Given)>,
        #[command(flatten)]
        provision: ProvisionArguments,
    },
    /// Make first keys for roles that came after the state was made. Prints the roles.
    Add {
        #[command(flatten)]
        keys: KeysArguments,
        /// The key of a role is on a token: as for `init`.
        #[arg(long, value_name = "ROLE=URI", value_parser = token_key)]
        key: Vec<(Role, Given)>,
    },
    /// Give a role a new key; what the old one signed stays good. Prints JSON.
    Rotate {
        #[command(flatten)]
        keys: KeysArguments,
        /// The role: provenance, test, sbom, gate, import, image, apk or import-apk.
        role: String,
        /// The new key is on a token: a `pkcs11:` URI.
        #[arg(long, value_name = "URI")]
        key: Option<String>,
    },
    /// Let what a key signed count only before some point of the log; by default before now. If the
    /// key is in use, its role gets a new one. Prints JSON.
    Revoke {
        #[command(flatten)]
        keys: KeysArguments,
        /// The key's id, or its first 8 digits and more.
        key: String,
        /// The index in the log from which on its signatures do not count.
        #[arg(long, value_name = "INDEX")]
        at: Option<u64>,
        /// A checkpoint of the log: what it does not cover does not count.
        #[arg(long, value_name = "FILE", conflicts_with = "at")]
        since_checkpoint: Option<PathBuf>,
    },
    /// Let kernels and agents boot that verify under another factory's trust root. Prints its digest.
    Trust {
        #[command(flatten)]
        keys: KeysArguments,
        /// Nothing of it boots; its packages may be built again here.
        #[arg(long)]
        rebuild: bool,
        /// Somebody else operates it.
        #[arg(long, requires = "rebuild")]
        independent: bool,
        /// The trust root; `-` is standard input.
        root: PathBuf,
    },
    /// Serve requests on a Unix socket. Prints `ready` once it listens.
    Serve(ServeArguments),
    /// Make an RSA key pair for packages: NAME (PKCS#1, mode 0600) and NAME.pub.
    Keygen {
        /// File of the private key.
        name: PathBuf,
        /// Bits: 2048, 3072 or 4096.
        #[arg(long, default_value_t = 4096)]
        key_size: u32,
    },
    /// Sign standard input: writes the raw RSA PKCS#1 v1.5 signature over its SHA-256.
    RsaSign {
        /// File of the private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

/// Where the keys are, and what opens them.
#[derive(Debug, clap::Args)]
struct KeysArguments {
    /// State directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// File with the password of the key files, instead of COSIGN_PASSWORD.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl KeysArguments {
    /// Both of them; one line end behind the password in a file is not part of it.
    fn opened(self) -> anyhow::Result<(PathBuf, Vault)> {
        let vault = if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the password in `{}`", path.display()))?;
            Vault::new(text.strip_suffix('\n').unwrap_or(&text))
        } else {
            Vault::new(std::env::var("COSIGN_PASSWORD").unwrap_or_default())
        };
        Ok((self.state, vault))
    }
}

/// What an operator says of a host that was provisioned.
#[derive(Debug, clap::Args)]
struct ProvisionArguments {
    /// The factory's URL (`https://…`), under which its builder id stands: this host was provisioned.
    #[arg(long, value_name = "URL", requires = "builder")]
    base: Option<String>,
    /// What its provenance key speaks for: `microvm` or `microvm-emulated`.
    #[arg(long, value_name = "KIND", requires = "base", value_parser = BuilderKind::provisioned)]
    builder: Option<BuilderKind>,
}

impl ProvisionArguments {
    fn given(self) -> Option<Provision> {
        let (base, builder) = self.base.zip(self.builder)?;
        Some(Provision { base, builder })
    }
}

#[derive(Debug, clap::Args)]
struct ServeArguments {
    #[command(flatten)]
    keys: KeysArguments,
    /// Where to listen.
    #[arg(long, value_name = "PATH", required_unless_present = "socket_on_stdin")]
    socket: Option<PathBuf>,
    /// Standard input is a socket that listens already: `StandardInput=socket` of systemd.
    #[arg(long, conflicts_with_all = ["socket", "exit_with_parent"])]
    socket_on_stdin: bool,
    /// The uid that is answered.
    #[arg(long, value_name = "UID")]
    allow_uid: u32,
    /// End when standard input does.
    #[arg(long)]
    exit_with_parent: bool,
    /// Refuse to start when this kernel lacks a layer of what the signer confines itself with. With
    /// the keys of a provisioned builder it always does.
    #[arg(long)]
    require_confinement: bool,
    /// A directory that a token's module reads and writes: SoftHSM's `directories.tokendir`.
    #[arg(long, value_name = "DIR")]
    token_dir: Vec<PathBuf>,
    /// RSA key for built packages, instead of the state directory's own.
    #[arg(long, value_name = "FILE")]
    apk_key: Option<PathBuf>,
    /// The opened file of that key comes as a descriptor over standard input, a socket: the
    /// key may be one that this uid cannot open.
    #[arg(long, requires = "apk_key", requires = "exit_with_parent")]
    apk_key_on_stdin: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line with all causes: whoever started this process shows it.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> anyhow::Result<()> {
    forbid_dumps()?;
    match verb {
        Verb::Init {
            keys,
            provenance_key,
            key: mut given,
            provision,
        } => {
            given.extend(provenance_key.map(|path| (Role::Provenance, Given::File(path))));
            let provision = provision.given();
            let (state, mut vault) = keys.opened()?;
            create(&state, &mut vault, &now()?, &given, provision.as_ref())?;
            Ok(())
        }
        Verb::Add { keys, key } => {
            let (state, mut vault) = keys.opened()?;
            for role in add_missing(&state, &mut vault, &now()?, &key)? {
                writeln!(std::io::stdout(), "{}", role.as_str())?;
            }
            Ok(())
        }
        Verb::Rotate { keys, role, key } => {
            let given = key.map(Given::Token);
            let (state, mut vault) = keys.opened()?;
            print(&rotate(&state, &mut vault, &now()?, &role, given.as_ref())?)
        }
        Verb::Revoke {
            keys,
            key,
            at,
            since_checkpoint,
        } => {
            let checkpoint = since_checkpoint.as_deref().map(content).transpose()?;
            let since = match (at, &checkpoint) {
                (Some(at), _) => Since::Index(at),
                (None, Some(checkpoint)) if !checkpoint.is_empty() => Since::Checkpoint(checkpoint),
                _ => Since::Now,
            };
            let (state, mut vault) = keys.opened()?;
            print(&revoke(&state, &mut vault, &now()?, &key, since)?)
        }
        Verb::Trust {
            keys,
            rebuild,
            independent,
            root,
        } => {
            let for_what = if rebuild {
                Trusted::Rebuild { independent }
            } else {
                Trusted::Boot
            };
            let root = TrustRoot::parse(&content(&root)?)?;
            let (state, mut vault) = keys.opened()?;
            let digest = trust(&state, &mut vault, &now()?, &root, for_what)?;
            writeln!(std::io::stdout(), "{digest}")?;
            Ok(())
        }
        Verb::Serve(arguments) => serve(arguments),
        Verb::Keygen { name, key_size } => {
            make_key_pair(&name, key_size)?;
            Ok(())
        }
        Verb::RsaSign { key } => {
            let signature = sign_with_file(&key, std::io::stdin().lock())?;
            std::io::stdout().write_all(&signature)?;
            Ok(())
        }
    }
}

fn serve(arguments: ServeArguments) -> anyhow::Result<()> {
    // Its own session: a process that shares a terminal could type into root's shell. Only
    // one that leads a group already is refused, and nobody who divides starts that.
    let _ = rustix::process::setsid();
    allow_many_descriptors()?;
    let (state, mut vault) = arguments.keys.opened()?;
    let executable = File::open("/proc/self/exe").context("cannot read the executable")?;
    let (digest, _) = Digest::of_reader(executable)?;
    let input = std::io::stdin();
    let apk_key = match arguments.apk_key {
        Some(path) if arguments.apk_key_on_stdin => {
            let file = receive_key(input.as_fd())?;
            Some(ApkKey { path, file })
        }
        Some(path) => {
            let file = File::open(&path)
                .with_context(|| format!("cannot open the key `{}`", path.display()))?;
            Some(ApkKey { path, file })
        }
        None => None,
    };
    let directory = std::path::absolute(state)?;
    add_missing(&directory, &mut vault, &now()?, &[])?;
    let state = State::open(&directory, &mut vault, digest, apk_key.as_ref())?;
    drop(vault);
    let provisioned = state.builder() != BuilderKind::Local;
    if provisioned && arguments.allow_uid == rustix::process::geteuid().as_raw() {
        bail!(
            "keys of a provisioned builder are for a signer with a uid of its own: the uid that is answered, {}, could read them",
            arguments.allow_uid
        );
    }
    let socket = arguments.socket.map(std::path::absolute).transpose()?;
    let server = if let Some(path) = &socket {
        Server::bind(state, path, arguments.allow_uid)?
    } else {
        let input = input.as_fd().try_clone_to_owned()?;
        Server::inherited(state, input, arguments.allow_uid)?
    };
    let missing = confine(&directory, &arguments.token_dir, socket.as_deref())?;
    if (arguments.require_confinement || provisioned) && !missing.is_empty() {
        bail!(
            "no {}: this kernel lacks it, or a container's filter denies it",
            missing.join(", ")
        );
    }
    writeln!(std::io::stdout(), "{READY}")?;
    server.run(arguments.exit_with_parent.then(|| input.as_fd()))?;
    Ok(())
}

/// What is in a file, or comes on standard input.
fn content(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(ROOT_LIMIT).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Reads `role=pkcs11:…`.
fn token_key(text: &str) -> Result<(Role, Given), String> {
    let (role, uri) = text.split_once('=').ok_or("it is not ROLE=URI")?;
    let role = serde_json::from_value(role.into()).map_err(|_| "there is no such role")?;
    TokenUri::parse(uri).map_err(|error| error.to_string())?;
    Ok((role, Given::Token(uri.to_owned())))
}

fn now() -> anyhow::Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_unix(since.as_secs())?)
}

fn print(change: &Change) -> anyhow::Result<()> {
    let text = serde_json::to_string(change)?;
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

/// Requests bring up to 900 descriptors each, and the usual limit is 1024.
fn allow_many_descriptors() -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")
}
