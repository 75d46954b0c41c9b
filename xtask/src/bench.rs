//! `cargo xtask bench …`: figures against a floor in the same run.

use anyhow::{Result, bail};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What to measure
    what: String,
}

/// Runs one measurement.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    bail!("no measurement is called `{}`", arguments.what)
}
