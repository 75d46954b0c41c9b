//! `bessemer verify`.

mod complete;
pub(crate) mod policy;

use crate::services::Inherited;
use crate::{package_file, print};
use anyhow::{Context, Result, anyhow, bail};
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;
use bessemer_attest::verify::{ApkFacts, Origin, Report, VerifyError, VerifyPolicy, verify};
use bessemer_attest::{PROOFS_LIMIT, SIDECAR_LIMIT, Sidecar, TrustRoot};
use bessemer_build::worker::now;
use bessemer_policy::starting_policy;
use complete::CompleteArguments;
use policy::{Judge, PolicyArguments, SourceArguments, Violated};
use std::io::{BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --min-level 3 --json\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --complete -r ./repository -k import.rsa.pub\n  bessemer verify bzip2-1.0.8-r0.apk --trust-root keys/trust-root.json --policy policy.yaml"
)]
pub(crate) struct Arguments {
    /// The packages; the attestations of each stand beside it
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    /// The keys to believe, and what each may assert
    #[arg(long)]
    trust_root: PathBuf,
    /// Where the attestations of a single package are [default: <package>.intoto.jsonl]
    #[arg(long)]
    attestations: Option<PathBuf>,
    /// Where the proofs are that its attestations are logged [default: <package>.tlog-proof]
    #[arg(long)]
    proofs: Option<PathBuf>,
    /// Refuse a package built below this SLSA build level
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    min_level: u8,
    /// Accept a package without proof that its tests passed
    #[arg(long)]
    allow_untested: bool,
    /// Demand the summary of a gate that admitted the package to a repository
    #[arg(long)]
    require_gate: bool,
    /// Demand that the gate admitted it to this repository; what `publish --resource-uri` was given
    #[arg(long)]
    resource_uri: Option<String>,
    #[command(flatten)]
    policy: PolicyArguments,
    #[command(flatten)]
    sources: SourceArguments,
    #[command(flatten)]
    pub(crate) complete: CompleteArguments,
    /// Print the report as JSON; an array if several packages are named
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// What is wrong with the flags together, if something is.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        if self.packages.len() == 1 {
            None
        } else if self.attestations.is_some() {
            Some("--attestations names one file, and there are several packages")
        } else if self.sources.print_policy {
            Some("--print-policy is about one package, and there are several")
        } else {
            self.proofs
                .as_ref()
                .map(|_| "--proofs names one file, and there are several packages")
        }
    }

    /// Where the attestations of one of the packages are.
    fn beside(&self, package: &Path) -> Beside {
        let usual = Beside::of(package);
        Beside {
            attestations: self.attestations.clone().unwrap_or(usual.attestations),
            proofs: self.proofs.clone().unwrap_or(usual.proofs),
        }
    }
}

/// Verifies, and says what was proven; exit status 1 if any package has any mismatch.
pub(crate) fn run(arguments: &Arguments, inherited: Option<&Inherited>) -> Result<ExitCode> {
    let root = read_trust_root(&arguments.trust_root)?;
    let judge = arguments.policy.open(Some(&arguments.sources))?;
    let mut reports = Vec::new();
    let mut failed = false;
    for package in &arguments.packages {
        match check(package, arguments, &root, judge.as_ref()) {
            Ok(report) if arguments.json => reports.push(json(package, &report, judge.as_ref())),
            Ok(report) if arguments.sources.print_policy => {
                print::bytes(starting_policy(&report).as_bytes())?;
            }
            Ok(report) => {
                let policy = judge.as_ref().map(Judge::line);
                for line in report.lines().into_iter().chain(policy) {
                    print::line(format_args!("{line}"))?;
                }
            }
            Err(error) => {
                failed = true;
                if arguments.json {
                    reports.push(refusal(package, &error));
                }
                let package = print::plain_line(&package.display().to_string());
                for reason in reasons(&error) {
                    print::failure(&anyhow!("FAIL {package}: {reason}"));
                }
            }
        }
    }
    if arguments.complete.complete && !failed {
        return proven_complete(arguments, &reports, inherited);
    }
    match reports.as_slice() {
        [] => {}
        [report] if arguments.packages.len() == 1 => print::json(report)?,
        reports => print::json(&reports)?,
    }
    Ok(ExitCode::from(u8::from(failed)))
}

/// Builds again what was verified, from what its provenance lists.
fn proven_complete(
    arguments: &Arguments,
    reports: &[serde_json::Value],
    inherited: Option<&Inherited>,
) -> Result<ExitCode> {
    let (packages, root) = (&arguments.packages, &arguments.trust_root);
    // Several packages have no file named for them: the command line was checked.
    let beside = match packages.as_slice() {
        [package] => Some(arguments.beside(package)),
        _ => None,
    };
    let complete = &arguments.complete;
    let outcome = complete.carry_out(packages, beside, root, inherited)?;
    let status = outcome.judge(true);
    if arguments.json {
        print::json(&complete::report(&outcome, status == 0, reports))?;
    } else {
        print::bytes(outcome.to_text(true).as_bytes())?;
    }
    Ok(ExitCode::from(status))
}

/// A line for each violation of a policy; one for anything else.
fn reasons(error: &anyhow::Error) -> Vec<String> {
    match error.downcast_ref::<Violated>() {
        Some(violated) => violated
            .violations
            .iter()
            .map(ToString::to_string)
            .collect(),
        None => vec![reason(error)],
    }
}

