//! The interrupt tests of the command line, and the one that kills the processes of a build, over and over
//! with other seeds.

use super::Span;
use super::report::Report;
use crate::ground::Ground;
use crate::setup;
use crate::workspace::cargo;
use anyhow::{Result, bail};
use std::process::Stdio;

/// Interrupts of each command in one run of the tests.
const ROUNDS: u64 = 6;
/// Lines kept of a run that failed.
const LINES: usize = 40;

/// Runs the tests until the time is over.
pub(super) fn run(span: Span, report: &mut Report) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(false)?;
    let (mut runs, mut failed, mut tests) = (0, 0, 0);
    while runs == 0 || !span.is_over() {
        let seed = span.seed + runs;
        let output = cargo()
            .args(["test", "--quiet", "-p", "bessemer-cli", "--test", "it"])
            .args(["--", "--ignored", "--test-threads=1"])
            .args(["interrupts::", "killed::"])
            .envs(ground.environment())
            .env("BESSEMER_TEST_ROUNDS", ROUNDS.to_string())
            .env("BESSEMER_TEST_SEED", seed.to_string())
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let passed = crate::test::passed(&text);
        runs += 1;
        tests += passed;
        if !output.status.success() {
            failed += 1;
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
            report.finding(&format!("seed {seed}:\n  ```\n  {last}\n  ```"));
        } else if passed == 0 {
            bail!("no interrupt test ran");
        }
        println!("seed {seed}: {passed} tests passed");
    }
    report.line(&format!(
        "{runs} runs with seeds from {}, {ROUNDS} interrupts of each command in each: {tests} tests \
         passed, {failed} runs failed.",
        span.seed
    ));
    Ok(())
}
