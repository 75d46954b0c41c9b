//! The real `bessemer-signer` process, asked over its socket.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own helpers fail the test by panicking"
)]

mod confined;
mod connections;
mod deployed;
mod drill;
mod elsewhere;
mod environment;
mod images;
mod key_files;
mod killed;
mod provisioned;
mod rebuilds;
mod refusals;
mod run;
mod statements;
mod tokens;

use bessemer_attest::TrustRoot;
use bessemer_signer::{Client, READY, SignerOptions, SignerProcess};
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Child;
use tempfile::TempDir;

/// A signer of a test's own. Its directory goes when it does.
struct Fixture {
    process: SignerProcess,
    options: SignerOptions,
    directory: TempDir,
}

/// Waits until a signer that was started by hand says that it listens.
fn wait_until_ready(child: &mut Child) {
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), READY);
}

/// Options for a signer that keeps everything in `directory`.
fn options(directory: &Path) -> SignerOptions {
    SignerOptions {
        binary: env!("CARGO_BIN_EXE_bessemer-signer").into(),
        state: directory.join("state"),
        socket: directory.join("signer.socket"),
        allow_uid: rustix::process::geteuid().as_raw(),
        run_as: None,
        apk_key: None,
        provenance_key: None,
        password: "a password".to_owned(),
    }
}

impl Fixture {
    fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    fn start_in(directory: TempDir) -> Self {
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let options = options(directory.path());
        Self {
            process: SignerProcess::spawn(&options).unwrap(),
            options,
            directory,
        }
    }

    fn client(&self) -> Client {
        self.process.client().unwrap()
    }

    fn root(&self) -> TrustRoot {
        let bytes = std::fs::read(self.options.state.join("trust-root.json")).unwrap();
        TrustRoot::parse(&bytes).unwrap()
    }

    /// Every entry of the log, one a line; the whole log is held against its checkpoint.
    fn log(&self) -> String {
        let key = self.root().log_key().unwrap().unwrap();
        let directory = self.options.state.join("log");
        let mut lines = String::new();
        let read = |path: &str| std::fs::read(directory.join(path));
        bessemer_tlog::audit(&key, read, |_, entry| {
            lines.push_str(std::str::from_utf8(entry).unwrap());
            lines.push('\n');
            Ok(())
        })
        .unwrap();
        lines
    }
}