/// One line, however long the chain of causes: a log is searched for it.
fn reason(error: &anyhow::Error) -> String {
    let text = print::plain_line(&format!("{error:#}"));
    match error.downcast_ref() {
        Some(VerifyError::Subject { .. }) => {
            text + " (`bessemer sign` makes another file, of which attestations made before do not speak)"
        }
        _ => text,
    }
}

fn json(package: &Path, report: &Report, judge: Option<&Judge>) -> serde_json::Value {
    let builder_id = match &report.origin {
        Origin::Built(built) => built.builder_id.as_str(),
        Origin::Imported(_) => "",
    };
    let mut value = serde_json::json!({
        "result": "PASS",
        "package": package,
        "builder_id": builder_id,
        "level": report.level(),
        "report": report,
    });
    if let Some(judge) = judge {
        value["policy"] = judge.told();
        value["violations"] = serde_json::json!([]);
    }
    value
}

fn refusal(package: &Path, error: &anyhow::Error) -> serde_json::Value {
    let mut value = serde_json::json!({
        "result": "FAIL",
        "package": package,
        "reason": format!("{error:#}"),
    });
    if let Some(violated) = error.downcast_ref::<Violated>() {
        value["policy"] = violated.policy.clone();
        value["violations"] = serde_json::json!(violated.violations);
        value["report"] = violated.report.clone();
    }
    value
}

fn check(
    package: &Path,
    arguments: &Arguments,
    root: &TrustRoot,
    judge: Option<&Judge>,
) -> Result<Report> {
    let facts = facts(package)?;
    let sidecar = arguments.beside(package).read()?;
    let policy = VerifyPolicy {
        min_level: arguments.min_level,
        require_tests: !arguments.allow_untested,
        require_gate: arguments.require_gate || arguments.resource_uri.is_some(),
        accept_imports: true,
        now: Some(now()?),
        ..VerifyPolicy::default()
    };
    let report = verify(&facts, &sidecar, root, &policy)?;
    if let (Some(wanted), Some(gate)) = (&arguments.resource_uri, &report.gate) {
        let inside = gate.resource_uri.strip_prefix(wanted.trim_end_matches('/'));
        if !inside.is_some_and(|rest| rest.starts_with('/')) {
            bail!(
                "the gate admitted it as {}, not to {wanted}",
                gate.resource_uri
            );
        }
    }
    if let Some(judge) = judge {
        judge.judge(&report)?;
    }
    Ok(report)
}

/// Where what was attested of a package is.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    pub(crate) attestations: PathBuf,
    /// The proofs that these are logged; the file need not be there.
    pub(crate) proofs: PathBuf,
}

impl Beside {
    /// Beside the package itself.
    pub(crate) fn of(package: &Path) -> Self {
        Self {
            attestations: sidecar_path(package),
            proofs: proofs_path(package),
        }
    }

    /// Reads the envelopes, and the proofs if there are any.
    pub(crate) fn read(&self) -> Result<Sidecar> {
        with_proofs(read_envelopes(&self.attestations)?, &self.proofs)
    }
}

/// The attestations beside a package.
pub(crate) fn sidecar_path(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".intoto.jsonl");
    PathBuf::from(name)
}

/// Reads a trust root.
pub(crate) fn read_trust_root(path: &Path) -> Result<TrustRoot> {
    let bytes = fs_err::read(path).context("cannot read the trust root")?;
    TrustRoot::parse(&bytes).with_context(|| format!("{} is no trust root", path.display()))
}

/// The proofs beside a package that its attestations are logged.
pub(crate) fn proofs_path(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".tlog-proof");
    PathBuf::from(name)
}

/// Reads the envelopes beside a package, and the proofs if there are any.
pub(crate) fn read_sidecar(package: &Path) -> Result<Sidecar> {
    Beside::of(package).read()
}

fn read_envelopes(path: &Path) -> Result<Sidecar> {
    let file = fs_err::File::open(path).context("the attestations are missing")?;
    let mut bytes = Vec::new();
    file.take(SIDECAR_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)?;
    Sidecar::parse(&bytes).with_context(|| format!("cannot read {}", path.display()))
}

/// Adds the proofs of a file. Without the file there are none, and verification says what that means.
fn with_proofs(sidecar: Sidecar, path: &Path) -> Result<Sidecar> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(sidecar),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(PROOFS_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    let read = sidecar.with_proofs(&bytes);
    read.with_context(|| format!("cannot read {}", path.display()))
}

/// What a package file says of itself, measured; the package must be intact.
pub(crate) fn facts(package: &Path) -> Result<ApkFacts> {
    let damaged = "the file is not an intact package";
    let file = BufReader::new(package_file::open(package)?);
    let mut reader = Reader::open(file, Limits::default()).context(damaged)?;
    while reader.next_entry().context(damaged)?.is_some() {}
    let (header, summary) = reader.finish().context(damaged)?;
    Ok(ApkFacts {
        file: package
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256: summary.file_sha256,
        control_sha256: Some(header.control.sha256),
        data_sha256: Some(summary.data_sha256),
    })
}

#[cfg(test)]
mod tests {
    use super::{VerifyError, reason};
    use bessemer_digest::Digest;

    #[test]
    fn a_file_that_nothing_speaks_of_may_have_been_signed_again() {
        let error = VerifyError::Subject {
            number: 1,
            file: "a-1-r0.apk".to_owned(),
            sha256: Digest::of("a"),
        };
        let line = reason(&error.into());
        assert!(
            line.contains("(`bessemer sign` makes another file"),
            "{line}"
        );
        let other = reason(&anyhow::anyhow!("one\ntwo"));
        assert_eq!(other, "one two");
    }
}
