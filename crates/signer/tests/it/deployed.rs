//! The service unit in `deploy/systemd`: its lines as they are written, its sandbox as systemd judges it.

use crate::options;
use crate::run::Run;
use crate::wait_until_ready;
use bessemer_signer::Client;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const UNIT: &str = include_str!("../../../../deploy/systemd/bessemer-signer.service");
const SOCKET: &str = include_str!("../../../../deploy/systemd/bessemer-signer.socket");
const FACTORY: &str = include_str!("../../../../deploy/systemd/factory.conf");
const PROGRAM: &str = "/usr/bin/bessemer-signer";
/// Where systemd is not installed, nobody can ask it.
const ANALYZE: &str = "/usr/bin/systemd-analyze";

/// What systemd makes of a unit: state directory, credential and socket, and its command lines.
struct Service {
    directory: TempDir,
}

impl Service {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), "a password\n").unwrap();
        Self { directory }
    }

    /// The command line that `unit` has under `key`, with what systemd puts in.
    fn line(&self, unit: &str, key: &str) -> Command {
        let here = self.directory.path().to_str().unwrap();
        let mut lines = unit.lines().filter_map(|line| line.strip_prefix(key));
        let line = lines.rfind(|line| !line.is_empty()).unwrap();
        let line = line.replace("%S", here).replace("%d", here);
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some(PROGRAM));
        let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer-signer"));
        command.env_clear().args(words).stdin(Stdio::null());
        command
    }

    /// Runs the line that serves on a socket at standard input; `change` may alter it before.
    fn serve(&self, change: impl Fn(&str) -> String) -> (Child, Client) {
        let path = self.directory.path().join("socket");
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let mut child = self
            .line(&change(UNIT), "ExecStart=")
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        wait_until_ready(&mut child);
        (child, Client::connect(&path).unwrap())
    }
}

#[test]
fn the_units_lines_make_keys_and_answer_one_uid() {
    let service = Service::new();
    let init = service.line(UNIT, "ExecStartPre=").status().unwrap();
    assert!(init.success());
    let own = options(service.directory.path()).allow_uid;
    let (mut child, mut client) = service.serve(str::to_owned);
    let error = client.describe().unwrap_err().to_string();
    assert!(error.contains(&format!("uid {own} may not use")), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    // The control run: this test's uid in the place of the documented one.
    let answered = |unit: &str| unit.replace("--allow-uid 61700", &format!("--allow-uid {own}"));
    let (mut child, mut client) = service.serve(answered);
    Run::ready(&mut client).finish(&mut client).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // The password opens the keys for a rotation as it does for the service.
    let rotate = UNIT.replace(" init ", " rotate ");
    let mut rotate = service.line(&rotate, "ExecStartPre=");
    assert!(rotate.arg("provenance").status().unwrap().success());
}

#[test]
fn the_factorys_line_makes_its_keys_once_and_no_others() {
    let service = Service::new();
    for _ in 0..2 {
        let init = service.line(FACTORY, "ExecStartPre=").status().unwrap();
        assert!(init.success());
    }
    let other = FACTORY.replace("--builder microvm", "--builder microvm-emulated");
    let init = service.line(&other, "ExecStartPre=").output().unwrap();
    assert!(!init.status.success());
    let state = service.directory.path().join("bessemer-signer");
    let root = std::fs::read_to_string(state.join("trust-root.json")).unwrap();
    assert!(root.contains("https://factory.example.org/builders/microvm/v1"));
}

#[test]
fn systemd_finds_no_mistake_and_a_narrow_sandbox() {
    if !Path::new(ANALYZE).exists() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let unit = directory.path().join("bessemer-signer.service");
    // It looks whether the program is there.
    let built = env!("CARGO_BIN_EXE_bessemer-signer");
    std::fs::write(&unit, UNIT.replace(PROGRAM, built)).unwrap();
    std::fs::write(directory.path().join("bessemer-signer.socket"), SOCKET).unwrap();
    let analyze = |words: &[&str]| {
        let mut command = Command::new(ANALYZE);
        command.args(words).arg(&unit).output().unwrap()
    };
    let verified = analyze(&["verify", "--man=no", "--recursive-errors=no"]);
    assert!(verified.status.success(), "{verified:?}");
    let security = ["security", "--offline=true", "--no-pager"];
    let narrow = analyze(&[&security[..], &["--threshold=5"]].concat());
    assert!(narrow.status.success(), "{narrow:?}");
    // The control run: a unit without a sandbox.
    std::fs::write(&unit, "[Service]\nExecStart=/bin/true\n").unwrap();
    let wide = analyze(&[&security[..], &["--threshold=5"]].concat());
    assert!(!wide.status.success(), "{wide:?}");
}
