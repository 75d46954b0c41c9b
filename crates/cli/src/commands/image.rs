//! `bessemer image …`: container images.

mod copy;
mod push;
mod registries;

use anyhow::Result;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copy an image with its attestations and signatures to another repository
    Copy(copy::Arguments),
    /// Push an image out of a folder to a registry, with attestations
    Push(push::Arguments),
}

/// Runs the one that was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Copy(arguments) => copy::run(arguments),
        Command::Push(arguments) => push::run(arguments),
    }
}
