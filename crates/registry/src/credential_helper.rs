//! Programs that keep logins for Docker and its kin.
//!
//! Source: docker-credential-helpers, `credentials/credentials.go`: `get` takes the server's name on
//! standard input and answers with JSON, or with a message on standard output and status 1.

use crate::login::Login;
use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Most bytes of an answer.
const ANSWER_LIMIT: u64 = 64 << 10;
/// Most time for an answer: a helper may ask a cloud's servers.
const TIME: Duration = Duration::from_secs(30);
/// How often it is looked whether the helper has ended.
const LOOK: Duration = Duration::from_millis(10);
/// What a helper says when it knows nothing of a server.
const UNKNOWN: &str = "credentials not found in native keychain";
/// The user name that says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// Why a helper gave no login.
#[derive(Debug, thiserror::Error)]
pub enum CredentialHelperError {
    /// There is no such program.
    #[error("the credential helper `{0}` is in none of the folders for programs")]
    Missing(String),
    /// It cannot be started, or spoken to.
    #[error("cannot run the credential helper `{name}`")]
    Run {
        /// The program.
        name: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It took too long.
    #[error("the credential helper `{0}` gave no answer in {time} seconds", time = TIME.as_secs())]
    Time(String),
    /// It failed; its output may hold secrets and is not repeated.
    #[error("the credential helper `{0}` failed")]
    Failed(String),
    /// Its answer is not what helpers answer.
    #[error("the credential helper `{0}` gave an answer that cannot be read")]
    Answer(String),
}

/// A program that keeps logins.
#[derive(Debug, Clone)]
pub(crate) struct Helper {
    /// `docker-credential-<name>`.
    name: String,
    folders: Vec<PathBuf>,
}

/// What a helper knows.
pub(crate) enum Answer {
    Login(Login),
    /// Nothing of this server.
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    username: String,
    secret: String,
}

impl Helper {
    /// `None` if the name could be that of another program.
    pub(crate) fn new(name: &str, folders: &[PathBuf]) -> Option<Self> {
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (!name.is_empty() && name.bytes().all(usable)).then(|| Self {
            name: format!("docker-credential-{name}"),
            folders: folders.to_vec(),
        })
    }

    /// Asks for the login of a server.
    pub(crate) fn get(&self, server: &str) -> Result<Answer, CredentialHelperError> {
        let paths = self.folders.iter().map(|folder| folder.join(&self.name));
        let program = paths
            .into_iter()
            .find(|path| path.is_file())
            .ok_or_else(|| CredentialHelperError::Missing(self.name.clone()))?;
        let run = |source| CredentialHelperError::Run {
            name: self.name.clone(),
            source,
        };
        let mut child = Command::new(program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(run)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input has ended, which its status tells better.
            let _ = stdin.write_all(server.as_bytes());
        }
        let answer = self.answer(&mut child);
        if answer.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let (succeeded, output) = answer?;
        self.read(succeeded, &output)
    }

    /// Whether the helper succeeded, and what it printed.
    fn answer(&self, child: &mut Child) -> Result<(bool, Vec<u8>), CredentialHelperError> {
        let run = |source| CredentialHelperError::Run {
            name: self.name.clone(),
            source,
        };
        let stdout = child.stdout.take();
        // Not joined when time is over: a grandchild could hold the pipe open.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.map_or(Ok(0), |stdout| {
                stdout.take(ANSWER_LIMIT).read_to_end(&mut output)
            });
            let _ = sender.send(read.map(|_| output));
        });
        let deadline = Instant::now() + TIME;
        let output = receiver
            .recv_timeout(TIME)
            .map_err(|_| CredentialHelperError::Time(self.name.clone()))?
            .map_err(run)?;
        loop {
            if let Some(status) = child.try_wait().map_err(run)? {
                return Ok((status.success(), output));
            }
            if Instant::now() >= deadline {
                return Err(CredentialHelperError::Time(self.name.clone()));
            }
            std::thread::sleep(LOOK);
        }
    }

    fn read(&self, succeeded: bool, output: &[u8]) -> Result<Answer, CredentialHelperError> {
        if !succeeded {
            let message = String::from_utf8_lossy(output);
            return if message.trim() == UNKNOWN {
                Ok(Answer::Unknown)
            } else {
                Err(CredentialHelperError::Failed(self.name.clone()))
            };
        }
        let written: Written = serde_json::from_slice(output)
            .map_err(|_| CredentialHelperError::Answer(self.name.clone()))?;
        Ok(match (written.username.as_str(), written.secret) {
            ("", secret) if secret.is_empty() => Answer::Unknown,
            (TOKEN_USER, secret) => Answer::Login(Login::IdentityToken(secret)),
            (_, password) => Answer::Login(Login::Password {
                user: written.username,
                password,
            }),
        })
    }
}
