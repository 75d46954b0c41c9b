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
    // What the proxy is tried with, wherever it is.
    ("curl", "curl"),
    ("default-jre-headless", "keytool"),
    ("golang-go", "go"),
    ("npm", "npm"),
    ("python3", "python3"),
    ("python3-pip", "pip"),
];

/// What the tests run on top, each with a program of it, wherever that is: clients of the proxy, and
/// what reads images.
const CLIENTS: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("python3-pip", "pip3"),
    ("npm", "npm"),
    ("golang-go", "go"),
    ("openjdk-17-jre-headless", "keytool"),
    ("skopeo", "skopeo"),
    ("jq", "jq"),
];

/// What libFuzzer needs on top.
const FUZZING: &[(&str, &str)] = &[("g++", "/usr/bin/g++")];

/// Installs the packages that are missing; says which, and asks nothing.
pub(crate) fn run() -> Result<()> {
    install(PACKAGES)
}

/// As [`run`], for the tests.
pub(crate) fn testing() -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    let missing = CLIENTS.iter().filter(|(_, program)| !is_there(program));
    let missing: Vec<(&str, &str)> = missing.map(|(package, _)| (*package, "")).collect();
    run()?;
    install(&missing)
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
