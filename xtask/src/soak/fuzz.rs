//! libFuzzer on every target of `fuzz/`, one after another on one core.
//!
//! No sanitizer: nothing that is fuzzed has `unsafe` of ours, so what counts is panics, overflows
//! (debug assertions are on), memory and time; and without one the stable toolchain will do.

use super::Span;
use super::report::Report;
use crate::binaries::target;
use crate::setup;
use crate::workspace::{cache, cargo, check, output, root};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Most memory of a run, and most that one allocation may take, in MiB.
const MEMORY: [&str; 2] = ["-rss_limit_mb=2048", "-malloc_limit_mb=1024"];
/// Longest input in bytes; seconds after which one input is a finding.
const INPUT: [&str; 2] = ["-max_len=65536", "-timeout=20"];

/// Runs every target, or those of `wanted`, for its share of the time.
pub(super) fn run(span: Span, wanted: &[String], report: &mut Report) -> Result<()> {
    setup::fuzzing()?;
    let cache = cache()?.join("fuzz");
    fs_err::create_dir_all(&cache)?;
    let programs = build(&cache)?;
    let corpus = cache.join("corpus");
    let mut seeds = cargo();
    seeds
        .args([
            "run",
            "--quiet",
            "-p",
            "fuzz-targets",
            "--example",
            "seeds",
            "--",
        ])
        .arg(&corpus);
    let text = output(&mut seeds)?;
    let names = chosen(text.lines().collect(), wanted)?;
    let share = span.whole.as_secs() / (names.len() as u64).max(1);
    report.line(&format!(
        "{} targets, {share} s each, on one core; building is not counted.\n",
        names.len()
    ));
    report.line("| target | inputs | a second | coverage | corpus |");
    report.line("| --- | --- | --- | --- | --- |");
    for name in names {
        let artifacts = cache.join("artifacts").join(name);
        fs_err::create_dir_all(&artifacts)?;
        let before = files(&artifacts)?;
        let said = fuzz(
            &programs.join(name),
            name,
            &corpus,
            &artifacts,
            share,
            span.seed,
        )?;
        report.line(&row(name, &said, files(&corpus.join(name))?.len()));
        for found in files(&artifacts)? {
            if !before.contains(&found) {
                let last = said.lines().find(|line| line.contains("panicked at"));
                let last = last.unwrap_or("no panic: memory or time");
                report.finding(&format!("{name}: {last}; input `{}`", found.display()));
            }
        }
    }
    Ok(())
}

fn chosen<'a>(all: Vec<&'a str>, wanted: &[String]) -> Result<Vec<&'a str>> {
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(&name.as_str())) {
        bail!("no target is named {unknown}; there are {}", all.join(", "));
    }
    let is_wanted = |name: &&str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// Builds all programs; cargo-fuzz is installed below `cache` when it is missing.
fn build(cache: &Path) -> Result<PathBuf> {
    let tool = cache.join("tools/bin/cargo-fuzz");
    if !tool.exists() {
        println!("installing cargo-fuzz from the registry");
        let words = ["install", "--quiet", "--locked", "cargo-fuzz", "--root"];
        check(cargo().args(words).arg(cache.join("tools")))?;
    }
    let built = target().join("fuzz");
    check(
        Command::new(tool)
            .args(["fuzz", "build", "--sanitizer", "none", "--target-dir"])
            .arg(&built)
            .current_dir(root()),
    )?;
    Ok(built.join("x86_64-unknown-linux-gnu/release"))
}

/// Runs one program to the end of its time or to its first finding; returns what it said.
fn fuzz(
    program: &Path,
    name: &str,
    corpus: &Path,
    artifacts: &Path,
    seconds: u64,
    seed: u64,
) -> Result<String> {
    let child = Command::new(program)
        .arg(corpus.join(name))
        .arg(format!(
            "-dict={}",
            corpus.join(format!("{name}.dict")).display()
        ))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-seed={seed}"))
        .args(MEMORY)
        .args(INPUT)
        .arg("-print_final_stats=1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn row(name: &str, said: &str, corpus: usize) -> String {
    let statistic = |key: &str| {
        let line = said.lines().rev().find_map(|line| line.strip_prefix(key));
        line.map_or("unknown", str::trim)
    };
    let coverage = said.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once(" cov: ")?;
        rest.split(' ').next()
    });
    format!(
        "| {name} | {} | {} | {} | {corpus} |",
        statistic("stat::number_of_executed_units:"),
        statistic("stat::average_exec_per_sec:"),
        coverage.unwrap_or("unknown"),
    )
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        paths.push(entry?.path());
    }
    Ok(paths)
}
