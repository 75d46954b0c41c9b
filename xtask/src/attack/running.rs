//! Runs named tests, each binary once, and reads what became of every one.

use super::case::{Binary, Test};
use crate::workspace::cargo;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

/// What became of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Passed,
    Failed,
    LeftOut,
}

impl Found {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::LeftOut => "not run",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Results {
    passed: BTreeSet<(Binary, &'static str)>,
    failed: BTreeSet<(Binary, &'static str)>,
}

impl Results {
    pub(super) fn of(&self, test: &Test) -> Found {
        let key = (test.binary, test.name);
        if self.failed.contains(&key) {
            Found::Failed
        } else if self.passed.contains(&key) {
            Found::Passed
        } else {
            Found::LeftOut
        }
    }

    /// Runs them, sorted by crate, and shows what they print; on standard error if `aside`.
    pub(super) fn run(
        &mut self,
        tests: &[&Test],
        environment: &[(String, String)],
        aside: bool,
    ) -> Result<()> {
        let mut binaries: BTreeMap<Binary, BTreeSet<&'static str>> = BTreeMap::new();
        for test in tests {
            binaries.entry(test.binary).or_default().insert(test.name);
        }
        for (binary, names) in binaries {
            let (lines, succeeded) = run_binary(binary, &names, environment, aside)?;
            let failed = failures(&names, &lines, succeeded);
            for name in names {
                let result = if failed.contains(name) {
                    &mut self.failed
                } else {
                    &mut self.passed
                };
                result.insert((binary, name));
            }
        }
        Ok(())
    }
}

/// One after the other: some count processes of this host.
fn run_binary(
    binary: Binary,
    names: &BTreeSet<&'static str>,
    environment: &[(String, String)],
    aside: bool,
) -> Result<(Vec<String>, bool)> {
    let mut child = cargo()
        .arg("test")
        .args(binary.selection())
        .args(["--", "--include-ignored", "--test-threads=1", "--exact"])
        .args(names)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("cargo's output is not piped")?;
    let mut lines = Vec::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if aside {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
        lines.push(line);
    }
    Ok((lines, child.wait()?.success()))
}

/// Which of the tests failed: those that the last list of failures names, and all of them where
/// the binary did not get to run every one.
pub(super) fn failures(
    names: &BTreeSet<&'static str>,
    lines: &[String],
    succeeded: bool,
) -> BTreeSet<&'static str> {
    let mut results = lines
        .iter()
        .filter_map(|line| line.strip_prefix("test result: "));
    // A test may run its own binary again, whose result comes earlier.
    let ran = results.next_back().map_or(0, |result| {
        let words: Vec<&str> = result.split([' ', ';']).collect();
        let before = |word| {
            let at = words.iter().position(|one| *one == word).unwrap_or(0);
            let number = at.checked_sub(1).and_then(|at| words[at].parse().ok());
            number.unwrap_or(0_usize)
        };
        before("passed") + before("failed")
    });
    if ran != names.len() {
        return names.clone();
    }
    if succeeded {
        return BTreeSet::new();
    }
    let from = lines.iter().rposition(|line| line == "failures:");
    let listed: BTreeSet<&str> = from.map_or_else(BTreeSet::new, |from| {
        lines[from..].iter().map(|line| line.trim()).collect()
    });
    let failed: BTreeSet<_> = names
        .iter()
        .copied()
        .filter(|name| listed.contains(name))
        .collect();
    if failed.is_empty() {
        return names.clone();
    }
    failed
}
