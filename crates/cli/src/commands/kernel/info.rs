//! `bessemer kernel info`: what guests would boot, and where it comes from.

use super::super::repositories::{OfRecipe, RepositoryArguments};
use super::super::verify::read_trust_root;
use crate::places::Places;
use crate::print;
use crate::programs::companion;
use crate::services::{Inherited, Services};
use anyhow::{Context, Result, anyhow};
use bessemer_attest::TrustRoot;
use bessemer_attest::derive::BuildEnvironment;
use bessemer_attest::verify::{ApkFacts, Report, VerifyPolicy, verify};
use bessemer_build::boot::{bundle, kernel_package};
use bessemer_build::worker::now;
use bessemer_repository::PackageFile;
use bessemer_store::Store;
use bessemer_vm::Bundle;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer kernel info -r ./repository -k keys/import-*.rsa.pub\n  bessemer kernel info -r ./repository -k factory.rsa.pub --trust-root factory/trust-root.json --json"
)]
pub(crate) struct InfoArguments {
    #[command(flatten)]
    repositories: RepositoryArguments,
    /// Architecture of the guests
    #[arg(long, default_value = std::env::consts::ARCH)]
    arch: String,
    /// The keys to believe [default: this factory's own]
    #[arg(long)]
    trust_root: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Resolves, measures and verifies as a build would, and boots nothing.
pub(super) fn run(arguments: &InfoArguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let root = match &arguments.trust_root {
        Some(path) => read_trust_root(path)?,
        None => Services::open(inherited)?.signer()?.trust_root()?,
    };
    let places = Places::of(false)?;
    let store = Store::open(places.cache.join("store"))?;
    let opened = arguments
        .repositories
        .open(&OfRecipe::default(), &arguments.arch, &store)?;
    let sources = opened.sources(&store, &places, Some(&root));
    let kernel = kernel_package(&sources)?.context("the repositories offer no kernel")?;
    let bundle = bundle(&kernel, &companion("bessemer-agent")?)?;
    let verified = verified(&kernel, &store, &root);
    if arguments.json {
        print::json(&as_json(&kernel, &bundle, &verified))?;
    } else {
        say(&kernel, &bundle, &verified)?;
    }
    Ok(ExitCode::from(u8::from(verified.is_err())))
}

/// What the attestations beside the package prove.
pub(in crate::commands) fn verified(
    kernel: &PackageFile,
    store: &Store,
    root: &TrustRoot,
) -> Result<Report> {
    let sidecar = kernel.attestations(store)?;
    let sidecar = sidecar.ok_or_else(|| anyhow!("no attestation lies beside it"))?;
    let facts = ApkFacts {
        file: format!("{}-{}.apk", kernel.locked.name, kernel.locked.version),
        sha256: kernel.locked.sha256,
        control_sha256: None,
        data_sha256: None,
    };
    let policy = VerifyPolicy {
        accept_imports: true,
        now: Some(now()?),
        ..VerifyPolicy::default()
    };
    Ok(verify(&facts, &sidecar, root, &policy)?)
}

fn say(kernel: &PackageFile, bundle: &Bundle, verified: &Result<Report>) -> Result<()> {
    let row = |name: &str, value: &str| print::line(format_args!("{name:<12} {value}"));
    let locked = &kernel.locked;
    let descriptor = bundle.descriptor();
    row(
        "kernel",
        descriptor.map_or("", |kernel| kernel.release.as_str()),
    )?;
    row("package", &format!("{}-{}", locked.name, locked.version))?;
    row("from", &locked.uri)?;
    let optional = |digest: Option<bessemer_digest::Digest>| {
        digest.map_or_else(String::new, |digest| digest.to_string())
    };
    for (name, value) in [
        ("", locked.sha256.to_string()),
        ("image", optional(bundle.kernel_digest())),
        ("initramfs", optional(bundle.initramfs_digest())),
        ("agent", bundle.agent_digest().to_string()),
    ] {
        row(name, &value)?;
    }
    match verified {
        Err(error) => row(
            "chain",
            &print::plain_line(&format!("not verified: {error:#}")),
        ),
        Ok(report) => {
            for (number, line) in report.lines().iter().enumerate() {
                row(if number == 0 { "chain" } else { "" }, line)?;
            }
            let environment = BuildEnvironment::of(report, None);
            row(
                "environment",
                &format!("SLSA BuildEnv level {}", environment.level),
            )?;
            for reason in environment.why_not_higher {
                row("", &format!("not higher: {reason}"))?;
            }
            Ok(())
        }
    }
}

fn as_json(kernel: &PackageFile, bundle: &Bundle, verified: &Result<Report>) -> serde_json::Value {
    let mut value = json!({
        "package": kernel.locked,
        "descriptor": bundle.descriptor(),
        "kernel": bundle.kernel_digest(),
        "initramfs": bundle.initramfs_digest(),
        "agent": bundle.agent_digest(),
    });
    match verified {
        Ok(report) => {
            value["report"] = json!(report);
            value["build_environment"] = json!(BuildEnvironment::of(report, None));
        }
        Err(error) => value["not_verified"] = json!(format!("{error:#}")),
    }
    value
}
