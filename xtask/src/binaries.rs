//! Building the programs, each once, into one directory.

use crate::workspace::{cargo, check, root};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The target whose binaries need no other file: glibc is linked statically with `crt-static`.
const GUEST_TARGET: &str = "x86_64-unknown-linux-gnu";
const PROGRAMS: &[&str] = &[
    "bessemer",
    "bessemer-jailer",
    "bessemer-proxy",
    "bessemer-signer",
];

/// Where the target directory is.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds every program and puts copies into `directory`, the static agent with them.
///
/// `release` takes the optimised profile; tests share the profile of the test binaries instead,
/// so that nothing is compiled twice.
pub(crate) fn build(directory: &Path, release: bool) -> Result<()> {
    let profile = if release { "release" } else { "dev" };
    check(cargo().args([
        "build",
        "--quiet",
        "--profile",
        profile,
        "-p",
        "bessemer-cli",
        "-p",
        "bessemer-jailer",
        "-p",
        "bessemer-proxy",
        "-p",
        "bessemer-signer",
        "--bins",
    ]))?;
    let flags = format!("target.{GUEST_TARGET}.rustflags=[\"-C\",\"target-feature=+crt-static\"]");
    check(cargo().args([
        "build",
        "--quiet",
        "--profile",
        profile,
        "-p",
        "bessemer-guest-agent",
        "--target",
        GUEST_TARGET,
        "--config",
        &flags,
    ]))?;
    let folder = if release { "release" } else { "debug" };
    fs_err::create_dir_all(directory)?;
    for program in PROGRAMS {
        install(
            &target().join(folder).join(program),
            &directory.join(program),
        )?;
    }
    let agent = target()
        .join(GUEST_TARGET)
        .join(folder)
        .join("bessemer-agent");
    install(&agent, &directory.join("bessemer-agent"))
}

/// Copies beside the destination and renames, since a program that runs cannot be overwritten.
fn install(from: &Path, to: &Path) -> Result<()> {
    let beside = to.with_extension("new");
    fs_err::copy(from, &beside).with_context(|| format!("no program at {}", from.display()))?;
    fs_err::rename(&beside, to)?;
    Ok(())
}
