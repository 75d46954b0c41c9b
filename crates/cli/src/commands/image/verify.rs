//! `bessemer image verify`: an image in a registry, by what is attached to it.
//!
//! A command of its own, because a reference and a path look alike: a package whose file is missing must
//! not become a question to somebody's registry.

use super::registries::RegistryArguments;
use crate::commands::verify::read_trust_root;
use crate::print;
use anyhow::{Context as _, Result, bail};
use bessemer_attest::verify::{ImageReport, ImageVerifyPolicy, verify_image};
use bessemer_attest::{Envelope, Sidecar, TrustRoot};
use bessemer_build::worker::now;
use bessemer_digest::Digest;
use bessemer_registry::{Access, Reference, Registry};
use bessemer_tlog::Proof;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  bessemer image verify registry.example.com/app:1.2 --trust-root keys/trust-root.json"
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
    registries: RegistryArguments,
    /// Print the reports as JSON
    #[arg(long)]
    json: bool,
}

/// Verifies the image and, of an index, every image in it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = read_trust_root(&arguments.trust_root)?;
    let registries = arguments.registries.open()?;
    let registry = registries.connect(&arguments.image, Access::Pull, &[])?;
    let Some(digest) = registry.resolve(&arguments.image)? else {
        bail!("there is no {}", arguments.image);
    };
    let policy = ImageVerifyPolicy {
        min_level: arguments.min_level,
        now: Some(now()?),
    };
    let mut reports = Vec::new();
    for digest in registry.platforms(&digest)? {
        let report = check(&registry, &digest, &root, &policy);
        reports.push(report.with_context(|| format!("FAIL {digest}"))?);
    }
    if arguments.json {
        print::json(&json!({"result": "PASS", "digest": digest, "reports": reports}))?;
    } else {
        for line in reports.iter().flat_map(ImageReport::lines) {
            print::line(format_args!("{line}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(
    registry: &Registry,
    digest: &Digest,
    root: &TrustRoot,
    policy: &ImageVerifyPolicy,
) -> Result<ImageReport> {
    let mut attached = Sidecar::default();
    for one in registry.attestations(digest)? {
        // What cannot be read is nobody's envelope, and hides nothing of what verifies.
        let Ok(envelope) = Envelope::parse(&one.envelope) else {
            print::warning(&format!("{digest}: something attached is no envelope"));
            continue;
        };
        let proof = one.proof.as_deref().map(str::as_bytes).map(Proof::parse);
        match proof {
            Some(Ok(proof)) => attached.push_logged(envelope, proof),
            _ => attached.push(envelope),
        }
    }
    Ok(verify_image(digest, &attached, root, policy)?)
}
