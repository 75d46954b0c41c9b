//! One provenance of an image: that it is this image's, and what it says.

use super::super::VerifyError;
use super::super::shown;
use super::bases::bases;
use super::open::{Opened, unambiguous};
use super::{ImagePackages, ImageReport};
use crate::derive::image_build_type;
use crate::predicates::{ImageProvenance, PROVENANCE_TYPE, SPDX_TYPE};
use crate::{ResourceDescriptor, Role, STATEMENT_TYPE, Statement, TrustRoot};
use bessemer_digest::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

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

/// The statement's type and role, and that it is about this image.
pub(super) fn about(one: &Opened<'_>, digest: &Digest) -> Result<(), VerifyError> {
    unambiguous(one)?;
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

/// Provenance that holds.
pub(super) struct Proven {
    pub(super) report: ImageReport,
    /// The SPDX document that it names for this image.
    pub(super) sbom: Option<Digest>,
    /// Newer ones have a greater one.
    pub(super) order: u64,
    pub(super) provenance: Box<ImageProvenance>,
    /// Digest of its envelope.
    pub(super) attestation: Digest,
    /// Of the subject, in apk's words; nothing of an index.
    pub(super) architecture: Option<String>,
}

/// Reads an envelope of an image key. What depends on others is left empty in the report.
pub(super) fn provenance(
    digest: &Digest,
    one: &Opened<'_>,
    root: &TrustRoot,
    order: u64,
) -> Result<Proven, VerifyError> {
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
    let subject = statement.subject_with(digest).cloned().unwrap_or_default();
    let provenance = Box::new(statement.predicate.clone());
    let ImageProvenance {
        build_definition: definition,
        run_details: run,
    } = statement.predicate;
    let sbom = sbom_of(&subject, &run.byproducts);
    let architecture = subject.annotations.get("architecture").cloned();
    let report = ImageReport {
        digest: *digest,
        subject: shown(&subject.name.unwrap_or_default()),
        builder_id: run.builder.id,
        level: one.key.level,
        key: one.key.id.clone(),
        invocation_id: run.metadata.invocation_id,
        started_on: run.metadata.started_on,
        finished_on: run.metadata.finished_on,
        config: definition.external_parameters.config_source.path,
        names: definition.external_parameters.names,
        packages: counted(one, &definition.resolved_dependencies)?,
        bases: bases(one, &definition.resolved_dependencies)?,
        policy: definition.internal_parameters.package_policy,
        sbom: false,
        sbom_named: false,
        provenances: 0,
        suitable: 0,
        log: None,
        foreign: 0,
        refused_count: 0,
        refused: Vec::new(),
    };
    Ok(Proven {
        report,
        sbom,
        order,
        provenance,
        attestation: one.digest,
        architecture,
    })
}

/// The digest of the SPDX document of a subject: an image's is named by its architecture.
fn sbom_of(subject: &ResourceDescriptor, byproducts: &[ResourceDescriptor]) -> Option<Digest> {
    let of = subject.annotations.get("architecture");
    let name = format!("sbom:{}", of.map_or("index", String::as_str));
    let document = byproducts.iter();
    let mut document = document.filter(|one| one.name.as_ref() == Some(&name));
    document.next()?.sha256()
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
        let name = note("package").to_owned();
        let mut level = 0;
        match note("verified") {
            "provenance" => {
                packages.built += 1;
                level = level_of(one, "a package's level", note("level"))?;
            }
            "import" => packages.imported += 1,
            "no" => packages.unverified.push(name.clone()),
            other => one.mismatch("what a package's verification gave", "a verdict", other)?,
        }
        packages.levels.push((name, level));
    }
    packages.unverified.sort();
    packages.unverified.dedup();
    packages.lowest_level = packages.levels.iter().map(|(_, level)| *level).min();
    Ok(packages)
}

pub(super) fn level_of(
    one: &Opened<'_>,
    what: &'static str,
    text: &str,
) -> Result<u8, VerifyError> {
    match text {
        "0" => Ok(0),
        "1" => Ok(1),
        "2" => Ok(2),
        "3" => Ok(3),
        other => one.mismatch(what, "a level from 0 to 3", other),
    }
}
