//! Verification of one image, or of an index of images, by what is attached to it, offline.
//!
//! What keys outside of the trust root signed is passed over and counted: others may attest the same
//! image. What its keys signed must hold, whole. An image that was published several times has several
//! provenances; the report is of the one that the log had last.

use super::open::shown;
use super::open::{self, Opened};
use super::{LogReport, VerifyError, logged};
use crate::derive::image_build_type;
use crate::documents::Timestamp;
use crate::predicates::{ImagePolicy, ImageProvenance, PROVENANCE_TYPE, SPDX_TYPE};
use crate::{ResourceDescriptor, Role, STATEMENT_TYPE, Sidecar, Statement, TrustRoot};
use bessemer_digest::Digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// What is demanded of an image. The default demands verified provenance and nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageVerifyPolicy {
    /// Lowest SLSA Build level.
    pub min_level: u8,
    /// The verifier's clock; keys that are not valid then are refused.
    pub now: Option<Timestamp>,
}

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
    /// The packages of all images.
    pub packages: ImagePackages,
    /// What the policy accepted.
    pub policy: ImagePolicy,
    /// Whether a signed SPDX document was verified.
    pub sbom: bool,
    /// The log that has every statement, when the trust root names one.
    pub log: Option<LogReport>,
    /// Envelopes that were passed over because no key of the trust root signed them.
    pub foreign: usize,
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
}

/// Enough of provenance to judge it before its closed parameters are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    build_definition: OutlineDefinition,
    run_details: OutlineRun,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutlineDefinition {
    build_type: String,
}

#[derive(Deserialize)]
struct OutlineRun {
    builder: OutlineBuilder,
}

#[derive(Deserialize)]
struct OutlineBuilder {
    id: String,
}

/// Verifies the manifest or index of this digest by the envelopes and proofs that are attached to it.
pub fn verify_image(
    digest: &Digest,
    attached: &Sidecar,
    root: &TrustRoot,
    policy: &ImageVerifyPolicy,
) -> Result<ImageReport, VerifyError> {
    let (opened, foreign) = open::signed(attached, root, policy.now.as_ref(), true)?;
    for one in &opened {
        about(one, digest)?;
    }
    let log = logged::all(&opened, attached, root)?;
    let mut newest: Option<(u64, ImageReport)> = None;
    for (number, one) in opened.iter().enumerate() {
        if one.key.role != Role::Image {
            continue;
        }
        let report = provenance(digest, one, root)?;
        let index = log.as_ref().and_then(|log| log.indexes.get(number));
        let index = index.copied().unwrap_or(number as u64);
        if newest.as_ref().is_none_or(|(known, _)| *known <= index) {
            newest = Some((index, report));
        }
    }
    let (_, mut report) = newest.ok_or(VerifyError::Missing("provenance"))?;
    if report.level < policy.min_level {
        return Err(VerifyError::Level {
            found: report.level,
            wanted: policy.min_level,
            reasons: "the trust root gives this builder no more".to_owned(),
        });
    }
    report.sbom = opened.iter().any(|one| one.key.role == Role::Sbom);
    (report.log, report.foreign) = (log, foreign);
    Ok(report)
}

/// The statement's type and role, and that it is about this image.
fn about(one: &Opened<'_>, digest: &Digest) -> Result<(), VerifyError> {
    let statement: Statement<IgnoredAny> = one.statement("statement")?;
    one.same("the statement's type", STATEMENT_TYPE, &statement.kind)?;
    let needed = match statement.predicate_type.as_str() {
        PROVENANCE_TYPE => Role::Image,
        SPDX_TYPE => Role::Sbom,
        other => {
            let found = other.chars().take(200).collect();
            let number = one.number;
            return Err(VerifyError::PredicateType { number, found });
        }
    };
    if needed != one.key.role {
        return Err(VerifyError::WrongRole {
            number: one.number,
            role: one.key.role.as_str(),
            needed: needed.as_str(),
        });
    }
    if statement.subject_with(digest).is_none() {
        return Err(VerifyError::Subject {
            number: one.number,
            file: "the image".to_owned(),
            sha256: *digest,
        });
    }
    Ok(())
}

fn provenance(
    digest: &Digest,
    one: &Opened<'_>,
    root: &TrustRoot,
) -> Result<ImageReport, VerifyError> {
    let outline: Outline = one.predicate("provenance")?;
    let asserted = one.key.builder_id.as_deref().unwrap_or_default();
    one.same("the builder id", asserted, &outline.run_details.builder.id)?;
    let build_type = image_build_type(&root.base);
    one.same(
        "the build type",
        &build_type,
        &outline.build_definition.build_type,
    )?;
    let statement: Statement<ImageProvenance> =
        one.statement("provenance (its parameters are a closed schema)")?;
    let subject = statement.subject_with(digest);
    let subject = subject.and_then(|subject| subject.name.clone());
    let ImageProvenance {
        build_definition: definition,
        run_details: run,
    } = statement.predicate;
    Ok(ImageReport {
        digest: *digest,
        subject: shown(&subject.unwrap_or_default()),
        builder_id: run.builder.id,
        level: one.key.level,
        key: one.key.id.clone(),
        invocation_id: run.metadata.invocation_id,
        started_on: run.metadata.started_on,
        finished_on: run.metadata.finished_on,
        config: definition.external_parameters.config_source.path,
        names: definition.external_parameters.names,
        packages: counted(one, &definition.resolved_dependencies)?,
        policy: definition.internal_parameters.package_policy,
        sbom: false,
        log: None,
        foreign: 0,
    })
}

/// Every package says what was found out about it; one that does not is no word of the signer's.
fn counted(
    one: &Opened<'_>,
    dependencies: &[ResourceDescriptor],
) -> Result<ImagePackages, VerifyError> {
    let mut packages = ImagePackages::default();
    for dependency in dependencies {
        let note = |key| dependency.annotations.get(key).map_or("", String::as_str);
        if note("role") != "package" {
            continue;
        }
        match note("verified") {
            "provenance" => packages.built += 1,
            "import" => packages.imported += 1,
            "no" => packages.unverified.push(note("package").to_owned()),
            other => one.mismatch("what a package's verification gave", "a verdict", other)?,
        }
    }
    packages.unverified.sort();
    packages.unverified.dedup();
    Ok(packages)
}

impl ImageReport {
    /// The report in plain words, a line each, without control characters.
    pub fn lines(&self) -> Vec<String> {
        let packages = &self.packages;
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
            format!(
                "  packages    {} with verified provenance, {} imported, {} accepted unverified",
                packages.built,
                packages.imported,
                packages.unverified.len()
            ),
        ];
        if !packages.unverified.is_empty() {
            lines.push(format!("  unverified  {}", packages.unverified.join(", ")));
        }
        let sbom = if self.sbom { "signed" } else { "none" };
        lines.push(format!("  sbom        {sbom}"));
        if let Some(log) = &self.log {
            lines.push(format!("  log         {} ({})", log.origin, log.size));
        }
        if self.foreign > 0 {
            let count = self.foreign;
            lines.push(format!(
                "  not judged  {count} by keys that are not trusted"
            ));
        }
        let plain = |char: char| match char {
            char if char.is_control() => char::REPLACEMENT_CHARACTER,
            char => char,
        };
        let lines = lines.into_iter();
        lines
            .map(|line| line.chars().map(plain).collect())
            .collect()
    }
}
