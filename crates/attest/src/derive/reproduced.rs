//! The verification summary of a package that was built again with the same result.
//!
//! Source: SLSA v1.2, `verification_summary` and `verified-properties`. `SLSA_BUILD_REPRODUCED` "MUST only
//! be issued" where two or more independently operated build platforms, which the issuer trusts, have
//! provenance of the artifact. Two runs of one factory are not that, so they get a word of our own.

use super::summary::{Verdict, names_file, passed};
use super::{DeriveError, rebuild_id, text};
use crate::documents::{Timestamp, digest};
use crate::predicates::{
    INDEPENDENTLY_REPRODUCED_PROPERTY, Provenance, REPRODUCED_PROPERTY, SUMMARY_TYPE, Summary,
    SummaryDigest,
};
use crate::verify::{ApkFacts, BuiltReport, Origin, Report};
use crate::{ResourceDescriptor, Statement};
use bessemer_digest::Digest;
use serde::Serialize;
use std::collections::BTreeSet;

/// What the original's envelope is called among the evidence.
pub(crate) const ORIGINAL: &str = "original";
/// What the second run's is.
pub(crate) const REBUILD: &str = "rebuild";
/// The annotation with the builder's id.
pub(crate) const BUILDER: &str = "builderId";
/// The annotation with the run's id.
pub(crate) const INVOCATION: &str = "invocationId";

/// What is demanded. Its digest stands in every summary.
#[derive(Debug, Serialize)]
struct RebuildPolicy {
    /// The members that must be the same bytes.
    same_members: [&'static str; 2],
    /// The inputs that must be the same, by digest.
    same_inputs: [&'static str; 1],
    /// The inputs of the second run that the first must have had, by digest.
    known_inputs: [&'static str; 1],
    /// The trust root of another factory that the original verified under, by the operator's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_factory: Option<OtherFactory>,
}

/// A factory whose packages are built again, as the operator named it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OtherFactory {
    /// Digest of its trust root.
    pub trust_root: Digest,
    /// Whether somebody else operates it.
    pub independent: bool,
}

/// One of the two builds, verified.
#[derive(Debug, Clone, Copy)]
pub struct BuiltPackage<'a> {
    /// The package, measured whole and in its members.
    pub facts: &'a ApkFacts,
    /// What its attestations prove.
    pub report: &'a Report,
    /// Its provenance, out of the envelope that was verified.
    pub provenance: &'a Provenance,
}

/// What is asked of the rebuild key.
#[derive(Debug, Clone, Copy)]
pub struct ReproductionRequest<'a> {
    /// The factory's URL.
    pub base: &'a str,
    /// The signer's own version.
    pub version: &'a str,
    /// The signer's clock.
    pub time: &'a Timestamp,
    /// The package that was there.
    pub original: BuiltPackage<'a>,
    /// The one that a later run made.
    pub rebuilt: BuiltPackage<'a>,
    /// The factory that the original is of, where it is not the rebuilder's own.
    pub other_factory: Option<OtherFactory>,
}

/// The summary of two runs that made the same control and data member. Its subjects are both files;
/// they are one where the signature is the same, too.
pub fn reproduced_statement(
    request: &ReproductionRequest<'_>,
) -> Result<Statement<Summary>, DeriveError> {
    let (original, rebuilt) = (request.original, request.rebuilt);
    let (before, after) = (run(original.report)?, run(rebuilt.report)?);
    if before.invocation_id == after.invocation_id {
        return Err(DeriveError::SameRun(text::shown(&before.invocation_id)));
    }
    same_members(original.facts, rebuilt.facts)?;
    same_inputs(original.provenance, rebuilt.provenance)?;
    let place = place(original, before)?;
    let mut verified_levels = vec![REPRODUCED_PROPERTY.to_owned()];
    if request.other_factory.is_some_and(|it| it.independent) {
        verified_levels.push(INDEPENDENTLY_REPRODUCED_PROPERTY.to_owned());
    }
    let policy = RebuildPolicy {
        same_members: ["control", "data"],
        same_inputs: ["build-root"],
        known_inputs: ["source"],
        other_factory: request.other_factory,
    };
    let verdict = Verdict {
        verifier: rebuild_id(request.base),
        base: request.base,
        version: request.version,
        time: request.time,
        resource_uri: &place,
        policy: ("rebuild/v1", digest(&policy)?),
        verified_levels,
    };
    let mut evidence = evidence(ORIGINAL, original.report, before);
    evidence.extend(self::evidence(REBUILD, rebuilt.report, after));
    let predicate = passed(verdict, evidence);
    let mut subjects = vec![subject(original.facts)];
    if rebuilt.facts.sha256 != original.facts.sha256 {
        subjects.push(subject(rebuilt.facts));
    }
    Ok(Statement::new(subjects, SUMMARY_TYPE, predicate))
}

