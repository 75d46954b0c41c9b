//! `bessemer sign` and `bessemer sign-index`.

use crate::programs::companion;
use crate::signing::write_whole;
use anyhow::{Context, Result, bail};
use bessemer_apk::package::Reader;
use bessemer_apk::{Limits, read_index, signature_member};
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer sign --signing-key local.rsa packages/x86_64/*.apk")]
pub(crate) struct Arguments {
    /// The packages
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    /// The private key
    #[arg(short = 'k', long, default_value = "local-melange.rsa")]
    signing_key: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer sign-index --signing-key local.rsa packages/x86_64/APKINDEX.tar.gz"
)]
pub(crate) struct IndexArguments {
    /// The index
    index: PathBuf,
    /// The private key
    #[arg(long, default_value = "melange.rsa")]
    signing_key: PathBuf,
    /// Replace a signature that is there
    #[arg(short, long)]
    force: bool,
}

/// Replaces the signature of each package.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    for package in &arguments.packages {
        let bytes = fs_err::read(package)?;
        let reader = Reader::open(BufReader::new(File::open(package)?), Limits::default())
            .with_context(|| format!("{} is no package", package.display()))?;
        let header = reader.header();
        let rest = &bytes[header.signature_member.len()..];
        let mtime = header.control.pkginfo.build_date.unwrap_or(0);
        let member = member(&arguments.signing_key, &header.control.bytes, mtime)?;
        write_whole(package, &[member.as_slice(), rest].concat())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a signature in front of an index; one that is signed is left alone without `--force`.
pub(crate) fn index(arguments: &IndexArguments) -> Result<ExitCode> {
    let bytes = fs_err::read(&arguments.index)?;
    let archive = read_index(&bytes, Limits::default())
        .with_context(|| format!("{} is no index", arguments.index.display()))?;
    if !archive.signatures.is_empty() && !arguments.force {
        return Ok(ExitCode::SUCCESS);
    }
    let unsigned = &bytes[archive.unsigned];
    let member = member(&arguments.signing_key, unsigned, 0)?;
    write_whole(&arguments.index, &[member.as_slice(), unsigned].concat())?;
    Ok(ExitCode::SUCCESS)
}

/// The signature member over `message`, made by the signer's program with the key at `key`.
pub(crate) fn member(key: &Path, message: &[u8], mtime: u64) -> Result<Vec<u8>> {
    let mut child = Command::new(companion("bessemer-signer")?)
        .arg("rsa-sign")
        .arg("--key")
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the signer")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(message)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("cannot sign with {}", key.display());
    }
    let name = key
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(signature_member(
        &format!(".SIGN.RSA256.{name}.pub"),
        &output.stdout,
        mtime,
    ))
}
