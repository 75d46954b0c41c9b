//! `bessemer image show-config`.

use super::file::{FileArguments, FormatArgument};
use crate::print;
use anyhow::Result;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer image show-config image.yaml\n  bessemer image show-config image.yaml --json"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    file: FileArguments,
    #[command(flatten)]
    format: FormatArgument,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prints what the file means; passwords in URLs are not shown.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut loaded = arguments.file.load()?;
    arguments.format.apply(&mut loaded)?;
    let configuration = loaded.configuration.redacted();
    if arguments.json {
        print::json(&configuration)?;
    } else {
        print::bytes(configuration.to_yaml()?.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
