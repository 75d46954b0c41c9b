//! The built-in pipelines that are too heavy for every change: each sample that the table of
//! pipelines names for this is built and tested in guests, once.

use super::Span;
use super::report::Report;
use crate::demo::{packages, text};
use crate::ground::Ground;
use crate::setup;
use crate::workspace::{cache, check, root};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use table::{Place, ROWS};

#[allow(dead_code, reason = "the page needs more of the table than this run")]
#[path = "../../../crates/cli/src/pipelines_page/table.rs"]
mod table;

/// Lines kept of a build that failed.
const LINES: usize = 30;

/// Builds every sample; what there is no time for is a finding.
pub(super) fn run(span: Span, report: &mut Report) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(false)?;
    let place = cache()?.join("soak");
    let repository = place.join("heavy");
    let start = Instant::now();
    check(
        Command::new(ground.program("bessemer"))
            .args(["bootstrap", "debian", "--list"])
            .arg(root().join("examples/pipelines/heavy.yaml"))
            .arg("--out")
            .arg(&repository),
    )?;
    report.line(&format!(
        "bootstrap of `examples/pipelines/heavy.yaml`: {:.0} s\n",
        start.elapsed().as_secs_f64()
    ));
    for (sample, pipelines) in samples() {
        if span.is_over() {
            report.finding(&format!("no time was left for `{sample}`"));
            continue;
        }
        let start = Instant::now();
        let built = build(&ground, &repository, sample, &place.join("packages"))?;
        let seconds = start.elapsed().as_secs_f64();
        let used = pipelines.join("`, `");
        match built {
            Err(log) => report.finding(&format!(
                "`{sample}` (`{used}`) failed after {seconds:.0} s:\n  ```\n  {log}\n  ```"
            )),
            Ok(summary) => {
                report.line(&format!(
                    "- `{sample}`: `{used}`; {seconds:.0} s, {}, tests {}",
                    text(&summary["accelerator"]),
                    text(&summary["tests"]),
                ));
                for package in packages(&summary) {
                    let (file, digest) = (text(&package["file"]), text(&package["sha256"]));
                    report.line(&format!("  - {file} {digest}"));
                }
            }
        }
    }
    Ok(())
}

/// The samples, each with the pipelines that it is there for.
fn samples() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut samples: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in &ROWS {
        if let Place::Soak(example, _) = row.place {
            samples.entry(example).or_default().push(row.name);
        }
    }
    samples
}

/// What the build says of itself, or the end of its log.
fn build(
    ground: &Ground,
    repository: &Path,
    sample: &str,
    out: &Path,
) -> Result<Result<Value, String>> {
    let output = Command::new(ground.program("bessemer"))
        .arg("build")
        .arg(root().join(format!("examples/{sample}.yaml")))
        .arg("--repository-append")
        .arg(repository)
        .arg("--keyring-append")
        .arg(&ground.key)
        .arg("--out-dir")
        .arg(out)
        .arg("--json")
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        let summary = serde_json::from_slice(&output.stdout);
        return Ok(Ok(summary.context("the build printed no JSON")?));
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = log.lines().collect();
    Ok(Err(lines[lines.len().saturating_sub(LINES)..].join("\n  ")))
}
