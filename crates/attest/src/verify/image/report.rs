//! What was proven of an image, for programs (`serde`) and for people ([`ImageReport::lines`]).

use super::super::LogReport;
use super::super::harmless;
use super::{BaseReport, RefusedEnvelope};
use crate::predicates::ImagePolicy;
use bessemer_digest::Digest;
use serde::Serialize;

/// An image, or an index of images, that verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageReport {
    /// Digest of the manifest or index.
    pub digest: Digest,
    /// The platform as the index has it (`linux/amd64`), or `index`.
    pub subject: String,
    /// The builder.
    pub builder_id: String,
    /// The SLSA Build level that its key stands for.
    pub level: u8,
    /// Id of the key.
    pub key: String,
    /// Id of the run.
    pub invocation_id: String,
    /// Host clock at the start.
    pub started_on: String,
    /// Host clock at the end.
    pub finished_on: String,
    /// The image file's path.
    pub config: String,
    /// What the images were called: registry and repository.
    pub names: Vec<String>,
    /// The packages of all images, without those of their bases.
    pub packages: ImagePackages,
    /// What the images are built on, for each that has a base.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<BaseReport>,
    /// What the policy accepted.
    pub policy: ImagePolicy,
    /// Whether a signed SPDX document was verified.
    pub sbom: bool,
    /// Whether the provenance names one that was.
    pub sbom_named: bool,
    /// How many provenances hold.
    pub provenances: usize,
    /// How many of these are what is expected; the report is of the newest.
    pub suitable: usize,
    /// The log that has every statement, when the trust root names one.
    pub log: Option<LogReport>,
    /// Envelopes that were passed over because no key of the trust root signed them.
    pub foreign: usize,
    /// How many other envelopes prove nothing.
    pub refused_count: usize,
    /// Some of these, and why.
    pub refused: Vec<RefusedEnvelope>,
}

/// How many packages there are of each kind, as the signer found them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImagePackages {
    /// With verified provenance.
    pub built: usize,
    /// With a verified import attestation.
    pub imported: usize,
    /// Accepted although nothing verified, by name.
    pub unverified: Vec<String>,
    /// The lowest level of one: that of its provenance's key, 0 for one without provenance; nothing
    /// when there are no packages.
    pub lowest_level: Option<u8>,
    /// The level of each, by name.
    #[serde(skip)]
    pub(super) levels: Vec<(String, u8)>,
}

impl ImageReport {
    /// The report in plain words, a line each, without control characters.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("PASS {} ({})", self.digest, self.subject),
            format!("  builder     {}", self.builder_id),
            format!("  level       SLSA Build L{}", self.level),
            format!("  image file  {}", self.config),
            format!("  meant for   {}", self.names.join(", ")),
            format!(
                "  run         {} {} to {}",
                self.invocation_id, self.started_on, self.finished_on
            ),
        ];
        lines.extend(self.packages.lines());
        lines.extend(self.bases.iter().map(BaseReport::line));
        lines.push(format!("  sbom        {}", self.sbom_in_words()));
        if let Some(log) = &self.log {
            lines.push(format!("  log         {} ({})", log.origin, log.size));
        }
        if self.provenances > 1 {
            lines.push(format!(
                "  provenance  {} hold, {} of them as expected; this is the newest of those",
                self.provenances, self.suitable
            ));
        }
        lines.extend(self.not_counted());
        let lines = lines.into_iter();
        lines
            .map(|line| line.chars().map(harmless).collect())
            .collect()
    }

    const fn sbom_in_words(&self) -> &'static str {
        match (self.sbom, self.sbom_named) {
            (false, _) => "none",
            (true, true) => "signed, the one that the provenance names",
            (true, false) => "signed, but another than the provenance names",
        }
    }

    fn not_counted(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.foreign > 0 {
            let count = self.foreign;
            lines.push(format!(
                "  not judged  {count} by keys that are not trusted"
            ));
        }
        for one in &self.refused {
            lines.push(format!("  refused     {}", one.reason));
        }
        let more = self.refused_count - self.refused.len();
        if more > 0 {
            lines.push(format!("  refused     {more} more"));
        }
        lines
    }
}

impl ImagePackages {
    /// The names of packages below this level, each with its own, sorted.
    pub fn below(&self, level: u8) -> Vec<(&str, u8)> {
        let levels = self.levels.iter();
        let below = levels.filter(|(_, found)| *found < level);
        let mut below: Vec<_> = below.map(|(name, found)| (name.as_str(), *found)).collect();
        below.sort_unstable();
        below.dedup();
        below
    }

    fn lines(&self) -> Vec<String> {
        let level = self.lowest_level.map_or(String::new(), |level| {
            format!("; the lowest level is {level}")
        });
        let unverified = self.unverified.len();
        let mut lines = vec![format!(
            "  packages    {} with verified provenance, {} imported, {unverified} accepted unverified{level}",
            self.built, self.imported
        )];
        if unverified > 0 {
            lines.push(format!("  unverified  {}", self.unverified.join(", ")));
        }
        lines
    }
}
