//! What is expected of packages.

use super::{Findings, listed, source};
use crate::expectations::{PackageExpectations, Parameter, Rule};
use crate::place::Placed;
use crate::{Code, SourceEvidence};
use bessemer_attest::documents::Timestamp;
use bessemer_attest::verify::{BuiltReport, Origin, Report, shown};

/// Adds what `report` does not meet. What provenance alone can say is not asked of an import that the
/// policy accepts.
pub(super) fn check(
    findings: &mut Findings<'_>,
    rule: &Rule<PackageExpectations>,
    report: &Report,
    evidence: &SourceEvidence,
    now: &Timestamp,
) {
    let expect = &rule.expect;
    match &report.origin {
        Origin::Built(built) => {
            provenance(findings, expect, built);
            findings.age(expect.max_age, &built.finished_on, now);
            source::check(findings, expect, built, evidence);
        }
        Origin::Imported(imported) => {
            findings.one_of(Code::NewKey, "key", &imported.key, expect.keys.as_deref());
            accepted(findings, rule);
        }
    }
    level(findings, expect, report);
    required(findings, expect, report);
    gate(findings, expect, report);
}

/// An import has neither a builder nor a date.
fn accepted(findings: &mut Findings<'_>, rule: &Rule<PackageExpectations>) {
    let expect = &rule.expect;
    if !expect.imports.is_some_and(|imports| imports.value) {
        let written = expect.imports.map(|imports| imports.position);
        let position = written.unwrap_or_else(|| rule.position());
        let text = "it was not built but imported from a distribution, and the policy does not accept that";
        findings.add(Code::Import, position, text);
    }
    if let Some(limit) = expect.max_age {
        let allowed = limit.value;
        let text = format!("an import has no date, and at most {allowed} are allowed");
        findings.add(Code::Age, limit.position, text);
    }
}

fn provenance(findings: &mut Findings<'_>, expect: &PackageExpectations, built: &BuiltReport) {
    source::places(findings, expect.sources.as_deref(), &built.source);
    let builders = expect.builders.as_deref();
    findings.one_of(Code::NewBuilder, "builder id", &built.builder_id, builders);
    findings.one_of(Code::NewKey, "key", &built.key, expect.keys.as_deref());
    let network = expect.network.as_deref();
    findings.one_of(Code::Network, "network mode", &built.network, network);
    let accelerators = expect.accelerators.as_deref();
    findings.one_of(
        Code::Accelerator,
        "accelerator",
        &built.accelerator,
        accelerators,
    );
    isolation(findings, expect, built);
    parameters(findings, expect.parameters.as_deref(), built);
}

fn isolation(findings: &mut Findings<'_>, expect: &PackageExpectations, built: &BuiltReport) {
    let Some(complete) = expect.isolation.filter(|isolation| isolation.value) else {
        return;
    };
    let isolation = &built.isolation;
    let missing = if isolation.host_kernel.is_some() {
        "the steps ran on the host's kernel, without a machine".to_owned()
    } else if isolation.missing.is_empty() {
        return;
    } else {
        format!("layers were missing: {}", listed(&isolation.missing))
    };
    let text = format!("isolation is not complete: {missing}");
    findings.add(Code::Isolation, complete.position, text);
}

fn parameters(findings: &mut Findings<'_>, allowed: Option<&[Parameter]>, built: &BuiltReport) {
    let Some(allowed) = allowed else { return };
    let position = allowed.first().and_then(|one| one.text().position);
    for (name, values) in &built.parameters {
        let of_name: Vec<_> = allowed
            .iter()
            .filter_map(|one| match one {
                Parameter::Used { name: own, value } if own.value == *name => Some((own, value)),
                _ => None,
            })
            .collect();
        let Some((first, _)) = of_name.first() else {
            let text = format!("new parameter: {} is {}", shown(name), listed(values));
            findings.add(Code::NewParameter, position, text);
            continue;
        };
        let is_unknown = |value: &&String| {
            let mut patterns = of_name.iter().map(|(_, value)| value.as_ref());
            !patterns.any(|pattern| pattern.is_none_or(|pattern| pattern.matches(value)))
        };
        let unknown: Vec<&String> = values.iter().filter(is_unknown).collect();
        if unknown.is_empty() {
            continue;
        }
        let known = of_name.iter().filter_map(|(_, value)| value.as_ref());
        let known: Vec<&str> = known.map(|pattern| &*pattern.0.value).collect();
        let text = format!(
            "new value of the parameter {}: {} (the policy knows {})",
            shown(name),
            listed(&unknown),
            listed(&known)
        );
        findings.add(Code::NewParameter, first.position, text);
    }
}

fn level(findings: &mut Findings<'_>, expect: &PackageExpectations, report: &Report) {
    let Some(wanted) = expect.min_level else {
        return;
    };
    let found = report.level();
    if found >= wanted.value {
        return;
    }
    let why = match &report.origin {
        Origin::Built(built) if built.why_not_higher.is_empty() => {
            "the trust root gives this builder no more".to_owned()
        }
        Origin::Built(built) => built.why_not_higher.join("; "),
        Origin::Imported(_) => "an import has no provenance, and so level 0".to_owned(),
    };
    let text = format!(
        "level {found}, at least {} is demanded: {why}",
        wanted.value
    );
    findings.add(Code::Level, wanted.position, text);
}

fn required(findings: &mut Findings<'_>, expect: &PackageExpectations, report: &Report) {
    let demanded = |one: Option<Placed<bool>>| one.filter(|one| one.value);
    if let Some(tests) = demanded(expect.tests).filter(|_| report.test.is_none()) {
        findings.add(Code::Untested, tests.position, "no passing test is proven");
    }
    if let Some(sbom) = demanded(expect.sbom).filter(|_| !report.sbom) {
        findings.add(
            Code::Sbom,
            sbom.position,
            "there is no signed SPDX document",
        );
    }
}

fn gate(findings: &mut Findings<'_>, expect: &PackageExpectations, report: &Report) {
    let required = expect.gate.filter(|gate| gate.value);
    let repositories = expect.gate_repositories.as_deref().unwrap_or_default();
    let position = repositories.first().map(|text| text.position);
    let Some(position) = position.or(required.map(|gate| gate.position)) else {
        return;
    };
    let Some(gate) = &report.gate else {
        let text = "there is no verification summary of a gate";
        return findings.add(Code::Gate, position, text);
    };
    let inside = |wanted: &str| {
        let rest = gate.resource_uri.strip_prefix(wanted.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    if repositories.is_empty() || repositories.iter().any(|text| inside(text)) {
        return;
    }
    let known: Vec<&str> = repositories.iter().map(|text| &*text.value).collect();
    let text = format!(
        "the gate admitted it as {}, which is in none of: {}",
        shown(&gate.resource_uri),
        listed(&known)
    );
    findings.add(Code::Gate, position, text);
}
