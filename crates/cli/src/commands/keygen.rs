//! `bessemer keygen`.

use crate::melange_flags::PlainFlags;
use crate::{print, signing_key};
use anyhow::{Result, bail};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer keygen local.rsa\n  bessemer keygen --key-size 2048 local.rsa --json"
)]
pub(crate) struct Arguments {
    /// File of the private key (PKCS#1, mode 0600); the public key goes to the same name with
    /// `.pub`. Neither may be there already
    #[arg(default_value = "melange.rsa")]
    name: PathBuf,
    /// Size of the key in bits: 2048, 3072 or 4096
    #[arg(long, default_value_t = 4096, value_parser = key_size)]
    key_size: u32,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn key_size(text: &str) -> Result<u32, String> {
    match text {
        "2048" => Ok(2048),
        "3072" => Ok(3072),
        "4096" => Ok(4096),
        _ => Err("it is none of 2048, 3072, 4096".to_owned()),
    }
}

/// Has the signer's program make the pair: no other program handles private keys.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = arguments.name.parent();
    if let Some(folder) = folder.filter(|folder| !folder.as_os_str().is_empty())
        && !folder.exists()
    {
        bail!("there is no folder {}; no key was made", folder.display());
    }
    signing_key::make(&arguments.name, arguments.key_size)?;
    let private = arguments.name.display().to_string();
    let public = format!("{private}.pub");
    if arguments.json {
        print::json(&json!({
            "private_key": private,
            "public_key": public,
            "bits": arguments.key_size,
        }))?;
    } else {
        print::line(format_args!("private key: {private}"))?;
        print::line(format_args!("public key:  {public}"))?;
    }
    if arguments.name.extension().is_none_or(|end| end != "rsa") {
        print::note("apk only finds keys whose files are named `….rsa.pub`");
    }
    Ok(ExitCode::SUCCESS)
}
