//! RSA key files that a person names. Only the signer's program opens them: this one starts it and
//! takes the signature.

use crate::print::Hint;
use crate::programs::companion;
use anyhow::{Context, Result, anyhow, bail};
use bessemer_apk::signature_member;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Makes a key pair: `path` and `<path>.pub`.
pub(crate) fn make(path: &Path, bits: u32) -> Result<()> {
    let output = Command::new(companion("bessemer-signer")?)
        .arg("keygen")
        .arg("--key-size")
        .arg(bits.to_string())
        .arg("--")
        .arg(path)
        .output()
        .context("cannot start the signer")?;
    said(output).map(drop)
}

/// The signature member over `message`, as apk wants it in front: `.SIGN.RSA256.<file name>.pub`.
pub(crate) fn signature(key: &Path, message: &[u8], mtime: u64) -> Result<Vec<u8>> {
    let found = std::fs::metadata(key);
    if found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        let shown = key.display();
        return Err(anyhow!("there is no key {shown}").context(Hint(format!(
            "name one with --signing-key, or make it: bessemer keygen {shown}"
        ))));
    }
    let signature = rsa_sign(key, message)
        .with_context(|| format!("cannot sign with the key {}", key.display()))?;
    Ok(signature_member(&member_name(key), &signature, mtime))
}

/// The name of the member that a key's signatures are in.
pub(crate) fn member_name(key: &Path) -> String {
    let name = key.file_name().unwrap_or_default().to_string_lossy();
    format!(".SIGN.RSA256.{name}.pub")
}

fn rsa_sign(key: &Path, message: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new(companion("bessemer-signer")?)
        .arg("rsa-sign")
        .arg("--key")
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the signer")?;
    // A signer that cannot use the key ends before it has read the message, and says why itself.
    let written = child
        .stdin
        .take()
        .map_or(Ok(()), |mut stdin| stdin.write_all(message));
    let signature = said(child.wait_with_output()?)?;
    written.context("the signer did not take what is to be signed")?;
    Ok(signature)
}

/// What the program printed, or what it complained of.
fn said(output: Output) -> Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    match text.trim() {
        "" => bail!("the signer ended with {}", output.status),
        text => bail!("{text}"),
    }
}
