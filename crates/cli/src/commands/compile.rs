//! `bessemer compile`.

use super::recipe_file::{RecipeArguments, render};
use crate::melange_flags::CompileFlags;
use crate::print;
use anyhow::Result;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer compile --arch x86_64 examples/bzip2/bzip2.yaml | jq .pipeline"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    #[command(flatten)]
    _melange: CompileFlags,
    /// Print the plan (what the factory runs) instead of melange's structure
    #[arg(long)]
    plan: bool,
}

/// Prints the evaluated recipe as one line of JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let compiled = arguments.recipe.compile(&[], &[])?;
    for warning in &compiled.warnings {
        print::warning(&render(warning));
    }
    let text = if arguments.plan {
        serde_json::to_string(&compiled.plan)?
    } else {
        serde_json::to_string(&compiled.plan.configuration)?
    };
    print::line(format_args!("{text}"))?;
    Ok(ExitCode::SUCCESS)
}
