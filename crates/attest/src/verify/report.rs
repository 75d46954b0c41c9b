//! What was proven, for programs (`serde`) and for people ([`Report::lines`]).

use super::words::many;
use crate::predicates::{Import, IsolationParameters};
use bessemer_digest::Digest;
use serde::Serialize;
use std::collections::BTreeMap;

/// The accelerator that is none.
pub(super) const DIRECT: &str = "direct";

/// A package that verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// File name.
    pub file: String,
    /// The package's name, as the statement says it, or as the file's name does, which the statement
    /// repeats.
    pub package: String,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Built here, or imported.
    pub origin: Origin,
    /// Its passing test, when one was verified.
    pub test: Option<TestReport>,
    /// Whether a signed SPDX document was verified.
    pub sbom: bool,
    /// The gate's summary, when one was verified.
    pub gate: Option<GateReport>,
    /// Summaries of rebuilds that made the same bytes: one for each run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reproduced: Vec<ReproductionReport>,
    /// The log that has every statement, when the trust root names one.
    pub log: Option<LogReport>,
    /// Envelopes that were passed over because no key was given for them.
    pub unverified: usize,
    /// Digests of the verified envelopes, summaries excepted.
    pub(super) evidence: Vec<Digest>,
}

/// What the proofs beside a package show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// Which log.
    pub origin: String,
    /// The largest size that one of the checkpoints is of.
    pub size: u64,
    /// Where the statements stand in it, in the envelopes' order.
    pub indexes: Vec<u64>,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Built by the factory.
    Built(Box<BuiltReport>),
    /// Repacked from a distribution's signed archive.
    Imported(ImportReport),
}

/// What provenance says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuiltReport {
    /// The builder.
    pub builder_id: String,
    /// The SLSA Build level that its key stands for.
    pub level: u8,
    /// Why it is not higher; empty at level 3.
    pub why_not_higher: Vec<String>,
    /// Id of the key.
    pub key: String,
    /// Id of the run.
    pub invocation_id: String,
    /// Host clock at the start.
    pub started_on: String,
    /// Host clock at the end.
    pub finished_on: String,
    /// Architecture.
    pub architecture: String,
    /// What else somebody outside chose: the external parameters but recipe and architecture, each
    /// with its values as texts (`name=value` where it has names).
    pub parameters: BTreeMap<String, Vec<String>>,
    /// The recipe.
    pub source: SourceReport,
    /// What went in.
    pub dependencies: DependencyCounts,
    /// The commits of git repositories that went in, the recipe's own not among them.
    pub commits: Vec<CommitReport>,
    /// What the guest could reach.
    pub network: String,
    /// What ran the guest.
    pub accelerator: String,
    /// QEMU machine type.
    pub machine: String,
    /// How QEMU was confined.
    pub isolation: IsolationParameters,
}

/// The recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Repository, when it was at a clean commit.
    pub repository: Option<String>,
    /// Ref that was asked for.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Commit.
    pub commit: Option<String>,
    /// Path.
    pub path: String,
    /// Digest of the file.
    pub sha256: Digest,
}

/// A commit of a git repository that went in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CommitReport {
    /// URL of the repository.
    pub repository: String,
    /// The commit's name in hexadecimal.
    pub commit: String,
}

/// How many inputs of each kind are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DependencyCounts {
    /// Packages in the build root.
    pub packages: usize,
    /// Of these, with a verified attestation of their own.
    pub packages_attested: usize,
    /// Sources.
    pub sources: usize,
    /// Pipeline files.
    pub pipelines: usize,
    /// Repository indexes.
    pub indexes: usize,
}

/// What an import attestation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The archives and their release.
    pub import: Import,
    /// Id of the key.
    pub key: String,
}

/// What a test result says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// Steps that passed.
    pub steps: usize,
    /// What ran the test VM.
    pub accelerator: String,
    /// Id of the key.
    pub key: String,
}

/// What a gate's summary says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateReport {
    /// The gate.
    pub verifier_id: String,
    /// Where it expects the package to be fetched.
    pub resource_uri: String,
    /// What it verified.
    pub levels: Vec<String>,
    /// Id of the key.
    pub key: String,
    /// Digest of its envelope.
    pub attestation: Digest,
}

/// What a summary says of a package that was built again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReproductionReport {
    /// Who compared.
    pub verifier_id: String,
    /// When, by his clock.
    pub time: String,
    /// Where he expects the package to be fetched.
    pub resource_uri: String,
    /// What he verified.
    pub levels: Vec<String>,
    /// The run that made the package.
    pub original: ReproducedRun,
    /// The run that made it again.
    pub rebuild: ReproducedRun,
    /// Id of the key.
    pub key: String,
    /// Digest of the summary's envelope.
    pub attestation: Digest,
}

/// One of two runs that made the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReproducedRun {
    /// Whose run it was.
    pub builder_id: String,
    /// Id of the run.
    pub invocation_id: String,
}

impl ReproductionReport {
    /// Whether the second run was another builder's.
    pub fn is_of_another_builder(&self) -> bool {
        self.original.builder_id != self.rebuild.builder_id
    }

    fn line(&self) -> String {
        let by = if self.is_of_another_builder() {
            format!("another builder, {}", self.rebuild.builder_id)
        } else {
            "the same builder".to_owned()
        };
        format!(
            "reproduced: {} at {}: made again by {by}, with the same control and data",
            self.verifier_id, self.time
        )
    }
}

impl Report {
    /// The SLSA Build level; 0 for imports.
    pub fn level(&self) -> u8 {
        match &self.origin {
            Origin::Built(built) => built.level,
            Origin::Imported(_) => 0,
        }
    }

