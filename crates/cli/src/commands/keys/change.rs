//! `bessemer keys rotate` and `keys revoke`: the operator's own acts. The signer's program does them
//! on the state directory, under the signer's uid; the control side cannot ask for them.

use crate::places::Places;
use crate::print;
use crate::programs::companion;
use crate::uids;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer keys rotate provenance")]
pub(crate) struct RotateArguments {
    /// The role: provenance, test, sbom, gate, import, apk or import-apk
    role: String,
    /// The new key is on a token: a `pkcs11:` URI (RFC 7512) [default: a key file is made]
    #[arg(long, value_name = "URI")]
    key: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer keys revoke c751e4a3a520b883\n  bessemer keys revoke c751e4a3a520b883 --at 4711\n  bessemer keys revoke c751e4a3a520b883 --since-checkpoint yesterday"
)]
pub(crate) struct RevokeArguments {
    /// The key's id, or its first 8 digits and more
    key: String,
    /// The index in the log from which on its signatures do not count [default: the next one]
    #[arg(long, value_name = "INDEX")]
    at: Option<u64>,
    /// A checkpoint of the log: what it does not cover does not count
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    since_checkpoint: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Gives a role a new key.
pub(crate) fn rotate(arguments: &RotateArguments) -> Result<ExitCode> {
    let mut words: Vec<OsString> = vec![(&arguments.role).into()];
    if let Some(key) = &arguments.key {
        words.extend(["--key".into(), key.into()]);
    }
    changed("rotate", &words, arguments.json)
}

/// Ends the time in which a key's signatures count.
pub(crate) fn revoke(arguments: &RevokeArguments) -> Result<ExitCode> {
    let mut words: Vec<OsString> = vec![(&arguments.key).into()];
    if let Some(at) = arguments.at {
        words.extend(["--at".into(), at.to_string().into()]);
    }
    if let Some(path) = &arguments.since_checkpoint {
        words.extend(["--since-checkpoint".into(), path.into()]);
    }
    changed("revoke", &words, arguments.json)
}

fn changed(verb: &str, words: &[OsString], json: bool) -> Result<ExitCode> {
    let root = rustix::process::geteuid().is_root();
    let mut command = Command::new(companion("bessemer-signer")?);
    command
        .arg(verb)
        .arg("--state")
        .arg(Places::of(root)?.signer_state)
        .args(words);
    if root {
        command.uid(uids::SIGNER).gid(uids::SIGNER);
    }
    let output = command.output().context("cannot start the signer")?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("no key was changed: {}", print::plain_line(text.trim()));
    }
    let change: Value = serde_json::from_slice(&output.stdout)?;
    if json {
        print::json(&change)?;
    } else {
        let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
        print::line(format_args!("role:  {}", text("role")))?;
        let until = &change["until"];
        print::line(format_args!(
            "old:   {}, counts before {until}",
            text("old")
        ))?;
        print::line(format_args!("new:   {}", text("new")))?;
        print::line(format_args!("root:  {}", text("trust_root")))?;
        print::note("give the new trust root to everybody who verifies: bessemer keys export");
        print::note("a signer service that runs holds the old key: start it again");
    }
    Ok(ExitCode::SUCCESS)
}
