//! Reading provenance against the key that signed it and the caller's expectations.

use super::open::Opened;
use super::report::{BuiltReport, CommitReport, DIRECT, DependencyCounts, SourceReport};
use super::{ApkFacts, VerifyError, VerifyPolicy};
use crate::derive::apk_build_type;
use crate::predicates::{ExternalParameters, Provenance, RunDetails};
use crate::{ResourceDescriptor, Statement, TrustRoot};
use bessemer_digest::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Just enough to see which schema the parameters follow.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    build_definition: OutlineDefinition,
    run_details: RunDetails,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutlineDefinition {
    build_type: String,
}

pub(super) fn built(
    facts: &ApkFacts,
    one: &Opened<'_>,
    root: &TrustRoot,
    policy: &VerifyPolicy,
) -> Result<(BuiltReport, Provenance), VerifyError> {
    let outline: Outline = one.predicate("provenance")?;
    let asserted = one.key.builder_id.as_deref().unwrap_or_default();
    one.same("the builder id", asserted, &outline.run_details.builder.id)?;
    let build_type = apk_build_type(&root.base);
    one.same(
        "the build type",
        &build_type,
        &outline.build_definition.build_type,
    )?;
    let statement: Statement<Provenance> =
        one.statement("provenance (its parameters are a closed schema)")?;
    members(facts, one, &statement)?;
    let report = describe(one, root, &statement.predicate);
    if let Some(wanted) = &policy.repository {
        let found = report.source.repository.as_deref().unwrap_or("none");
        one.same("the recipe's repository", wanted, found)?;
    }
    if report.level < policy.min_level {
        return Err(VerifyError::Level {
            found: report.level,
            wanted: policy.min_level,
            reasons: report.why_not_higher.join("; "),
        });
    }
    Ok((report, statement.predicate))
}

/// Control and data member, where the caller measured them.
fn members(
    facts: &ApkFacts,
    one: &Opened<'_>,
    statement: &Statement<Provenance>,
) -> Result<(), VerifyError> {
    let subject = statement.subject_with(&facts.sha256);
    let annotation = |key| subject.and_then(|subject| subject.annotations.get(key));
    for (what, key, measured) in [
        (
            "the control member's digest",
            "controlHash",
            &facts.control_sha256,
        ),
        ("the data member's digest", "datahash", &facts.data_sha256),
    ] {
        if let Some(measured) = measured {
            let found = annotation(key).map_or("absent", String::as_str);
            one.same(what, &measured.hex(), found)?;
        }
    }
    Ok(())
}

fn describe(one: &Opened<'_>, root: &TrustRoot, provenance: &Provenance) -> BuiltReport {
    let Provenance {
        build_definition: definition,
        run_details: run,
    } = provenance.clone();
    let dependencies = &definition.resolved_dependencies;
    let with_role = |role: &str| {
        let role = role.to_owned();
        dependencies
            .iter()
            .filter(move |one| one.annotations.get("role") == Some(&role))
    };
    let roles = ["build-root", "boot-package", "agent-package"];
    let packages = || roles.into_iter().flat_map(with_role);
    let attested = |one: &&ResourceDescriptor| one.annotations.contains_key("attestation");
    let commits = commits(with_role("source").chain(with_role("network-git")));
    let parameters = parameters(&definition.external_parameters);
    let source = definition.external_parameters.config_source;
    let commit = with_role("recipe-repository").find_map(|one| one.digest.get("gitCommit"));
    let recipe = with_role("recipe").find_map(ResourceDescriptor::sha256);
    let source = SourceReport {
        repository: source.repository,
        reference: source.reference,
        commit: commit.cloned(),
        path: source.path,
        sha256: recipe.unwrap_or_else(|| Digest::of(b"")),
    };
    let internal = definition.internal_parameters;
    let counts = DependencyCounts {
        packages: packages().count(),
        packages_attested: packages().filter(attested).count(),
        sources: with_role("source").count(),
        pipelines: with_role("pipeline").count(),
        indexes: with_role("index").count(),
    };
    let mut report = BuiltReport {
        builder_id: run.builder.id,
        level: one.key.level,
        why_not_higher: Vec::new(),
        key: one.key.id.clone(),
        invocation_id: run.metadata.invocation_id,
        started_on: run.metadata.started_on,
        finished_on: run.metadata.finished_on,
        architecture: definition.external_parameters.architecture,
        parameters,
        source,
        dependencies: counts,
        commits,
        network: internal.network,
        accelerator: internal.accelerator,
        machine: internal.machine,
        isolation: internal.isolation,
    };
    report.why_not_higher = reasons(&report, root);
    report
}

