//! The interrupt tests of the command line, and the one that kills the processes of a build, over and over
//! with other seeds.

use super::Span;
use super::report::Report;
use crate::ground::Ground;
use crate::setup;
use crate::workspace::cargo;
use anyhow::{Result, bail};
use std::process::Stdio;

/// What one pass runs: the tests, and how often they strike each command or process.
const PARTS: [(&str, u64); 2] = [("killed::", 50), ("interrupts::", 6)];
/// Lines kept of a run that failed.
const LINES: usize = 40;

/// Runs the tests until the time is over.
pub(super) fn run(span: Span, report: &mut Report) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(false)?;
    let mut passes = 0;
    let mut results = PARTS.map(|(filter, rounds)| Part {
        filter,
        rounds,
        tests: 0,
        failed: 0,
    });
    while passes == 0 || !span.is_over() {
        for part in &mut results {
            part.run(&ground, span.seed + passes, report)?;
        }
        passes += 1;
    }
    for part in results {
        let Part {
            filter,
            rounds,
            tests,
            failed,
        } = part;
        report.line(&format!(
            "{filter} {passes} runs with seeds from {}, {rounds} times each command or process: {tests} tests \
             passed, {failed} runs failed.\n",
            span.seed
        ));
    }
    Ok(())
}

/// One kind of test, and what became of it.
struct Part {
    filter: &'static str,
    rounds: u64,
    tests: u64,
    failed: u64,
}

impl Part {
    fn run(&mut self, ground: &Ground, seed: u64, report: &mut Report) -> Result<()> {
        let output = cargo()
            .args(["test", "--quiet", "-p", "bessemer-cli", "--test", "it"])
            .args(["--", "--ignored", "--test-threads=1", self.filter])
            .envs(ground.environment())
            .env("BESSEMER_TEST_ROUNDS", self.rounds.to_string())
            .env("BESSEMER_TEST_SEED", seed.to_string())
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let passed = crate::test::passed(&text);
        self.tests += passed;
        if !output.status.success() {
            self.failed += 1;
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
            report.finding(&format!(
                "{} seed {seed}:\n  ```\n  {last}\n  ```",
                self.filter
            ));
        } else if passed == 0 {
            bail!("no test of {} ran", self.filter);
        }
        println!("{} seed {seed}: {passed} tests passed", self.filter);
        Ok(())
    }
}
