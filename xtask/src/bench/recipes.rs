//! How long it takes to compile every recipe of a tree: to read it, and the pipelines it uses, and to
//! encode what `bessemer compile` prints.

use crate::recipes::{Compilation, Tree, in_parallel};
use crate::workspace::{cargo, check};
use anyhow::{Result, bail};
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  cargo xtask bench recipes ../os")]
pub(crate) struct Arguments {
    /// Directory of recipes, with their pipelines in `pipelines/`
    tree: PathBuf,
    /// Architecture to compile for, as apk spells it; a recipe that is not for it is compiled for one that it is for
    #[arg(long, default_value = "x86_64")]
    arch: String,
    /// Threads that compile
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// The most wall time allowed, in seconds
    #[arg(long, default_value_t = 2.0)]
    bound: f64,
    /// Runs; the fastest counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// What one run took and gave.
#[derive(Default)]
struct Figures {
    /// Seconds.
    wall: f64,
    /// Seconds, of all threads together.
    processor: f64,
    /// How many recipes compiled for another architecture.
    elsewhere: usize,
    /// Bytes of JSON.
    bytes: usize,
}

/// Compiles the tree and prints figures; fails above the bound or when a recipe does not compile.
/// Unoptimised, this program has itself built with optimisation to do so.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if cfg!(debug_assertions) {
        let mut optimised = cargo();
        optimised
            .args(["run", "--quiet", "--release", "--package", "xtask", "--"])
            .args(["bench", "recipes"])
            .arg(fs_err::canonicalize(&arguments.tree)?)
            .args(["--arch", &arguments.arch])
            .arg(format!("--threads={}", arguments.threads))
            .arg(format!("--bound={}", arguments.bound))
            .arg(format!("--runs={}", arguments.runs));
        return check(&mut optimised);
    }
    let tree = Tree::open(&arguments.tree)?;
    let mut best: Option<Figures> = None;
    let mut failures = Vec::new();
    for _ in 0..arguments.runs.max(1) {
        let (figures, failed) = measure(&tree, arguments);
        failures = failed;
        if best.as_ref().is_none_or(|best| figures.wall < best.wall) {
            best = Some(figures);
        }
    }
    let figures = best.unwrap_or_default();
    report(&failures);
    let all = tree.recipes.len();
    let compiled = all - failures.len() - figures.elsewhere;
    println!(
        "{all} recipes: {compiled} compiled for {}, {} for another architecture, {} not; {:.1} MB of JSON",
        arguments.arch,
        figures.elsewhere,
        failures.len(),
        figures.megabytes(),
    );
    println!(
        "{:.2} s wall with {} threads, bound {:.2} s; {:.2} s processor, {:.2} s a thread",
        figures.wall,
        arguments.threads,
        arguments.bound,
        figures.processor,
        figures.processor / threads(arguments),
    );
    if figures.wall > arguments.bound {
        bail!("slower than the bound");
    }
    if !failures.is_empty() {
        bail!("{} recipes do not compile", failures.len());
    }
    Ok(())
}

fn measure(tree: &Tree, arguments: &Arguments) -> (Figures, Vec<String>) {
    let started = Instant::now();
    let processor = processor_seconds();
    // Nothing is kept from one run to the next: each reads every file again.
    let compilation = Compilation::new(tree, &arguments.arch);
    let results = in_parallel(&tree.recipes, arguments.threads, |path| {
        let plan = compilation.compile_somewhere(path)?.plan;
        let printed = serde_json::to_vec(&plan.configuration)?;
        anyhow::Ok((printed.len(), plan.architecture == arguments.arch))
    });
    let mut figures = Figures {
        wall: started.elapsed().as_secs_f64(),
        processor: processor_seconds() - processor,
        ..Figures::default()
    };
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok((bytes, here)) => {
                figures.bytes += bytes;
                figures.elsewhere += usize::from(!here);
            }
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    (figures, failures)
}

impl Figures {
    #[expect(
        clippy::cast_precision_loss,
        reason = "far below what a float holds exactly"
    )]
    fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn threads(arguments: &Arguments) -> f64 {
    arguments.threads.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds below a second")]
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Failures by what is wrong, most frequent first, each with the first place.
fn report(failures: &[String]) {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for failure in failures {
        let message = failure
            .split_once(": ")
            .map_or(failure.as_str(), |(_, message)| message);
        kinds.entry(message).or_default().push(failure);
    }
    let mut kinds: Vec<_> = kinds.into_values().collect();
    kinds.sort_by_key(|places| std::cmp::Reverse(places.len()));
    for places in kinds {
        println!("{:5} {}", places.len(), places[0]);
    }
}
