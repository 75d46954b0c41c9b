//! `bessemer-signer`: makes keys, or serves the socket. See the library for what it does.

use anyhow::Context as _;
use bessemer_attest::documents::Timestamp;
use bessemer_digest::Digest;
use bessemer_signer::{READY, Server, State, Vault, create};
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
            create(&state, &mut vault, now, provenance_key.as_deref())?;
            Ok(())
        }
        Verb::Serve {
            state,
            socket,
            allow_uid,
            exit_with_parent,
            apk_key,
        } => {
            allow_many_descriptors()?;
            let executable = File::open("/proc/self/exe").context("cannot read the executable")?;
            let (digest, _) = Digest::of_reader(executable)?;
            let state = State::open(&state, &mut vault, digest, apk_key.as_deref())?;
            drop(vault);
            let server = Server::bind(state, &socket, allow_uid)?;
            writeln!(std::io::stdout(), "{READY}")?;
            let input = std::io::stdin();
            server.run(exit_with_parent.then(|| input.as_fd()))?;
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
