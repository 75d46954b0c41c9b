//! `bessemer image verify`: `bessemer verify docker://…` of one image.

use super::registries::RegistryArguments;
use crate::commands::verify::policy::PolicyArguments;
use crate::commands::verify::{ExpectedArguments, Looking, Target, one, read_trust_root};
use anyhow::Result;
use bessemer_registry::Reference;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer image verify registry.example.com/app:1.2 --trust-root keys/trust-root.json --policy policy.yaml"
)]
pub(crate) struct Arguments {
    /// The image: [HOST[:PORT]/]NAME[:TAG][@DIGEST]
    image: Reference,
    /// The keys to believe, and what each may assert
    #[arg(long)]
    trust_root: PathBuf,
    /// Refuse images built below this SLSA build level
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    min_level: u8,
    #[command(flatten)]
    expected: ExpectedArguments,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    registries: RegistryArguments,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Verifies the image and, of an index, every image in it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = read_trust_root(&arguments.trust_root)?;
    let judge = arguments.policy.open(None)?;
    let mut looking = Looking::at(&root, &arguments.registries)?;
    looking.policy.min_level = arguments.min_level;
    looking.judge = judge.as_ref();
    looking.expected = Some(&arguments.expected);
    looking.has_images = true;
    one(
        &Target::Image(arguments.image.clone()),
        &looking,
        arguments.json,
    )
}
