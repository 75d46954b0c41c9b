//! `cargo xtask soak`: long runs.

use anyhow::{Result, bail};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which run
    what: String,
}

/// Runs one long run and writes its report.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    bail!("no long run is called `{}`", arguments.what)
}
