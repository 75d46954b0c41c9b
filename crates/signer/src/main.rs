//! `bessemer-signer`: makes keys, or serves the socket. See the library for what it does.

use anyhow::Context as _;
use bessemer_attest::documents::Timestamp;
use bessemer_digest::Digest;
use bessemer_signer::{
    ApkKey, READY, Server, State, Vault, create, make_key_pair, receive_key, sign_with_file,
};
use clap::{Parser, Subcommand};
use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior, setrlimit};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

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
        /// State directory.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Take over this key for provenance: cosign's format, password in COSIGN_PASSWORD.
        #[arg(long, value_name = "FILE")]
        provenance_key: Option<PathBuf>,
    },
    /// Serve requests on a Unix socket. Prints `ready` once it listens.
    Serve {
        /// State directory.
        #[arg(long, value_name = "DIR")]
        state: PathBuf,
        /// Where to listen.
        #[arg(long, value_name = "PATH")]
        socket: PathBuf,
        /// The uid that is answered.
        #[arg(long, value_name = "UID")]
        allow_uid: u32,
        /// End when standard input does.
        #[arg(long)]
        exit_with_parent: bool,
        /// RSA key for built packages, instead of the state directory's own.
        #[arg(long, value_name = "FILE")]
        apk_key: Option<PathBuf>,
        /// The opened file of that key comes as a descriptor over standard input, a socket: the
        /// key may be one that this uid cannot open.
        #[arg(long, requires = "apk_key", requires = "exit_with_parent")]
        apk_key_on_stdin: bool,
    },
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
    // Nobody of the same uid may trace this process or read its memory and environment.
    set_dumpable_behavior(DumpableBehavior::NotDumpable).context("cannot forbid core dumps")?;
    let mut vault = Vault::new(std::env::var("COSIGN_PASSWORD").unwrap_or_default());
    match verb {
        Verb::Init {
            state,
            provenance_key,
        } => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let now = Timestamp::from_unix(since.as_secs())?;
            create(&state, &mut vault, &now, provenance_key.as_deref())?;
            Ok(())
        }
        Verb::Serve {
            state,
            socket,
            allow_uid,
            exit_with_parent,
            apk_key,
            apk_key_on_stdin,
        } => {
            // Its own session: a process that shares a terminal could type into root's shell. Only
            // one that leads a group already is refused, and nobody who divides starts that.
            let _ = rustix::process::setsid();
            allow_many_descriptors()?;
            let executable = File::open("/proc/self/exe").context("cannot read the executable")?;
            let (digest, _) = Digest::of_reader(executable)?;
            let input = std::io::stdin();
            let apk_key = match apk_key {
                Some(path) if apk_key_on_stdin => {
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
            let state = State::open(&state, &mut vault, digest, apk_key.as_ref())?;
            drop(vault);
            let server = Server::bind(state, &socket, allow_uid)?;
            writeln!(std::io::stdout(), "{READY}")?;
            server.run(exit_with_parent.then(|| input.as_fd()))?;
            Ok(())
        }
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

/// Requests bring up to 900 descriptors each, and the usual limit is 1024.
fn allow_many_descriptors() -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")
}
