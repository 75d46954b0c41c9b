//! `cargo xtask conformance …`: the same input to Bessemer and to another implementation.

mod apko;
mod melange;
mod shell;

use anyhow::Result;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Compiles every recipe of a tree with a melange binary too, and compares the JSON
    Melange(melange::Arguments),
    /// Solves every package of indexes with an apko binary too, and compares the packages
    Apko(apko::Arguments),
}

/// Runs one comparison; fails when a difference is not an intended one.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        What::Melange(arguments) => melange::run(arguments),
        What::Apko(arguments) => apko::run(arguments),
    }
}
