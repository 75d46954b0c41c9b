//! Where things are, and running other programs.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of this repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where results and caches of xtask live, beside Bessemer's own: in the user's cache directory, or
/// the system's for root, whose home other uids cannot enter while Bessemer does its work under an
/// ordinary uid. Bessemer's own cache belongs to that uid: nothing that root starts may lie in it.
pub(crate) fn cache() -> Result<PathBuf> {
    Ok(caches()?.join("bessemer-xtask"))
}

/// Bessemer's own cache.
pub(crate) fn bessemer_cache() -> Result<PathBuf> {
    Ok(caches()?.join("bessemer"))
}

/// The state of this user's signer.
pub(crate) fn signer_state() -> Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/bessemer/signer"));
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    if let Some(data) = data.filter(|path| path.is_absolute()) {
        return Ok(data.join("bessemer/signer"));
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".local/share/bessemer/signer"))
}

fn caches() -> Result<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/cache"));
    }
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(cache));
    }
    let home =
        std::env::var_os("HOME").context("HOME is not set, so there is no cache directory")?;
    Ok(PathBuf::from(home).join(".cache"))
}

/// Runs a command to its end; an exit status other than 0 is an error that shows the command.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", shown(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed no UTF-8", shown(command)))
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    format!("`{}`", words.join(" "))
}
