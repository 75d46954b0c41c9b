//! `bessemer export`: everything that is needed to verify artifacts offline, in one file.

use super::subject::SubjectArguments;
use crate::commands::verify::Target;
use crate::commands::verify::found::Proven;
use crate::evidence::{AcceptArguments, ChainArguments, chain_json, needed, packed};
use crate::print;
use anyhow::{Context as _, Result};
use bessemer_attest::chain::write_bundle;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer export docker://registry.example.com/app:1.2 --trust-root trust-root.json --evidence ./repository -o app.bundle\n  bessemer verify app.bundle --trust-root trust-root.json --recursive --name registry.example.com/app"
)]
pub(crate) struct Arguments {
    /// What the bundle is to be of: packages, `docker://` and the reference of an image, or bundles, to join
    /// or extend them
    #[arg(required = true, value_name = "PACKAGE|docker://IMAGE|BUNDLE")]
    targets: Vec<Target>,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    subject: SubjectArguments,
    #[command(flatten)]
    following: ChainArguments,
    #[command(flatten)]
    accept: AcceptArguments,
    /// Print what is in the bundle, as JSON
    #[arg(long)]
    json: bool,
}

/// Writes nothing unless the whole chain verifies.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut subjects = arguments.subject.open(&arguments.targets)?;
    let chain = subjects.chain(&arguments.following)?;
    let judged = arguments.following.judge(&chain, arguments.accept);
    judged.context("nothing was written")?;
    let roots = arguments.following.roots(&subjects.root)?;
    let needed = needed(&chain, 0, &subjects.pool, &roots)?;
    let targets: Vec<_> = subjects.proven.iter().map(Proven::target).collect();
    let folder = match arguments.output.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => ".".as_ref(),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    let mut out = packed(file.as_file_mut());
    write_bundle(&targets, &needed, &mut out)?;
    out.finish()?.flush()?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(readable)?;
    let file = file.persist(&arguments.output);
    let size = file
        .context("cannot put the bundle in its place")?
        .metadata()?
        .len();
    if arguments.json {
        print::json(&json!({
            "bundle": arguments.output, "size": size, "targets": targets, "chain": chain_json(&chain),
        }))?;
    } else {
        let artifacts = print::count(needed.len(), "artifact");
        let path = arguments.output.display();
        print::line(format_args!(
            "{path}: attestations of {artifacts}, {size} bytes"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
