//! `cargo xtask test`: everything, those tests included that need a guest.

use crate::ground::Ground;
use crate::images;
use crate::kernel::Kernel;
use crate::release;
use crate::setup;
use crate::workspace::{cargo, root};
use anyhow::{Context, Result, bail};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

/// Tests that are not run, one a line: the name, a colon, the reason.
const SKIPPED: &str = "xtask/skipped-tests.txt";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out the tests that boot a guest
    #[arg(long)]
    without_guests: bool,
    /// Run only the tests against registries, which boot no guest
    #[arg(long, conflicts_with_all = ["without_guests", "only"])]
    images: bool,
    /// Run only those tests that boot a guest and have this in their names
    #[arg(conflicts_with = "without_guests")]
    only: Option<String>,
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
    setup::testing()?;
    setup::lists()?;
    if arguments.images {
        let environment = images::prepare()?;
        let words = ["--ignored", "--test-threads=1"];
        let selection = ["--package=bessemer-registry", "--tests"];
        run_tests(&selection, &words, &environment, &mut counts)?;
        return finish(&counts, 0);
    }
    if arguments.only.is_none() {
        run_tests(&["--workspace"], &[], &[], &mut counts)?;
    }
    if !arguments.without_guests {
        let ground = Ground::prepare(false)?;
        let mut environment = ground.environment();
        environment.extend(Kernel::prepare(&ground.program("bessemer"))?.environment());
        let agent = release::Built::agent(&ground.program("bessemer"))?;
        environment.extend(agent.environment());
        environment.extend(images::prepare()?);
        let mut words = vec!["--ignored", "--test-threads=1"];
        words.extend(arguments.only.as_deref());
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
    finish(&counts, skipped.len())
}

/// Ends with one line that counts the tests.
fn finish(counts: &Counts, skipped: usize) -> Result<()> {
    println!(
        "{} passed, {} failed, {skipped} skipped",
        counts.passed, counts.failed
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

/// How many tests passed, by the result lines of `cargo test`.
pub(crate) fn passed(printed: &str) -> u64 {
    let results = printed
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "));
    results.map(|result| number_before(result, " passed")).sum()
}

fn number_before(text: &str, word: &str) -> u64 {
    text.split(word)
        .next()
        .and_then(|before| before.rsplit([' ', '.']).find(|part| !part.is_empty()))
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
