//! The running signer is confined, and can be served on a socket that a service manager listens on.

use crate::run::Run;
use crate::wait_until_ready;
use crate::{Fixture, options};
use bessemer_signer::Client;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

/// A field of `/proc/PID/status`, of every thread.
fn status(pid: u32, field: &str) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let line = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        line.unwrap().trim_start_matches(':').trim().to_owned()
    };
    tasks.map(|task| line(task.unwrap())).collect()
}

#[test]
fn every_thread_of_the_running_signer_is_confined() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    client.describe().unwrap();
    let pid = fixture.process.id();
    for (field, value) in [("Seccomp", "2"), ("NoNewPrivs", "1")] {
        let found = status(pid, field);
        assert!(found.len() >= 2, "{found:?}");
        assert!(found.iter().all(|one| one == value), "{field}: {found:?}");
        // The control run: this very test is not.
        assert_ne!(status(std::process::id(), field)[0], value, "{field}");
    }
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core"))
        .unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    // Confined as it is, it does its work.
    Run::ready(&mut client).finish(&mut client).unwrap();
}

#[test]
fn serves_a_socket_that_it_was_handed() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    let password = directory.path().join("password");
    std::fs::write(&password, format!("{}\n", options.password)).unwrap();
    let tool = |verb: &str| {
        let mut command = Command::new(&options.binary);
        command
            .env_clear()
            .arg(verb)
            .arg("--state")
            .arg(&options.state);
        command.arg("--password-file").arg(&password);
        command
    };
    assert!(tool("init").status().unwrap().success());
    let listener = UnixListener::bind(&options.socket).unwrap();
    let mut child = tool("serve")
        .args(["--socket-on-stdin", "--require-confinement", "--allow-uid"])
        .arg(options.allow_uid.to_string())
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_ready(&mut child);
    let mut client = Client::connect(&options.socket).unwrap();
    Run::ready(&mut client).finish(&mut client).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(options.socket.exists(), "whoever bound it removes it");
    let refused = tool("serve")
        .args(["--socket-on-stdin", "--allow-uid", "0"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!refused.status.success());
}
