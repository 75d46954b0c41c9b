//! `cargo xtask bench …`: figures against a bound, measured in one run; exit 1 above it.

mod accounting;
mod build;
mod image;
mod memory;
mod packages;
mod recipes;
mod solve;
mod verify;
mod vm;
mod watched;

use anyhow::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// QEMU's start to a ready agent, against the same kernel with a do-nothing init
    Vm(vm::Arguments),
    /// Seconds per stage of an empty recipe with everything warm
    Build(build::Arguments),
    /// Seconds to compile every recipe of a tree, in one process with two threads
    Recipes(recipes::Arguments),
    /// Processor time of reading an index and of solving every package of it
    Solve(solve::Arguments),
    /// Processor time of verifying a chain of a thousand packages
    Verify(verify::Arguments),
    /// Most memory that installing takes, for a small package and for a large one
    Memory(memory::Arguments),
    /// An image of twenty packages: cold, with nothing changed, with one package changed
    Image(image::Arguments),
}

/// Runs one measurement.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        What::Vm(arguments) => vm::run(arguments),
        What::Build(arguments) => build::run(arguments),
        What::Recipes(arguments) => recipes::run(arguments),
        What::Solve(arguments) => solve::run(arguments),
        What::Verify(arguments) => verify::run(arguments),
        What::Memory(arguments) => memory::run(arguments),
        What::Image(arguments) => image::run(arguments),
    }
}

/// The middle of these numbers; of an even count, the mean of the middle two. 0 of none.
fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len() / 2, sorted.len() % 2) {
        (0, 0) => 0.0,
        (middle, 0) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (middle, _) => sorted[middle],
    }
}

/// The smallest of these numbers; infinity of none.
fn smallest(numbers: &[f64]) -> f64 {
    numbers.iter().copied().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::{median, smallest};

    #[test]
    fn the_middle_and_the_smallest() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
        assert!((smallest(&[3.0, 1.0]) - 1.0).abs() < 1e-9);
    }
}