    /// Whether a passing test was verified.
    pub fn is_tested(&self) -> bool {
        self.test.is_some()
    }

    /// Digests of the verified envelopes, summaries excepted: first the one that says where the package
    /// comes from.
    pub fn evidence(&self) -> &[Digest] {
        &self.evidence
    }

    /// Whether the gate admitted it to `place`: a repository, a folder of one, or the file itself.
    pub fn is_admitted_to(&self, place: &str) -> bool {
        let Some(gate) = &self.gate else {
            return false;
        };
        let place = place.trim_end_matches('/');
        let below = match &self.origin {
            Origin::Built(built) => format!("{place}/{}/{}", built.architecture, self.file),
            Origin::Imported(_) => String::new(),
        };
        let names = [place.to_owned(), format!("{place}/{}", self.file), below];
        names.contains(&gate.resource_uri)
    }

    /// Takes in a summary of a rebuild. A second one of the same run, or the same one from another
    /// file, shows nothing more.
    pub fn add_reproduction(&mut self, reproduction: ReproductionReport) {
        let mut known = self.reproduced.iter();
        let is_known = known.any(|one| {
            one.verifier_id == reproduction.verifier_id && one.rebuild == reproduction.rebuild
        });
        if !is_known {
            self.reproduced.push(reproduction);
        }
    }

    /// The report in plain words, a line each. Statements may say what they like, signed as they are:
    /// none of it reaches a terminal as a control character.
    pub fn lines(&self) -> Vec<String> {
        let plain = |letter: char| match letter {
            letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
            letter => letter,
        };
        let lines = self.said().into_iter();
        lines
            .map(|line| line.chars().map(plain).collect())
            .collect()
    }

    fn said(&self) -> Vec<String> {
        let mut lines = vec![format!("PASS {} ({})", self.file, self.sha256)];
        match &self.origin {
            Origin::Built(built) => built.lines(&mut lines),
            Origin::Imported(imported) => imported.lines(&mut lines),
        }
        lines.push(match &self.test {
            Some(test) => format!(
                "tests: {} passed in a second {} (`{}`) that installed this very file",
                many(test.steps, "step", "steps"),
                if test.accelerator == DIRECT {
                    "run, without a machine"
                } else {
                    "microVM"
                },
                test.accelerator
            ),
            None => "tests: none proven".to_owned(),
        });
        lines.push(format!(
            "sbom: {}",
            if self.sbom { "SPDX, signed" } else { "none" }
        ));
        lines.push(match &self.gate {
            Some(gate) => format!(
                "gate: admitted by {} as {}",
                gate.verifier_id, gate.resource_uri
            ),
            None => "gate: no summary".to_owned(),
        });
        lines.extend(self.reproduced.iter().map(ReproductionReport::line));
        lines.push(match &self.log {
            Some(log) => {
                let indexes: Vec<String> = log.indexes.iter().map(u64::to_string).collect();
                let indexes = indexes.join(", ");
                format!(
                    "log: all of it stands in {}, at {indexes} of {}",
                    log.origin, log.size
                )
            }
            None => "log: the trust root names none".to_owned(),
        });
        if self.unverified > 0 {
            let count = self.unverified;
            lines.push(format!(
                "not verified: {count} further statements, no key was given for them"
            ));
        }
        lines
    }
}

impl BuiltReport {
    fn lines(&self, lines: &mut Vec<String>) {
        let key = &self.key[..16.min(self.key.len())];
        lines.push(format!(
            "builder: {}, SLSA Build level {} (key {key}…)",
            self.builder_id, self.level
        ));
        lines.extend(
            self.why_not_higher
                .iter()
                .map(|reason| format!("why not higher: {reason}")),
        );
        let source = &self.source;
        lines.push(match (&source.repository, &source.commit) {
            (Some(repository), Some(commit)) => {
                let path = &source.path;
                let at = format!("source: {path} of {repository} at commit {commit}");
                match &source.reference {
                    Some(reference) => format!("{at}, {reference}"),
                    None => at,
                }
            }
            _ => format!(
                "source: {} ({}), by digest alone; no commit is named",
                source.path, source.sha256
            ),
        });
        let counts = &self.dependencies;
        lines.push(format!(
            "inputs: {}, {} ({} with an attestation of their own), {}, {}, all by digest",
            many(counts.sources, "source", "sources"),
            many(counts.packages, "package", "packages"),
            counts.packages_attested,
            many(counts.pipelines, "pipeline", "pipelines"),
            many(counts.indexes, "index", "indexes")
        ));
        let isolation = &self.isolation;
        let missing = match isolation.missing.as_slice() {
            [] => "complete".to_owned(),
            missing => format!("without {}", missing.join(", ")),
        };
        let network = &self.network;
        lines.push(if self.accelerator == DIRECT {
            format!("isolation: none but namespaces; the steps ran on the host's kernel, network `{network}`")
        } else {
            format!(
                "isolation: a microVM for this build alone (`{}`, `{}`), network `{network}`, jail `{}` {missing}",
                self.machine, self.accelerator, isolation.jail_profile
            )
        });
    }
}

impl ImportReport {
    fn lines(&self, lines: &mut Vec<String>) {
        let list = &self.import.list;
        lines.push(match &self.import.release {
            Some(release) => format!(
                "origin: not built here; repacked from {} Debian packages of {} (release {}) by package list {list}",
                self.import.debs.len(),
                release.suite,
                release.sha256
            ),
            None => format!("origin: not built here; written by package list {list} alone"),
        });
    }
}
