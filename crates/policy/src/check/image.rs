//! What is expected of images.

use super::{Findings, listed};
use crate::Code;
use crate::expectations::{ImageExpectations, Rule};
use crate::place::Placed;
use bessemer_attest::documents::Timestamp;
use bessemer_attest::verify::{BaseDemand, BaseFault, ImageReport};

/// Adds what `report` does not meet.
pub(super) fn check(
    findings: &mut Findings<'_>,
    rule: &Rule<ImageExpectations>,
    report: &ImageReport,
    now: &Timestamp,
) {
    let expect = &rule.expect;
    let builders = expect.builders.as_deref();
    findings.one_of(Code::NewBuilder, "builder id", &report.builder_id, builders);
    findings.one_of(Code::NewKey, "key", &report.key, expect.keys.as_deref());
    if let Some(wanted) = expect.min_level.filter(|level| level.value > report.level) {
        let text = format!(
            "level {}, at least {} is demanded: the trust root gives this builder no more",
            report.level, wanted.value
        );
        findings.add(Code::Level, wanted.position, text);
    }
    sbom(findings, expect, report);
    findings.age(expect.max_age, &report.finished_on, now);
    packages(findings, rule, report);
    bases(findings, rule, report);
}

/// Bases, and the packages in them: levels, imports and what nothing vouches for. Builders, keys and ages of bases
/// are not known here; the signer verified them under its own trust root.
fn bases(findings: &mut Findings<'_>, rule: &Rule<ImageExpectations>, report: &ImageReport) {
    let expect = &rule.expect;
    let accepted = |one: Option<Placed<bool>>| one.is_some_and(|one| one.value);
    let names = expect.unverified.as_deref().unwrap_or_default();
    let demand = BaseDemand {
        min_level: expect.min_level.map_or(0, |level| level.value),
        accept_unverified_base: accepted(expect.unverified_base),
        accepts_package: &|name| names.iter().any(|text| text.value == *name),
        refuse_imports: !accepted(expect.imports),
        min_package_level: expect.package_min_level.map_or(0, |level| level.value),
    };
    for (fault, text) in demand.unmet(&report.bases) {
        let (code, written) = match fault {
            BaseFault::Level => (Code::Level, expect.min_level.map(|one| one.position)),
            BaseFault::Unverified => {
                let written = expect.unverified_base.map(|one| one.position);
                (Code::UnverifiedBase, written)
            }
            BaseFault::UnverifiedPackages => {
                let written = names.first().map(|text| text.position);
                (Code::UnverifiedPackages, written)
            }
            BaseFault::Imports => {
                let written = expect.imports.map(|one| one.position);
                (Code::ImportedPackages, written)
            }
            BaseFault::PackageLevel => {
                let written = expect.package_min_level.map(|one| one.position);
                (Code::PackageLevel, written)
            }
        };
        let position = written.unwrap_or_else(|| rule.position());
        findings.add(code, position, text);
    }
}

fn sbom(findings: &mut Findings<'_>, expect: &ImageExpectations, report: &ImageReport) {
    let Some(sbom) = expect.sbom.filter(|sbom| sbom.value) else {
        return;
    };
    if !report.sbom {
        let text = "there is no signed SPDX document";
        findings.add(Code::Sbom, sbom.position, text);
    } else if !report.sbom_named {
        let text = "a signed SPDX document is there, but not the one that provenance names";
        findings.add(Code::Sbom, sbom.position, text);
    }
}

/// Nothing that was imported or not verified is accepted unless the policy says so.
fn packages(findings: &mut Findings<'_>, rule: &Rule<ImageExpectations>, report: &ImageReport) {
    let expect = &rule.expect;
    let packages = &report.packages;
    if let Some(wanted) = expect.package_min_level {
        let below = packages.below(wanted.value).into_iter();
        let below: Vec<String> = below
            .map(|(name, level)| format!("{name} ({level})"))
            .collect();
        if !below.is_empty() {
            let text = format!(
                "packages in it are below level {}: {}",
                wanted.value,
                listed(&below)
            );
            findings.add(Code::PackageLevel, wanted.position, text);
        }
    }
    if packages.imported > 0 && !expect.imports.is_some_and(|imports| imports.value) {
        let written = expect.imports.map(|imports| imports.position);
        let position = written.unwrap_or_else(|| rule.position());
        let text = format!(
            "{} of its packages were imported from a distribution, and the policy does not accept that",
            packages.imported
        );
        findings.add(Code::ImportedPackages, position, text);
    }
    let accepted = expect.unverified.as_deref().unwrap_or_default();
    let known = |name: &&String| !accepted.iter().any(|text| text.value == **name);
    let unknown: Vec<&String> = packages.unverified.iter().filter(known).collect();
    if unknown.is_empty() {
        return;
    }
    let written = accepted.first().map(|text| text.position);
    let position = written.unwrap_or_else(|| rule.position());
    let text = format!(
        "nothing vouches for packages in it, and the policy does not accept them: {}",
        listed(&unknown)
    );
    findings.add(Code::UnverifiedPackages, position, text);
}
