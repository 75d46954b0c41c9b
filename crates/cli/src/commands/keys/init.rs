//! `bessemer keys init`: the operator's word that this host was provisioned. The signer's program
//! makes the keys, under the signer's uid; the control side cannot ask for it.

use super::tool::signers_tool;
use crate::places::Places;
use crate::print::{self, Hint};
use crate::privilege::directories;
use crate::uids;
use anyhow::{Context as _, Result, anyhow};
use bessemer_attest::BuilderKind;
use rustix::fs::Mode;
use serde_json::json;
use std::process::{ExitCode, Stdio};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer keys init --base https://factory.example.org --builder microvm\n\nRun it as root; `bessemer doctor` says what the host can give. From then on builds of this host assert <base>/builders/<builder>/v1 or nothing: guests run in the whole jail `host`, on what the builder id names, and recipes come from commits (git+ADDRESS@REVISION#PATH)."
)]
pub(crate) struct InitArguments {
    /// The factory's URL, without a slash at its end; builder ids stand under it
    #[arg(long, value_name = "URL")]
    base: String,
    /// What the keys speak for: guests with hardware virtualisation, which can claim Build L3, or
    /// emulated ones, which claim L2
    #[arg(long, value_name = "microvm|microvm-emulated", value_parser = BuilderKind::provisioned)]
    builder: BuilderKind,
    /// The key of a role is on a token, `ROLE=URI` with a `pkcs11:` URI (RFC 7512); may be given once for
    /// each role [default: key files are made]
    #[arg(long, value_name = "ROLE=URI")]
    key: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Makes the keys; it is no mistake if they are there and for this builder.
pub(crate) fn init(arguments: &InitArguments) -> Result<ExitCode> {
    if !rustix::process::geteuid().is_root() {
        let hint =
            "start it as root; without root the signer, the control side and QEMU share a uid";
        return Err(anyhow!("only root can give the signer a uid of its own")
            .context(Hint(hint.to_owned()))
            .context("this host cannot be provisioned"));
    }
    let state = Places::of(true)?.signer_state;
    directories::private(&state, uids::SIGNER, Mode::RWXU)
        .with_context(|| format!("cannot prepare {}", state.display()))?;
    let mut words = vec![
        "--base",
        &arguments.base,
        "--builder",
        arguments.builder.name(),
    ];
    words.extend(arguments.key.iter().flat_map(|key| ["--key", key]));
    signers_tool("init", &words, Stdio::null()).context("no keys were made")?;
    let id = arguments.builder.id(&arguments.base);
    let level = arguments.builder.highest_level();
    if arguments.json {
        print::json(&json!({"builder_id": id, "level": level, "state": state}))?;
    } else {
        print::line(format_args!("builder:  {id}"))?;
        print::line(format_args!("claims:   SLSA Build L{level}"))?;
        print::line(format_args!("state:    {}", state.display()))?;
        print::note("give the trust root to everybody who verifies: bessemer keys export");
    }
    Ok(ExitCode::SUCCESS)
}
