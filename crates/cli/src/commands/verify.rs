//! `bessemer verify`.

use crate::print;
use anyhow::{Context, Result, anyhow};
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;
use bessemer_attest::verify::{ApkFacts, Origin, Report, VerifyPolicy, verify};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_digest::Digest;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --min-level 3 --json"
)]
pub(crate) struct Arguments {
    /// The package; its attestations stand beside it
    package: PathBuf,
    /// The keys to believe, and what each may assert
    #[arg(long)]
    trust_root: PathBuf,
    /// Where the attestations are [default: <package>.intoto.jsonl]
    #[arg(long)]
    attestations: Option<PathBuf>,
    /// Refuse a package built below this SLSA build level
    #[arg(long, default_value_t = 0)]
    min_level: u8,
    /// Accept a package without proof that its tests passed
    #[arg(long)]
    allow_untested: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Verifies, and says what was proven; exit status 1 on any mismatch.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = read_trust_root(&arguments.trust_root)?;
    // One line, however long the chain of causes: a log is searched for it.
    let report = check(arguments, &root)
        .map_err(|error| anyhow!("FAIL {}: {error:#}", arguments.package.display()))?;
    let builder_id = match &report.origin {
        Origin::Built(built) => built.builder_id.as_str(),
        Origin::Imported(_) => "",
    };
    if arguments.json {
        print::json(&serde_json::json!({
            "result": "PASS",
            "builder_id": builder_id,
            "level": report.level(),
            "report": report,
        }))?;
    } else {
        for line in report.lines() {
            print::line(format_args!("{line}"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &Arguments, root: &TrustRoot) -> Result<Report> {
    let facts = facts(&arguments.package)?;
    let path = arguments
        .attestations
        .clone()
        .unwrap_or_else(|| sidecar_path(&arguments.package));
    let sidecar = read_sidecar(&path)?;
    let policy = VerifyPolicy {
        min_level: arguments.min_level,
        require_tests: !arguments.allow_untested,
        accept_imports: true,
        ..VerifyPolicy::default()
    };
    Ok(verify(&facts, &sidecar, root, &policy)?)
}

/// The attestations beside a package.
pub(crate) fn sidecar_path(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".intoto.jsonl");
    PathBuf::from(name)
}

/// Reads a trust root.
pub(crate) fn read_trust_root(path: &Path) -> Result<TrustRoot> {
    let bytes = fs_err::read(path)?;
    TrustRoot::parse(&bytes).with_context(|| format!("{} is no trust root", path.display()))
}

/// Reads the envelopes beside a package.
pub(crate) fn read_sidecar(path: &Path) -> Result<Sidecar> {
    let bytes = fs_err::read(path).context("the attestations are missing")?;
    Sidecar::parse(&bytes).with_context(|| format!("cannot read {}", path.display()))
}

/// What a package file says of itself, measured; the package must be intact.
pub(crate) fn facts(package: &Path) -> Result<ApkFacts> {
    let (sha256, _) = Digest::of_reader(fs_err::File::open(package)?)?;
    let damaged = "the file is not an intact package";
    let file = BufReader::new(File::open(package)?);
    let mut reader = Reader::open(file, Limits::default()).context(damaged)?;
    while reader.next_entry().context(damaged)?.is_some() {}
    let (header, summary) = reader.finish().context(damaged)?;
    Ok(ApkFacts {
        file: package
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256,
        control_sha256: Some(header.control.sha256),
        data_sha256: Some(summary.data_sha256),
    })
}
