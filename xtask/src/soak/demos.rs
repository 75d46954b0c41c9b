//! The demo, over and over: every run must end well and give the bytes that the first one gave.

use super::Span;
use super::report::Report;
use crate::demo::{self, packages, text};
use crate::workspace::cache;
use anyhow::Result;
use serde_json::Value;
use std::path::Path;
use std::time::Instant;

/// Runs the demo with `example` until the time is over, at least once.
pub(super) fn run(example: &str, twice: bool, span: Span, report: &mut Report) -> Result<()> {
    let out = cache()?.join("soak").join(example);
    let arguments = demo::Arguments::new(&out, example, twice);
    let mut first: Option<Vec<String>> = None;
    let mut runs = 0;
    while runs == 0 || !span.is_over() {
        runs += 1;
        let start = Instant::now();
        demo::run(&arguments)?;
        let seconds = start.elapsed().as_secs_f64();
        let summary = read(&out)?;
        let built = &summary["build"];
        report.line(&format!(
            "- run {runs}: {seconds:.0} s, {}, tests {}",
            text(&built["accelerator"]),
            text(&built["tests"]),
        ));
        let digests: Vec<String> = packages(built)
            .map(|package| format!("{} {}", text(&package["file"]), text(&package["sha256"])))
            .collect();
        match &first {
            None => {
                for stage in summary["stages"].as_array().into_iter().flatten() {
                    let seconds = stage["seconds"].as_f64().unwrap_or_default();
                    report.line(&format!("  - {}: {seconds:.1} s", text(&stage["name"])));
                }
                for digest in &digests {
                    report.line(&format!("  - {digest}"));
                }
                first = Some(digests);
            }
            Some(before) if *before != digests => {
                report.finding(&format!(
                    "run {runs} gave other packages: {}",
                    digests.join(", ")
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn read(out: &Path) -> Result<Value> {
    let text = fs_err::read_to_string(out.join("summary.json"))?;
    Ok(serde_json::from_str(&text)?)
}
