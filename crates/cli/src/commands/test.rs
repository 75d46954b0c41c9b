//! `bessemer test`: the tests of a recipe, on packages that a repository offers.

use super::recipe_file::RecipeArguments;
use super::repositories::RepositoryArguments;
use crate::services::Inherited;
use anyhow::{Result, bail};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    #[command(flatten)]
    repositories: RepositoryArguments,
}

pub(crate) fn run(_arguments: &Arguments, _inherited: Option<&Inherited>) -> Result<ExitCode> {
    bail!("nothing to test")
}
