//! `bessemer compile`.

use super::recipe_file::{RecipeArguments, render};
use anyhow::Result;
use std::io::Write as _;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer compile --arch x86_64 examples/bzip2/bzip2.yaml | jq .pipeline"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Print the plan (what the factory runs) instead of melange's structure
    #[arg(long)]
    plan: bool,
}

/// Prints the evaluated recipe as one line of JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let compiled = arguments.recipe.compile(&[], &[])?;
    for warning in &compiled.warnings {
        eprintln!("warning: {}", render(warning));
    }
    let text = if arguments.plan {
        serde_json::to_string(&compiled.plan)?
    } else {
        serde_json::to_string(&compiled.plan.configuration)?
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}
