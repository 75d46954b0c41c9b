//! Starting a signer of one's own, which is gone when its parent is.

use crate::client::{Client, ClientError};
use crate::frame::{FrameError, receive_files, send_files};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The line that a signer prints when its socket is ready.
pub const READY: &str = "ready";

/// How a signer is started.
#[derive(Debug, Clone)]
pub struct SignerOptions {
    /// The `bessemer-signer` executable.
    pub binary: PathBuf,
    /// Its state directory; made when it is not there. Its parent must be writable for it.
    pub state: PathBuf,
    /// Where it listens. The directory must let both sides in.
    pub socket: PathBuf,
    /// The uid that may ask it.
    pub allow_uid: u32,
    /// The uid it runs under (root may choose); else the parent's.
    pub run_as: Option<u32>,
    /// An RSA key that stands in for its own key of built packages. Only the signer reads it. When
    /// the signer gets a uid of its own, this process opens the file and hands the descriptor over.
    pub apk_key: Option<PathBuf>,
    /// A key in cosign's format that is taken over for provenance when the state is made.
    pub provenance_key: Option<PathBuf>,
    /// The password of its key files; empty for none.
    pub password: String,
}

/// Why a signer does not start.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Cannot be executed.
    #[error("cannot start the signer `{path}`")]
    Start {
        /// The executable.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("the signer does not start: {0}")]
    Failed(String),
    /// The key for packages cannot be opened.
    #[error("cannot open the signing key `{path}`")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key's descriptor did not get across.
    #[error("cannot hand the signing key to the signer")]
    Hand(#[from] FrameError),
    /// It does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A running signer; dropping it ends the process. It also ends when this process does, however
/// that happens, because it waits for the end of a pipe that only this process holds.
#[derive(Debug)]
pub struct SignerProcess {
    child: Child,
    socket: PathBuf,
    /// Its other end is the signer's standard input; the signer ends when this is closed.
    _lifeline: UnixStream,
}

impl SignerProcess {
    /// Makes the state directory if need be, starts the signer and waits until it is ready.
    pub fn spawn(options: &SignerOptions) -> Result<Self, ProcessError> {
        let error = |source| ProcessError::Start {
            path: options.binary.clone(),
            source,
        };
        let mut init = command(options, "init");
        if let Some(key) = &options.provenance_key {
            init.arg("--provenance-key").arg(key);
        }
        let made = init.output().map_err(error)?;
        if !made.status.success() {
            return Err(ProcessError::Failed(first_line(&made.stderr)));
        }
        let mut serve = command(options, "serve");
        serve.arg("--socket").arg(&options.socket);
        serve
            .arg("--allow-uid")
            .arg(options.allow_uid.to_string())
            .arg("--exit-with-parent");
        if let Some(key) = &options.apk_key {
            serve.arg("--apk-key").arg(key);
        }
        let key = options.handed_key()?;
        if key.is_some() {
            serve.arg("--apk-key-on-stdin");
        }
        let (lifeline, input) = UnixStream::pair().map_err(error)?;
        serve
            .stdin(OwnedFd::from(input))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = serve.spawn().map_err(error)?;
        // The command holds this process's copy of the signer's end, which must not outlive it.
        drop(serve);
        if let Some(key) = key {
            send_files(&lifeline, &[&key])?;
        }
        let mut process = Self {
            child,
            socket: options.socket.clone(),
            _lifeline: lifeline,
        };
        process.wait_until_ready()?;
        Ok(process)
    }

    /// A new connection.
    pub fn client(&self) -> Result<Client, ProcessError> {
        Ok(Client::connect(&self.socket)?)
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_ready(&mut self) -> Result<(), ProcessError> {
        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            // An error here is a signer that died; its own words follow below.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        if line.trim_end() == READY {
            return Ok(());
        }
        let mut text = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = stderr.take(4096).read_to_end(&mut text);
        }
        Err(ProcessError::Failed(first_line(&text)))
    }
}

impl SignerOptions {
    /// The opened key, when the signer runs under a uid that may not be able to open it.
    fn handed_key(&self) -> Result<Option<File>, ProcessError> {
        match &self.apk_key {
            Some(path) if self.run_as.is_some() => {
                File::open(path)
                    .map(Some)
                    .map_err(|source| ProcessError::Key {
                        path: path.clone(),
                        source,
                    })
            }
            _ => Ok(None),
        }
    }
}

/// Takes the descriptor of a key file off `input`, the socket that a signer's parent gave it.
pub fn receive_key(input: BorrowedFd<'_>) -> Result<File, FrameError> {
    let stream = UnixStream::from(input.try_clone_to_owned()?);
    receive_files(&stream, 1)?
        .pop()
        .ok_or(FrameError::Descriptors {
            found: 0,
            wanted: 1,
        })
}

impl Drop for SignerProcess {
    fn drop(&mut self) {
        // Both fail only when it has gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn command(options: &SignerOptions, verb: &str) -> Command {
    let mut command = Command::new(&options.binary);
    command.arg(verb).arg("--state").arg(&options.state);
    command
        .env_clear()
        .env("COSIGN_PASSWORD", &options.password);
    if let Some(uid) = options.run_as {
        command.uid(uid).gid(uid);
    }
    command
}

fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines()
        .next()
        .unwrap_or("it said nothing")
        .chars()
        .take(500)
        .collect()
}
