//! `bessemer compile`.

use super::additions::Additions;
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
    melange: CompileFlags,
    #[command(flatten)]
    additions: Additions,
    /// Accepted, since it changes nothing in what is printed
    #[arg(long, hide = true)]
    namespace: Option<String>,
    /// Accepted, since it changes nothing in what is printed
    #[arg(long, hide = true)]
    git_repo_url: Option<String>,
    /// Accepted, since it changes nothing in what is printed
    #[arg(long, hide = true)]
    license: Option<String>,
    /// Print the plan (what the factory runs) instead of melange's structure
    #[arg(long)]
    plan: bool,
    /// Accepted: what is printed is JSON anyway; a failure is then JSON, too
    #[arg(long)]
    json: bool,
}

/// Prints the evaluated recipe as one line of JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let _ = (
        &arguments.namespace,
        &arguments.git_repo_url,
        &arguments.license,
        arguments.json,
    );
    arguments.melange.say();
    arguments.recipe.say_missing_pipelines();
    let environment = arguments.additions.environment.read()?;
    let compiled = arguments.recipe.compile_with(|options| {
        arguments.additions.apply(&environment, options);
        Ok(())
    })?;
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
