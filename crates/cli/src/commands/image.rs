//! `bessemer image …`: container images out of packages, by apko's image files, and their way to
//! registries.

mod bills;
mod build;
mod copy;
mod file;
mod lock;
mod output;
mod push;
mod registries;
mod session;
mod show_config;
mod show_packages;
mod vcs;

use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Directory to work in: every path is meant from there
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    workdir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Build images from an image file
    Build(build::Arguments),
    /// Copy an image with its attestations and signatures to another repository
    Copy(copy::Arguments),
    /// Resolve an image file and write down every package by its digests
    Lock(lock::Arguments),
    /// Push an image out of a folder to a registry, with attestations
    Push(push::Arguments),
    /// Print an image file as it is meant, with what it includes
    ShowConfig(show_config::Arguments),
    /// Print the packages that an image would have
    ShowPackages(show_packages::Arguments),
}

/// Runs the one that was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(directory) = &arguments.workdir {
        std::env::set_current_dir(directory)
            .with_context(|| format!("cannot work in {}", directory.display()))?;
    }
    match &arguments.command {
        Command::Build(arguments) => build::run(arguments),
        Command::Copy(arguments) => copy::run(arguments),
        Command::Lock(arguments) => lock::run(arguments),
        Command::Push(arguments) => push::run(arguments),
        Command::ShowPackages(arguments) => show_packages::run(arguments),
        Command::ShowConfig(arguments) => show_config::run(arguments),
    }
}
