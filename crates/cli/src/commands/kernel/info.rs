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
use bessemer_attest::documents::LockedPackage;
use bessemer_attest::verify::{ApkFacts, Report, VerifyPolicy, verify};
use bessemer_build::boot::{Agent, agent_package, bundle, kernel_package};
use bessemer_build::worker::now;
use bessemer_digest::Digest;
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
    let packaged = agent_package(&sources)?;
    let bundle = match &packaged {
        Some(packaged) => bundle(Some(&kernel), Agent::Package(packaged))?,
        None => bundle(Some(&kernel), Agent::Program(&companion("bessemer-agent")?))?,
    };
    let found = Found {
        verified: verified(&kernel, &store, &root),
        agent_verified: packaged
            .as_ref()
            .map(|packaged| verified(packaged, &store, &root)),
        agent: packaged.map(|packaged| packaged.locked),
        kernel: kernel.locked,
        bundle,
    };
    if arguments.json {
        print::json(&found.to_json())?;
    } else {
        found.say()?;
    }
    Ok(ExitCode::from(u8::from(!found.is_verified())))
}

/// What would boot, and what its packages' attestations prove.
struct Found {
    kernel: LockedPackage,
    verified: Result<Report>,
    /// None for a program of this host.
    agent: Option<LockedPackage>,
    agent_verified: Option<Result<Report>>,
    bundle: Bundle,
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

impl Found {
    fn is_verified(&self) -> bool {
        self.verified.is_ok() && self.agent_verified.as_ref().is_none_or(Result::is_ok)
    }

    /// What the environment is worth; nothing for a kernel that does not verify.
    fn environment(&self) -> Option<BuildEnvironment> {
        let kernel = self.verified.as_ref().ok()?;
        let agent = self.agent_verified.as_ref();
        Some(BuildEnvironment::of(
            kernel,
            agent.and_then(|agent| agent.as_ref().ok()),
        ))
    }

    fn say(&self) -> Result<()> {
        let descriptor = self.bundle.descriptor();
        let release = descriptor.map_or("", |kernel| kernel.release.as_str());
        row("kernel", release)?;
        package(&self.kernel)?;
        let optional =
            |digest: Option<Digest>| digest.map_or_else(String::new, |digest| digest.to_string());
        row("image", &optional(self.bundle.kernel_digest()))?;
        row("initramfs", &optional(self.bundle.initramfs_digest()))?;
        chain(&self.verified)?;
        row("agent", &self.bundle.agent_digest().to_string())?;
        match (&self.agent, &self.agent_verified) {
            (Some(agent), Some(verified)) => {
                package(agent)?;
                chain(verified)?;
            }
            _ => row("from", "a program of this host")?,
        }
        let Some(environment) = self.environment() else {
            return Ok(());
        };
        let level = format!("SLSA BuildEnv level {}", environment.level);
        row("environment", &level)?;
        for reason in environment.why_not_higher {
            row("", &format!("not higher: {reason}"))?;
        }
        Ok(())
    }

    fn to_json(&self) -> serde_json::Value {
        let mut value = json!({
            "package": self.kernel,
            "descriptor": self.bundle.descriptor(),
            "kernel": self.bundle.kernel_digest(),
            "initramfs": self.bundle.initramfs_digest(),
            "agent": self.bundle.agent_digest(),
        });
        let mut judged = |prefix: &str, verified: &Result<Report>| match verified {
            Ok(report) => value[format!("{prefix}report")] = json!(report),
            Err(error) => value[format!("{prefix}not_verified")] = json!(format!("{error:#}")),
        };
        judged("", &self.verified);
        if let Some(verified) = &self.agent_verified {
            judged("agent_", verified);
            value["agent_package"] = json!(self.agent);
        }
        if let Some(environment) = self.environment() {
            value["build_environment"] = json!(environment);
        }
        value
    }
}

fn row(name: &str, value: &str) -> Result<()> {
    print::line(format_args!("{name:<12} {value}"))
}

fn package(locked: &LockedPackage) -> Result<()> {
    row("package", &format!("{}-{}", locked.name, locked.version))?;
    row("from", &locked.uri)?;
    row("", &locked.sha256.to_string())
}

fn chain(verified: &Result<Report>) -> Result<()> {
    let lines = match verified {
        Ok(report) => report.lines(),
        Err(error) => vec![print::plain_line(&format!("not verified: {error:#}"))],
    };
    for (number, line) in lines.iter().enumerate() {
        row(if number == 0 { "chain" } else { "" }, line)?;
    }
    Ok(())
}