/// Where the original is fetched: where its gate says, else below a folder of its architecture.
fn place(original: BuiltPackage<'_>, run: &BuiltReport) -> Result<String, DeriveError> {
    let file = &original.facts.file;
    let place = match &original.report.gate {
        Some(gate) => gate.resource_uri.clone(),
        None => format!("{}/{file}", run.architecture),
    };
    text::uri("the resource uri", &place)?;
    names_file(&place, file)?;
    Ok(place)
}

fn run(report: &Report) -> Result<&BuiltReport, DeriveError> {
    match &report.origin {
        Origin::Built(built) => Ok(built),
        Origin::Imported(_) => Err(DeriveError::NotBuilt(text::shown(&report.file))),
    }
}

fn subject(facts: &ApkFacts) -> ResourceDescriptor {
    let descriptor = ResourceDescriptor::file(&facts.file, &facts.sha256);
    let members = [
        ("controlHash", facts.control_sha256),
        ("datahash", facts.data_sha256),
    ];
    members
        .into_iter()
        .filter_map(|(key, digest)| Some((key, digest?)))
        .fold(descriptor, |one, (key, digest)| one.with(key, digest.hex()))
}

/// Every envelope that was verified of one of the builds; the first says what it is.
fn evidence(name: &str, report: &Report, run: &BuiltReport) -> Vec<SummaryDigest> {
    let gate = report.gate.as_ref().map(|gate| &gate.attestation);
    let mut list: Vec<_> = report
        .evidence()
        .iter()
        .chain(gate)
        .map(SummaryDigest::of)
        .collect();
    if let Some(first) = list.first_mut() {
        first.name = Some(name.to_owned());
        first.annotations = [
            (BUILDER.to_owned(), run.builder_id.clone()),
            (INVOCATION.to_owned(), run.invocation_id.clone()),
        ]
        .into();
    }
    list
}

/// Both must have been measured in their members, and these must be equal.
fn same_members(original: &ApkFacts, rebuilt: &ApkFacts) -> Result<(), DeriveError> {
    let members = [
        ("control", original.control_sha256, rebuilt.control_sha256),
        ("data", original.data_sha256, rebuilt.data_sha256),
    ];
    for (name, before, after) in members {
        if before.is_none() || before != after {
            let shown = |digest: Option<Digest>| {
                digest.map_or_else(|| "not measured".to_owned(), |digest| digest.to_string())
            };
            return Err(DeriveError::Mismatch {
                what: format!("the {name} member of the rebuilt package"),
                expected: shown(before),
                found: shown(after),
            });
        }
    }
    Ok(())
}

/// The second run must have had the first one's build packages, and no source that the first had not.
/// Sources that only tests need are left out of a rebuild.
fn same_inputs(original: &Provenance, rebuilt: &Provenance) -> Result<(), DeriveError> {
    let (before, after) = (
        inputs(original, "build-root"),
        inputs(rebuilt, "build-root"),
    );
    let mut others = before.symmetric_difference(&after);
    if let Some((name, _)) = others.next() {
        return Err(DeriveError::OtherInputs {
            what: "build package",
            name: text::shown(name),
        });
    }
    let known = inputs(original, "source");
    let known: BTreeSet<_> = known.iter().map(|(_, digest)| digest).collect();
    let sources = inputs(rebuilt, "source");
    let unknown =
        |(_, digest): &&(&str, Option<Digest>)| digest.is_none() || !known.contains(digest);
    match sources.iter().find(unknown) {
        None => Ok(()),
        Some((name, _)) => Err(DeriveError::OtherInputs {
            what: "source",
            name: text::shown(name),
        }),
    }
}

/// Name and digest of what entered in a role.
fn inputs<'a>(provenance: &'a Provenance, role: &str) -> BTreeSet<(&'a str, Option<Digest>)> {
    let resolved = provenance.build_definition.resolved_dependencies.iter();
    resolved
        .filter(|one| one.annotations.get("role").is_some_and(|own| own == role))
        .map(|one| (one.name.as_deref().unwrap_or_default(), one.sha256()))
        .collect()
}
