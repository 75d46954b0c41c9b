//! `bessemer query` and `bessemer package-version`.

use super::recipe_file::parse;
use crate::melange_flags::PlainFlags;
use crate::print;
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer query bzip2.yaml '{{ .Package.Name }} {{ .Package.Version }}'\n  bessemer query bzip2.yaml '{{ range .Subpackages }}{{ println .Name }}{{ end }}'"
)]
pub(crate) struct Arguments {
    /// The recipe
    recipe: PathBuf,
    /// A template of Go's text/template, over the fields of melange's configuration
    template: String,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the filled template as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer package-version bzip2.yaml")]
pub(crate) struct PackageVersionArguments {
    /// The recipe
    recipe: PathBuf,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the template, filled; no line end is added.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let text = bessemer_recipe::query(&parse(&arguments.recipe)?, &arguments.template)?;
    if arguments.json {
        print::json(&json!({"text": text}))?;
    } else {
        print::bytes(text.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints `name-version-rEPOCH`.
pub(crate) fn package_version(arguments: &PackageVersionArguments) -> Result<ExitCode> {
    let text = bessemer_recipe::package_version(&parse(&arguments.recipe)?)?;
    if arguments.json {
        print::json(&json!({"package_version": text}))?;
    } else {
        print::line(format_args!("{text}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
