//! `cargo xtask test`: everything, those tests included that need a guest.

use crate::workspace::{cache, cargo, check, root};
use crate::{binaries, setup};
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tests that are not run, one a line: the name, a colon, the reason.
const SKIPPED: &str = "xtask/skipped-tests.txt";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out the tests that boot a guest
    #[arg(long)]
    without_guests: bool,
}

#[derive(Debug, Default)]
struct Counts {
    passed: u64,
    failed: u64,
}

/// Runs all tests and ends with one line that counts them.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut counts = Counts::default();
    let skipped = skipped()?;
    setup::run()?;
    setup::lists()?;
    run_tests(&["--workspace"], &[], &[], &mut counts)?;
    if !arguments.without_guests {
        let environment = prepare()?;
        let mut words = vec!["--ignored", "--test-threads=1"];
        for name in &skipped {
            words.extend(["--skip", name]);
        }
        run_tests(
            &["--workspace", "--lib", "--bins", "--tests"],
            &words,
            &environment,
            &mut counts,
        )?;
    }
    println!(
        "{} passed, {} failed, {} skipped",
        counts.passed,
        counts.failed,
        skipped.len()
    );
    if counts.failed > 0 {
        bail!("{} tests failed", counts.failed);
    }
    Ok(())
}

fn skipped() -> Result<Vec<String>> {
    let text = fs_err::read_to_string(root().join(SKIPPED))?;
    let mut names = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (name, reason) = line
            .split_once(':')
            .context("a skipped test needs a reason")?;
        if reason.trim().is_empty() {
            bail!("{SKIPPED}: {name} has no reason");
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// Builds the programs and the small repository that guest tests boot from.
fn prepare() -> Result<Vec<(String, String)>> {
    let cache = cache()?.join("test");
    let bin = cache.join("bin");
    binaries::build(&bin, false)?;
    let repository = cache.join("repository");
    println!(
        "guest tests: programs in {}, repository in {}",
        bin.display(),
        repository.display()
    );
    check(
        Command::new(bin.join("bessemer"))
            .arg("bootstrap")
            .arg("debian")
            .arg("--out")
            .arg(&repository),
    )?;
    let keys = cache.join("keys");
    check(bessemer(&bin).args(["keys", "export", "--out"]).arg(&keys))?;
    let key = import_key(&keys)?;
    let boot = cache.join("boot");
    check(
        Command::new(bin.join("bessemer"))
            .args(["kernel", "unpack", "--out"])
            .arg(&boot)
            .arg("--repository-append")
            .arg(&repository)
            .arg("--keyring-append")
            .arg(&key),
    )?;
    let text = |path: &Path| path.display().to_string();
    Ok(vec![
        ("BESSEMER_TEST_BIN".into(), text(&bin)),
        ("BESSEMER_TEST_REPOSITORY".into(), text(&repository)),
        ("BESSEMER_TEST_KEY".into(), text(&key)),
        ("BESSEMER_TEST_BOOT".into(), text(&boot)),
        (
            "BESSEMER_TEST_AGENT".into(),
            text(&bin.join("bessemer-agent")),
        ),
        (
            "BESSEMER_TEST_JAILER".into(),
            text(&bin.join("bessemer-jailer")),
        ),
    ])
}

fn bessemer(bin: &Path) -> Command {
    Command::new(bin.join("bessemer"))
}

/// The key that signs the bootstrap's index, among the exported ones.
fn import_key(keys: &Path) -> Result<PathBuf> {
    for entry in fs_err::read_dir(keys)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("import-") {
            return Ok(entry.path());
        }
    }
    bail!("no import key in {}", keys.display())
}

/// Runs `cargo test`, shows what it prints, and adds up the result lines.
fn run_tests(
    selection: &[&str],
    words: &[&str],
    environment: &[(String, String)],
    counts: &mut Counts,
) -> Result<()> {
    let mut child = cargo()
        .args(["test", "--quiet", "--no-fail-fast"])
        .args(selection)
        .arg("--")
        .args(words)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo's output is not piped")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        if let Some(result) = line.strip_prefix("test result: ") {
            counts.passed += number_before(result, " passed");
            counts.failed += number_before(result, " failed");
        }
    }
    if !child.wait()?.success() && counts.failed == 0 {
        bail!("cargo test did not get to run every test");
    }
    Ok(())
}

fn number_before(text: &str, word: &str) -> u64 {
    text.split(word)
        .next()
        .and_then(|before| before.rsplit([' ', '.']).find(|part| !part.is_empty()))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
