//! `bessemer apk …`: what the apk layer does, by itself.

mod indexes;
mod install;
mod reach;
mod solve;
pub(crate) mod version;

use anyhow::Result;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Arguments {
    /// Compare versions as apk does
    Version(version::Arguments),
    /// Choose the packages that satisfy constraints, from index files
    Solve(solve::Arguments),
    /// Install packages into a directory, a tar archive or an erofs image
    Install(install::Arguments),
}

/// Runs the one that was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match arguments {
        Arguments::Version(arguments) => version::run(arguments),
        Arguments::Solve(arguments) => solve::run(arguments),
        Arguments::Install(arguments) => install::run(arguments),
    }
}
