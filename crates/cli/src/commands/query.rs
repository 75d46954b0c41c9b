//! `bessemer query` and `bessemer package-version`.

use super::recipe_file::parse;
use anyhow::Result;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer query bzip2.yaml '{{ .Package.Name }} {{ .Package.Version }}'"
)]
pub(crate) struct Arguments {
    /// The recipe
    recipe: PathBuf,
    /// Text with `{{ .Field.Name }}` in it
    template: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PackageVersionArguments {
    /// The recipe
    recipe: PathBuf,
}

/// Prints the template, filled; no line end is added.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let text = bessemer_recipe::query(&parse(&arguments.recipe)?, &arguments.template)?;
    write!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// Prints `name-version-rEPOCH`.
pub(crate) fn package_version(arguments: &PackageVersionArguments) -> Result<ExitCode> {
    let text = bessemer_recipe::package_version(&parse(&arguments.recipe)?);
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}
