//! `bessemer schema`.

use crate::print;
use anyhow::Result;
use bessemer_image::image_schema;
use bessemer_policy::policy_schema;
use bessemer_recipe::{pipeline_schema, recipe_schema};
use std::process::ExitCode;

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Document {
    /// A recipe
    Recipe,
    /// A file of `--pipeline-dir`
    Pipeline,
    /// An image file
    Image,
    /// A policy, which `verify` holds packages and images against
    Policy,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bessemer schema recipe > recipe.schema.json")]
pub(crate) struct Arguments {
    /// Of which kind of file
    document: Document,
}

/// Prints a JSON Schema, for editors.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let schema = match arguments.document {
        Document::Recipe => recipe_schema(),
        Document::Pipeline => pipeline_schema(),
        Document::Image => image_schema(),
        Document::Policy => policy_schema(),
    };
    print::line(format_args!("{schema:#}"))?;
    Ok(ExitCode::SUCCESS)
}
