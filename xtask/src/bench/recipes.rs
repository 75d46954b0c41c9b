//! How long it takes to compile every recipe of a tree.

use crate::recipes::{Compilation, Tree, in_parallel};
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
    /// Architecture to compile for
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

/// Wall and processor seconds.
struct Figures {
    wall: f64,
    processor: f64,
}

/// Compiles the tree and prints figures; fails above the bound or when a recipe does not compile.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
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
    let figures = best.unwrap_or(Figures {
        wall: 0.0,
        processor: 0.0,
    });
    report(&failures);
    let compiled = tree.recipes.len() - failures.len();
    println!(
        "{compiled} of {} recipes for {} with {} threads: {:.2} s wall, {:.2} s processor, bound {:.2} s",
        tree.recipes.len(),
        arguments.arch,
        arguments.threads,
        figures.wall,
        figures.processor,
        arguments.bound
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
    let failed = in_parallel(&tree.recipes, arguments.threads, |path| {
        compilation
            .compile(path)
            .err()
            .map(|error| format!("{error:#}"))
    });
    let figures = Figures {
        wall: started.elapsed().as_secs_f64(),
        processor: processor_seconds() - processor,
    };
    (figures, failed.into_iter().flatten().collect())
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
