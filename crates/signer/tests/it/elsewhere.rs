//! A signer in a pid namespace of its own, as in a container: the peers' process ids are none there.

use crate::options;
use crate::run::Run;
use crate::wait_until_ready;
use bessemer_signer::{Client, SignerProcess};
use std::process::{Command, Stdio};

#[test]
fn answers_a_peer_whose_process_it_cannot_see() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(directory.path());
    // Makes the keys.
    drop(SignerProcess::spawn(&options).unwrap());
    let mut child = Command::new("unshare")
        .args([
            "--user",
            "--map-current-user",
            "--pid",
            "--fork",
            "--kill-child",
        ])
        .arg(&options.binary)
        .args(["serve", "--state"])
        .arg(&options.state)
        .arg("--socket")
        .arg(&options.socket)
        .arg("--allow-uid")
        .arg(options.allow_uid.to_string())
        .env("COSIGN_PASSWORD", &options.password)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_ready(&mut child);
    let mut client = Client::connect(&options.socket).unwrap();
    Run::ready(&mut client).finish(&mut client).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}
