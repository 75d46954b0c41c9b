//! `bessemer image push`.

use super::registries::{RegistryArguments, target_tag, turn};
use crate::print;
use anyhow::{Context as _, Result, bail};
use bessemer_registry::{Access, Attestation, Layout, Pushed, Reference, Registry};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest file with attestations, in bytes.
const ATTESTATIONS_LIMIT: u64 = 256 << 20;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer image push app/ registry.example.com/app:1.2 --attestations app.intoto.jsonl"
)]
pub(crate) struct Arguments {
    /// The folder with the image, an OCI layout
    layout: PathBuf,
    /// Where it goes: [HOST[:PORT]/]NAME[:TAG]
    target: Reference,
    /// A file with attestations, one envelope a line: each is attached to every manifest of the
    /// image that it is about, before the tag names the image
    #[arg(long, value_name = "FILE")]
    attestations: Vec<PathBuf>,
    #[command(flatten)]
    registries: RegistryArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Pushes an image, attaches attestations, and gives it its tag last.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let to = &arguments.target;
    let tag = target_tag(to)?;
    let layout = Layout::open(&arguments.layout)?;
    let mut attestations = Vec::new();
    for path in &arguments.attestations {
        let read = read(path).with_context(|| format!("cannot use {}", path.display()))?;
        attestations.extend(read);
    }
    let registries = arguments.registries.open()?;
    let registry = registries.connect(to, Access::Push, &[])?;
    let turn = turn(to)?;
    let result = registry.push_layout(&layout);
    let pushed = result.with_context(|| format!("{to} was not pushed"))?;
    let attached = attach(&registry, &pushed, &attestations)
        .with_context(|| format!("{to} did not get its attestations, and so no tag"))?;
    registry.tag(&pushed.digest, &tag)?;
    drop(turn);
    if arguments.json {
        print::json(&json!({
            "target": format!("{}:{tag}", to.name()),
            "digest": pushed.digest,
            "manifests": pushed.manifests.len(),
            "attestations": attached,
            "blobs": registries.transfers.counts(),
        }))?;
    } else {
        print::line(format_args!(
            "{}:{tag}@{} ({}, {})",
            to.name(),
            pushed.digest,
            print::count(pushed.manifests.len(), "manifest"),
            print::count(attached, "attestation"),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Attaches what is about each manifest; how many there were.
fn attach(registry: &Registry, pushed: &Pushed, attestations: &[Attestation]) -> Result<usize> {
    let digests = pushed.manifests.iter().map(|manifest| manifest.digest);
    let digests: Vec<_> = digests.collect();
    for attestation in attestations {
        if !digests.iter().any(|digest| attestation.is_about(digest)) {
            bail!(
                "an attestation ({}) is about nothing in this image",
                print::plain_line(attestation.predicate_type())
            );
        }
    }
    let mut attached = 0;
    for digest in &digests {
        let about = attestations.iter().filter(|one| one.is_about(digest));
        let about: Vec<Attestation> = about.cloned().collect();
        if !about.is_empty() {
            registry.attach_attestations(digest, &about)?;
            attached += about.len();
        }
    }
    Ok(attached)
}

fn read(path: &Path) -> Result<Vec<Attestation>> {
    let size = fs_err::metadata(path)?.len();
    if size > ATTESTATIONS_LIMIT {
        bail!("it has more than {ATTESTATIONS_LIMIT} bytes");
    }
    let text = fs_err::read(path)?;
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty());
    lines
        .map(|(number, line)| {
            Attestation::read(line).with_context(|| format!("line {}", number + 1))
        })
        .collect()
}
