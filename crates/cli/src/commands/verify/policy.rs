//! Policies on the command line: the file is read once and asked for every report.

use crate::commands::recipe_file::render;
use crate::print;
use anyhow::{Context as _, Result, anyhow};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::verify::{ImageReport, Report};
use bessemer_build::worker::now;
use bessemer_policy::{
    Policy, SourceAttestations, SourceEvidence, SourceFile, Subject, Violation, check,
};
use serde_json::{Value, json};
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest policy file that is read, in bytes; the decoder refuses one of this size.
const POLICY_LIMIT: u64 = (4 << 20) + 1;
/// The largest file of a public key, in bytes.
const KEY_LIMIT: u64 = 64 << 10;
/// The largest file of source attestations, in bytes (256 MiB).
const ATTESTATIONS_LIMIT: u64 = 256 << 20;

/// What is expected.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArguments {
    /// Refuse what this policy does not know; what other flags demand is demanded as well
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Who vouches for commits.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArguments {
    /// Summaries of the SLSA Source track, for a policy that demands them: DSSE envelopes, one a line;
    /// may be repeated
    #[arg(long, value_name = "FILE", requires = "policy")]
    source_attestations: Vec<PathBuf>,
    /// Print a policy that knows this package as it is, to begin with
    #[arg(long, conflicts_with_all = ["policy", "json", "complete", "recursive"])]
    pub(crate) print_policy: bool,
}

/// A policy, and what was given to it.
#[derive(Debug)]
pub(crate) struct Judge {
    policy: Policy,
    evidence: SourceEvidence,
    now: Timestamp,
}

/// A report that does not meet a policy.
#[derive(Debug)]
pub(crate) struct Violated {
    pub(crate) violations: Vec<Violation>,
    /// The report, for programs.
    pub(crate) report: Value,
    /// Which policy.
    pub(crate) policy: Value,
}

impl fmt::Display for Violated {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = print::count(self.violations.len(), "violation");
        write!(formatter, "{count} of the policy")
    }
}

impl std::error::Error for Violated {}

impl PolicyArguments {
    /// Reads the policy, if one is named.
    pub(crate) fn open(&self, sources: Option<&SourceArguments>) -> Result<Option<Judge>> {
        let Some(path) = &self.policy else {
            return Ok(None);
        };
        let policy = read(path)?;
        let mut given = SourceAttestations::default();
        for path in sources.iter().flat_map(|one| &one.source_attestations) {
            let bytes = limited(path, ATTESTATIONS_LIMIT)
                .with_context(|| format!("cannot read {}", path.display()))?;
            given
                .read(&bytes)
                .with_context(|| format!("cannot read {}", path.display()))?;
        }
        Ok(Some(Judge {
            evidence: SourceEvidence::of(&policy, &given),
            policy,
            now: now()?,
        }))
    }
}

impl Judge {
    /// What the report does not meet.
    pub(crate) fn violations<'a>(&self, subject: impl Into<Subject<'a>>) -> Vec<Violation> {
        check(&self.policy, subject, &self.evidence, &self.now)
    }

    /// Which policy it is, for programs.
    pub(crate) fn told(&self) -> Value {
        json!({"file": self.policy.file(), "sha256": self.policy.digest()})
    }

    /// That everything is as the policy has it.
    pub(crate) fn line(&self) -> String {
        let file = print::plain_line(self.policy.file());
        format!("policy: all that {file} expects holds")
    }

    /// An error, if a package's report does not meet the policy.
    pub(crate) fn judge(&self, report: &Report) -> Result<()> {
        self.judged(self.violations(report), json!(report))
    }

    /// An error, if one of the images does not meet the policy.
    pub(crate) fn judge_images(&self, reports: &[ImageReport]) -> Result<()> {
        let mut violations = Vec::new();
        for report in reports {
            // The same of an index and of the images in it is said once.
            for one in self.violations(report) {
                if !violations.contains(&one) {
                    violations.push(one);
                }
            }
        }
        self.judged(violations, json!(reports))
    }

    fn judged(&self, violations: Vec<Violation>, report: Value) -> Result<()> {
        if violations.is_empty() {
            return Ok(());
        }
        Err(Violated {
            violations,
            report,
            policy: self.told(),
        }
        .into())
    }
}

fn read(path: &Path) -> Result<Policy> {
    let cannot = || format!("cannot read the policy {}", path.display());
    let bytes = limited(path, POLICY_LIMIT).with_context(cannot)?;
    let text = String::from_utf8(bytes).context("it is not UTF-8");
    let text = text.with_context(cannot)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let key_file = |name: &str| {
        let bytes = limited(&folder.join(name), KEY_LIMIT).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())
    };
    let source = SourceFile::new(path.display().to_string(), text);
    Policy::parse(&source, &key_file).map_err(|diagnostic| anyhow!(render(&diagnostic)))
}

/// The file's bytes; one that is larger is refused.
fn limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = fs_err::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(anyhow!("it has more than {limit} bytes"));
    }
    Ok(bytes)
}
