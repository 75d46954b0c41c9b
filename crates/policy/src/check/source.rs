//! Where the recipe comes from, and who vouches for the commits.

use super::{Findings, listed};
use crate::expectations::{PackageExpectations, Source};
use crate::pattern::Pattern;
use crate::source::Demand;
use crate::{Code, SourceEvidence};
use bessemer_attest::verify::{BuiltReport, SourceReport, shown};

/// The recipe's repository, ref and path must be those of one entry.
pub(super) fn places(findings: &mut Findings<'_>, known: Option<&[Source]>, found: &SourceReport) {
    let Some(known) = known else { return };
    let position = known.first().and_then(|source| source.repository.position);
    let names: Vec<&str> = known
        .iter()
        .map(|source| &*source.repository.value)
        .collect();
    let Some(repository) = &found.repository else {
        let text = format!(
            "provenance names no source repository, but {} by digest alone (the policy knows {})",
            shown(&found.path),
            listed(&names)
        );
        return findings.add(Code::NewSource, position, text);
    };
    let same = |source: &&Source| source.repository.value == *repository;
    let of_repository: Vec<&Source> = known.iter().filter(same).collect();
    let Some(first) = of_repository.first() else {
        let text = format!(
            "new source repository: {} (the policy knows {})",
            shown(repository),
            listed(&names)
        );
        return findings.add(Code::NewSource, position, text);
    };
    let reference = found.reference.as_deref();
    let ref_fits = |source: &&Source| fits(source.refs.as_deref(), reference);
    let path_fits = |source: &&Source| fits(source.paths.as_deref(), Some(&found.path));
    if of_repository
        .iter()
        .any(|source| ref_fits(source) && path_fits(source))
    {
        return;
    }
    let position = first.repository.position;
    let refs = of_repository.iter().any(ref_fits);
    let paths = of_repository.iter().any(path_fits);
    let at = shown(repository);
    let (reference, path) = (shown(reference.unwrap_or("none")), shown(&found.path));
    if !refs {
        let known = patterns(&of_repository, |source| source.refs.as_deref());
        let text = format!("new ref of {at}: {reference} (the policy knows {known})");
        findings.add(Code::NewPlaceInSource, position, text);
    }
    if !paths {
        let known = patterns(&of_repository, |source| source.paths.as_deref());
        let text = format!("new recipe in {at}: {path} (the policy knows {known})");
        findings.add(Code::NewPlaceInSource, position, text);
    }
    if refs && paths {
        let text = format!(
            "new pair of ref and recipe in {at}: {reference} and {path}, which the policy knows, but not together"
        );
        findings.add(Code::NewPlaceInSource, position, text);
    }
}

fn fits(patterns: Option<&[Pattern]>, found: Option<&str>) -> bool {
    let Some(patterns) = patterns else {
        return true;
    };
    found.is_some_and(|found| patterns.iter().any(|pattern| pattern.matches(found)))
}

fn patterns<'a>(
    sources: &[&'a Source],
    of: impl Fn(&'a Source) -> Option<&'a [Pattern]>,
) -> String {
    let patterns = sources.iter().filter_map(|source| of(source)).flatten();
    let patterns: Vec<&str> = patterns.map(|pattern| &*pattern.0.value).collect();
    listed(&patterns)
}

/// Somebody must vouch for the commits.
pub(super) fn check(
    findings: &mut Findings<'_>,
    expect: &PackageExpectations,
    built: &BuiltReport,
    evidence: &SourceEvidence,
) {
    recipe(findings, expect, built, evidence);
    let Some(wanted) = expect.input_source_level.filter(|level| level.value > 0) else {
        return;
    };
    for one in &built.commits {
        let demand = Demand {
            repository: &one.repository,
            commit: &one.commit,
            level: wanted.value,
            refs: None,
        };
        if let Some(why) = evidence.unmet(demand) {
            findings.add(Code::SourceLevel, wanted.position, said(demand, &why));
        }
    }
}

fn recipe(
    findings: &mut Findings<'_>,
    expect: &PackageExpectations,
    built: &BuiltReport,
    evidence: &SourceEvidence,
) {
    let level = expect.source_level.filter(|level| level.value > 0);
    let refs = expect.source_refs.as_deref();
    let first = refs.and_then(|refs| refs.first());
    let position = level.map(|level| level.position);
    let Some(position) = position.or(first.map(|first| first.0.position)) else {
        return;
    };
    let level = level.map_or(1, |level| level.value);
    let (Some(repository), Some(commit)) = (&built.source.repository, &built.source.commit) else {
        let text = format!(
            "provenance names no commit of the recipe, and Source level {level} is demanded"
        );
        return findings.add(Code::SourceLevel, position, text);
    };
    let demand = Demand {
        repository,
        commit,
        level,
        refs,
    };
    if let Some(why) = evidence.unmet(demand) {
        findings.add(Code::SourceLevel, position, said(demand, &why));
    }
}

fn said(demand: Demand<'_>, why: &str) -> String {
    let refs = demand.refs.map(|refs| {
        let refs: Vec<&str> = refs.iter().map(|pattern| &*pattern.0.value).collect();
        format!(" on {}", listed(&refs))
    });
    format!(
        "nobody vouches for commit {} of {} at Source level {}{}: {why}",
        shown(demand.commit),
        shown(demand.repository),
        demand.level,
        refs.unwrap_or_default()
    )
}
