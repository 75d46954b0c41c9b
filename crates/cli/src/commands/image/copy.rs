//! `bessemer image copy`.

use super::registries::{RegistryArguments, target_tag, turn};
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_registry::{Access, Reference};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer image copy ghcr.io/team/app:1.2 registry.example.com/app:1.2"
)]
pub(crate) struct Arguments {
    /// The image: [HOST[:PORT]/]NAME[:TAG][@DIGEST]
    source: Reference,
    /// Where it goes: [HOST[:PORT]/]NAME[:TAG]
    target: Reference,
    #[command(flatten)]
    registries: RegistryArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Copies an image, every byte of it the same, with what is attached to it and its platforms.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (from, to) = (&arguments.source, &arguments.target);
    let tag = target_tag(to)?;
    let registries = arguments.registries.open()?;
    let source = registries.connect(from, Access::Pull, &[])?;
    let target = registries.connect(to, Access::Push, &[from])?;
    let turn = turn(to)?;
    let copied = target
        .copy(&source, from, Some(&tag))
        .with_context(|| format!("{from} was not copied to {to}"))?;
    drop(turn);
    if arguments.json {
        print::json(&json!({
            "source": from.to_string(),
            "target": format!("{}:{tag}", to.name()),
            "digest": copied.digest,
            "manifests": copied.manifests,
            "attachments": copied.attachments,
            "referrers": copied.referrers,
            "blobs": registries.transfers.counts(),
        }))?;
    } else {
        print::line(format_args!(
            "{}:{tag}@{} ({}, {}, {})",
            to.name(),
            copied.digest,
            print::count(copied.manifests, "manifest"),
            print::count(copied.attachments, "attachment"),
            print::count(copied.referrers, "referrer"),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
