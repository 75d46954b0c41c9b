//! Installing what is missing, through apt.

use crate::workspace::check;
use anyhow::{Context, Result};
use std::process::{Command, Stdio};

/// What demo and test need beside a Rust toolchain, each with the program that shows it is there.
const PACKAGES: &[(&str, &str)] = &[
    ("qemu-system-x86", "/usr/bin/qemu-system-x86_64"),
    ("e2fsprogs", "/sbin/mke2fs"),
    ("erofs-utils", "/usr/bin/fsck.erofs"),
    ("gcc", "/usr/bin/gcc"),
    ("xz-utils", "/usr/bin/xz"),
    ("openssl", "/usr/bin/openssl"),
    ("git", "/usr/bin/git"),
    ("make", "/usr/bin/make"),
    ("softhsm2", "/usr/bin/softhsm2-util"),
    ("opensc", "/usr/bin/pkcs11-tool"),
    // With what everybody's documentation reads attestations.
    ("jq", "jq"),
    // What the proxy is tried with, wherever it is.
    ("curl", "curl"),
    ("default-jre-headless", "keytool"),
    ("golang-go", "go"),
    ("npm", "npm"),
    ("python3", "python3"),
    ("python3-pip", "pip"),
];

/// What the tests need on top: another reader of images.
const TESTING: &[(&str, &str)] = &[("skopeo", "skopeo")];

/// What libFuzzer needs on top.
const FUZZING: &[(&str, &str)] = &[("g++", "/usr/bin/g++")];

/// Installs the packages that are missing; says which, and asks nothing.
pub(crate) fn run() -> Result<()> {
    install(PACKAGES)
}

/// As [`run`], for the tests.
pub(crate) fn testing() -> Result<()> {
    run()?;
    install(TESTING)
}

/// As [`run`], for fuzzing.
pub(crate) fn fuzzing() -> Result<()> {
    install(FUZZING)
}

/// Whether a program is at its path, or anywhere on PATH where it has none.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Joining an absolute path gives that path.
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

fn install(packages: &[(&'static str, &str)]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(_, program)| !is_there(program))
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing through apt: {}", missing.join(" "));
    apt(&["update", "-qq"])?;
    let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
    words.extend(missing);
    apt(&words)
}

/// Makes sure that apt has lists to look packages up in; a fresh container has none.
pub(crate) fn lists() -> Result<()> {
    let known = Command::new("apt-cache")
        .args(["show", "linux-image-cloud-amd64"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .context("cannot start apt-cache; the demo needs a Debian machine")?;
    if known.success() {
        return Ok(());
    }
    println!("reading apt's package lists");
    apt(&["update", "-qq"])
}

fn apt(words: &[&str]) -> Result<()> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(words)
        .stdout(Stdio::null());
    check(&mut command).context("apt could not install what is missing")
}
