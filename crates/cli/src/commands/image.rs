//! `bessemer image …`: container images out of packages, by apko's image files, and their way to
//! registries.

mod assembly;
mod bills;
mod build;
mod copy;
mod file;
mod lock;
mod output;
mod publish;
mod push;
pub(crate) mod registries;
mod session;
mod show_config;
mod show_packages;
mod vcs;
pub(crate) mod verify;

use crate::services::Inherited;
use anyhow::{Context as _, Result};
use bessemer_registry::Turn;
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
    /// Build images, have them attested and signed, and push them to registries
    Publish(Box<publish::Arguments>),
    /// Push an image out of a folder to a registry, with attestations
    Push(push::Arguments),
    /// Print an image file as it is meant, with what it includes
    ShowConfig(show_config::Arguments),
    /// Print the packages that an image would have
    ShowPackages(show_packages::Arguments),
    /// Check an image in a registry against its attestations, and say what they prove
    Verify(verify::Arguments),
}

impl Arguments {
    /// Whether it talks to the signer.
    pub(crate) const fn needs_services(&self) -> bool {
        matches!(self.command, Command::Publish(_))
    }

    /// Directories that it writes to, if it divides itself.
    pub(crate) fn writes(&self) -> Vec<PathBuf> {
        let Command::Publish(arguments) = &self.command else {
            return Vec::new();
        };
        let base = self.workdir.clone().unwrap_or_default();
        let writes = arguments.writes().into_iter();
        writes.map(|path| base.join(path)).collect()
    }

    /// Waits until no other publisher of this machine writes to the repositories that it will write to:
    /// as root, whose locks are out of reach of the uid that does the work.
    pub(crate) fn take_turns(&self) -> Result<Vec<Turn>> {
        match &self.command {
            Command::Publish(arguments) => arguments.take_turns(),
            _ => Ok(Vec::new()),
        }
    }
}

/// Runs the one that was asked for.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    if let Some(directory) = &arguments.workdir {
        std::env::set_current_dir(directory)
            .with_context(|| format!("cannot work in {}", directory.display()))?;
    }
    match &arguments.command {
        Command::Build(arguments) => build::run(arguments),
        Command::Copy(arguments) => copy::run(arguments),
        Command::Lock(arguments) => lock::run(arguments),
        Command::Publish(arguments) => publish::run(arguments, inherited),
        Command::Push(arguments) => push::run(arguments),
        Command::ShowPackages(arguments) => show_packages::run(arguments),
        Command::ShowConfig(arguments) => show_config::run(arguments),
        Command::Verify(arguments) => verify::run(arguments),
    }
}
