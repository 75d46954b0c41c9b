//! The signer's program at work on its state directory, for the operator.

use crate::places::Places;
use crate::print::{self, Hint};
use crate::programs::companion;
use crate::uids;
use anyhow::{Context as _, Result, anyhow, bail};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// Has the signer's program work on its state directory, under its uid; returns what it printed.
pub(super) fn signers_tool(verb: &str, words: &[&str], input: Stdio) -> Result<Vec<u8>> {
    let root = rustix::process::geteuid().is_root();
    let places = Places::of(root)?;
    if places.signer_service.is_some() {
        let hint = format!("under the service's uid: bessemer-signer {verb} --state DIRECTORY …");
        return Err(anyhow!(
            "BESSEMER_SIGNER names a signer that is a service, with a state directory of its own"
        )
        .context(Hint(hint)));
    }
    let mut command = Command::new(companion("bessemer-signer")?);
    command.arg(verb).arg("--state");
    command.arg(places.signer_state).args(words);
    if root {
        command.uid(uids::SIGNER).gid(uids::SIGNER);
    }
    let output = command
        .stdin(input)
        .output()
        .context("cannot start the signer")?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    bail!("{}", print::plain_line(text.trim()))
}
