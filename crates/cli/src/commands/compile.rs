//! `bessemer compile`.

use super::recipe_file::{RecipeArguments, render};
use crate::melange_flags::CompileFlags;
use crate::print;
use anyhow::{Context, Result};
use bessemer_recipe::parse_environment;
use std::collections::BTreeMap;
use std::path::PathBuf;
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
    /// File of environment variables (`NAME=value` lines) beneath the recipe's; may be repeated
    #[arg(long = "env-file")]
    env_files: Vec<PathBuf>,
    /// Package to add to the build environment; may be repeated
    #[arg(long = "package-append")]
    packages: Vec<String>,
    /// Commit that packages say they come from, unless the recipe says it
    #[arg(long)]
    git_commit: Option<String>,
    /// C library in `host.triplet.*`
    #[arg(
        long = "override-host-triplet-libc-substitution-flavor",
        default_value = "gnu",
        value_parser = ["gnu", "musl"]
    )]
    libc: String,
    /// Accepted, since it changes nothing in what is printed
    #[arg(long, hide = true)]
    namespace: Option<String>,
    /// Print the plan (what the factory runs) instead of melange's structure
    #[arg(long)]
    plan: bool,
}

/// Prints the evaluated recipe as one line of JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let _ = &arguments.namespace;
    let environment = environment(&arguments.env_files)?;
    let compiled = arguments.recipe.compile_with(|options| {
        options.environment = environment;
        options.packages.clone_from(&arguments.packages);
        options.commit.clone_from(&arguments.git_commit);
        options.libc.clone_from(&arguments.libc);
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

/// All files' variables; the first file that has one wins, as with melange.
fn environment(files: &[PathBuf]) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for path in files {
        let text = fs_err::read_to_string(path).context("cannot read the environment")?;
        let file = parse_environment(&text)
            .with_context(|| format!("cannot read variables from {}", path.display()))?;
        for (name, value) in file {
            variables.entry(name).or_insert(value);
        }
    }
    Ok(variables)
}
