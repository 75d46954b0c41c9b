//! The interrupt tests of the command line, and the one that kills the processes of a build, over and over
//! with other seeds.

use super::Span;
use super::report::Report;
use crate::ground::Ground;
use crate::setup;
use crate::workspace::cargo;
use anyhow::{Result, bail};
use std::process::Stdio;

/// What is struck, and how often in one pass.
pub(super) struct Strikes {
    /// Tests of the command line.
    filter: &'static str,
    rounds: u64,
    /// What a report says of it.
    what: &'static str,
}

/// The processes of a build.
pub(super) const PROCESSES: Strikes = Strikes {
    filter: "killed::",
    rounds: 50,
    what: "builds, in each of which one of signer, jailer, proxy, QEMU or worker was killed, each of these 50 times",
};

/// Commands as a whole. The tests take SIGINT, SIGTERM and SIGKILL by turns.
pub(super) const COMMANDS: Strikes = Strikes {
    filter: "interrupts::",
    rounds: 150,
    what: "builds, publications and bootstraps, each struck 150 times at seeded moments of its usual time, by SIGINT, SIGTERM and SIGKILL of `bessemer` in turn; some had ended by then",
};

/// Lines kept of a run that failed.
const LINES: usize = 40;

/// Runs the tests until the time is over.
pub(super) fn run(strikes: &Strikes, span: Span, report: &mut Report) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(false)?;
    let (mut passes, mut failed, mut tests) = (0, 0, 0);
    while passes == 0 || !span.is_over() {
        match pass(strikes, &ground, span.seed + passes, report)? {
            None => failed += 1,
            Some(passed) => tests += passed,
        }
        passes += 1;
    }
    let last = span.seed + passes - 1;
    report.line(&format!(
        "{passes} passes with seeds {} to {last} of `{}`: {}. {tests} tests passed, {failed} passes failed.\n",
        span.seed, strikes.filter, strikes.what
    ));
    Ok(())
}

/// How many tests passed; nothing if one failed, which is a finding.
fn pass(strikes: &Strikes, ground: &Ground, seed: u64, report: &mut Report) -> Result<Option<u64>> {
    let output = cargo()
        .args(["test", "--quiet", "-p", "bessemer-cli", "--test", "it"])
        .args(["--", "--ignored", "--test-threads=1", strikes.filter])
        .envs(ground.environment())
        .env("BESSEMER_TEST_ROUNDS", strikes.rounds.to_string())
        .env("BESSEMER_TEST_SEED", seed.to_string())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let passed = crate::test::passed(&text);
    if !output.status.success() {
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
        let filter = strikes.filter;
        report.finding(&format!("{filter} seed {seed}:\n  ```\n  {last}\n  ```"));
        return Ok(None);
    }
    if passed == 0 {
        bail!("no test of {} ran", strikes.filter);
    }
    println!("{} seed {seed}: {passed} tests passed", strikes.filter);
    Ok(Some(passed))
}