/// The commits that descriptors name, each once.
fn commits<'a>(descriptors: impl Iterator<Item = &'a ResourceDescriptor>) -> Vec<CommitReport> {
    let commits: BTreeSet<_> = descriptors
        .filter_map(|one| {
            let uri = one.uri.as_deref().unwrap_or_default();
            Some(CommitReport {
                repository: uri.strip_prefix("git+").unwrap_or(uri).to_owned(),
                commit: one.digest.get("gitCommit")?.clone(),
            })
        })
        .collect();
    commits.into_iter().collect()
}

/// The external parameters but recipe and architecture, as texts.
fn parameters(external: &ExternalParameters) -> BTreeMap<String, Vec<String>> {
    let Ok(Value::Object(all)) = serde_json::to_value(external) else {
        return BTreeMap::new();
    };
    let used = all.into_iter();
    used.filter(|(name, _)| !matches!(name.as_str(), "configSource" | "architecture"))
        .map(|(name, value)| (name, texts(value)))
        .collect()
}

fn texts(value: Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.into_iter().flat_map(texts).collect(),
        Value::Object(members) => {
            let pairs = members.into_iter();
            let pairs = pairs.flat_map(|(name, value)| {
                texts(value)
                    .into_iter()
                    .map(move |text| (name.clone(), text))
            });
            pairs.map(|(name, text)| format!("{name}={text}")).collect()
        }
        other => vec![other.to_string()],
    }
}

/// The package's name: as the subject says it where that agrees with the file's name, which is a
/// subject's name; otherwise what stands in the latter before the version.
pub(super) fn package_name(one: &Opened<'_>, facts: &ApkFacts) -> Result<String, VerifyError> {
    let statement: Statement<IgnoredAny> = one.statement("statement")?;
    let subject = statement.subject_with(&facts.sha256);
    let note = |key| subject.and_then(|subject| subject.annotations.get(key));
    if let (Some(package), Some(version)) = (note("package"), note("version"))
        && format!("{package}-{version}.apk") == facts.file
    {
        return Ok(package.clone());
    }
    let stem = facts.file.strip_suffix(".apk").unwrap_or(&facts.file);
    let mut parts = stem.rsplitn(3, '-').skip(2);
    Ok(parts.next().unwrap_or(stem).to_owned())
}

/// Why the level is what it is: the id decides, the rest says what would have to change.
fn reasons(report: &BuiltReport, root: &TrustRoot) -> Vec<String> {
    let mut reasons = Vec::new();
    if report.level >= 3 {
        return reasons;
    }
    if root.is_local() {
        let reason =
            "the builder is a machine that nobody provisioned, which claims level 1 at most";
        reasons.push(reason.to_owned());
    } else {
        reasons.push(format!(
            "the trust root gives this builder level {}",
            report.level
        ));
    }
    match report.accelerator.as_str() {
        "kvm" => {}
        DIRECT => reasons.push("the steps ran without a machine".to_owned()),
        _ => reasons.push("the guest was emulated, without hardware virtualisation".to_owned()),
    }
    if !report.isolation.missing.is_empty() {
        let missing = report.isolation.missing.join(", ");
        reasons.push(format!("jail layers were missing: {missing}"));
    }
    if report.source.commit.is_none() {
        reasons.push("provenance names no commit of the recipe".to_owned());
    }
    reasons
}
