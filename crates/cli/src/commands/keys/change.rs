//! `bessemer keys rotate`, `keys revoke` and `keys trust`: the operator's own acts. The signer's program
//! does them on the state directory, under the signer's uid; the control side cannot ask for them.

use super::tool::signers_tool;
use crate::print;
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer keys rotate provenance")]
pub(crate) struct RotateArguments {
    /// The role: provenance, test, sbom, gate, import, image, apk or import-apk
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

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer keys trust bessemer-release/trust-root.json\n  bessemer keys trust --rebuild --independent their-keys/trust-root.json\n\nA factory boots nothing that nobody vouches for. What it builds later itself needs no such word."
)]
pub(crate) struct TrustArguments {
    /// The trust root of whoever built the kernel or the agent
    root: PathBuf,
    /// Let nothing of it boot, but believe what it attests of packages that are built again here: the
    /// signer signs that they were reproduced
    #[arg(long)]
    rebuild: bool,
    /// Say that somebody else operates that factory: what is reproduced here was so independently
    /// (`SLSA_BUILD_REPRODUCED`)
    #[arg(long, requires = "rebuild")]
    independent: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Gives a role a new key.
pub(super) fn rotate(arguments: &RotateArguments) -> Result<ExitCode> {
    let mut words = vec![arguments.role.as_str()];
    if let Some(key) = &arguments.key {
        words.extend(["--key", key]);
    }
    changed("rotate", &words, arguments.json)
}

/// Ends the time in which a key's signatures count.
pub(super) fn revoke(arguments: &RevokeArguments) -> Result<ExitCode> {
    let mut words = vec![arguments.key.as_str()];
    let at = arguments.at.map(|at| at.to_string());
    if let Some(at) = &at {
        words.extend(["--at", at]);
    }
    if let Some(path) = &arguments.since_checkpoint {
        let path = path
            .to_str()
            .context("the checkpoint's path is not UTF-8")?;
        words.extend(["--since-checkpoint", path]);
    }
    changed("revoke", &words, arguments.json)
}

/// Lets another factory's kernels and agents boot.
pub(super) fn trust(arguments: &TrustArguments) -> Result<ExitCode> {
    // Opened here: the signer's uid may not even see it.
    let path = &arguments.root;
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let (words, said) = match (arguments.rebuild, arguments.independent) {
        (false, _) => (&["-"][..], "trusted for what boots:  "),
        (true, false) => (&["--rebuild", "-"][..], "trusted for rebuilds:  "),
        (true, true) => (
            &["--rebuild", "--independent", "-"][..],
            "trusted for rebuilds, and operated by somebody else:  ",
        ),
    };
    let printed = signers_tool("trust", words, file.into()).context("nothing was changed")?;
    let digest = String::from_utf8_lossy(&printed).trim().to_owned();
    if arguments.json {
        print::json(&json!({"trust_root": digest}))?;
    } else {
        print::line(format_args!("{said}{digest}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn changed(verb: &str, words: &[&str], json: bool) -> Result<ExitCode> {
    let printed = signers_tool(verb, words, Stdio::null()).context("no key was changed")?;
    let change: Value = serde_json::from_slice(&printed)?;
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
