//! Automation for people who work on Bessemer or try it: `cargo xtask <task>`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod attack;
mod bench;
mod binaries;
mod conformance;
mod demo;
mod ground;
mod images;
mod kernel;
mod recipes;
mod release;
mod setup;
mod soak;
mod test;
mod tidy;
mod tools;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Automation for Bessemer")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Installs what is missing, builds the binaries and runs the main job on real input
    Demo(demo::Arguments),
    /// Installs what the tests need and runs all of them
    Test(test::Arguments),
    /// Carries out every attack of the list, each with its control run; says what is missing
    Attack(attack::Arguments),
    /// Checks the rules of this repository that a compiler cannot
    Tidy,
    /// Measures against a floor in the same run
    Bench(bench::Arguments),
    /// Compares with another implementation
    Conformance(conformance::Arguments),
    /// Long runs; writes a dated report
    Soak(soak::Arguments),
    /// Builds the kernel of guests, once, and keeps it
    Kernel(kernel::Arguments),
    /// Builds the agent, and with --all Bessemer itself, by their recipes from what is committed
    Release(release::Arguments),
    /// Installs the Debian packages that demo and test need
    Setup,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Test(arguments) => test::run(&arguments),
        Task::Attack(arguments) => attack::run(&arguments),
        Task::Tidy => tidy::run(),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Conformance(arguments) => conformance::run(&arguments),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Kernel(arguments) => kernel::run(&arguments),
        Task::Release(arguments) => release::run(&arguments),
        Task::Setup => setup::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
