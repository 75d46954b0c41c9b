//! `bessemer keygen`.

use crate::programs::companion;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer keygen local.rsa")]
pub(crate) struct Arguments {
    /// File of the private key; the public key goes to the same name with `.pub`
    #[arg(default_value = "melange.rsa")]
    name: PathBuf,
    /// Size of the key in bits, at least 2048
    #[arg(long, default_value_t = 4096)]
    key_size: u32,
}

/// Has the signer's program make the pair: no other program handles private keys.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let status = Command::new(companion("bessemer-signer")?)
        .arg("keygen")
        .arg("--key-size")
        .arg(arguments.key_size.to_string())
        .arg(&arguments.name)
        .status()
        .context("cannot start the signer")?;
    Ok(ExitCode::from(u8::from(!status.success())))
}
