//! Which commits somebody whom the policy names vouches for.

use super::SourceAttestations;
use super::summary::{self, Summary};
use crate::Policy;
use crate::expectations::SourceVerifier;
use crate::pattern::Pattern;
use bessemer_attest::verify::shown;
use std::collections::BTreeMap;

/// Most reasons in a message.
const REASONS: usize = 5;

/// Source attestations that a policy's verifiers signed, by commit. Made once, asked for many reports.
#[derive(Debug, Clone, Default)]
pub struct SourceEvidence {
    by_commit: BTreeMap<String, Vec<Vouched>>,
    given: usize,
    /// Signed by no key that the policy names, or not what its key may say.
    foreign: usize,
}

/// What is demanded of a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand<'a> {
    pub(crate) repository: &'a str,
    pub(crate) commit: &'a str,
    pub(crate) level: u8,
    /// Patterns, one of which a ref must fit.
    pub(crate) refs: Option<&'a [Pattern]>,
}

#[derive(Debug, Clone)]
struct Vouched {
    summary: Summary,
    /// Whether its verifier may speak of this repository.
    allowed: bool,
}

impl SourceEvidence {
    /// Verifies the signatures by the keys of the policy's verifiers.
    pub fn of(policy: &Policy, attestations: &SourceAttestations) -> Self {
        let mut evidence = Self {
            given: attestations.envelopes.len(),
            ..Self::default()
        };
        for envelope in &attestations.envelopes {
            let opened = policy.verifiers.iter().filter_map(|verifier| {
                let payload = envelope.open(&verifier.key).ok()?;
                vouched(verifier, &payload)
            });
            // One key may belong to several entries.
            let best = opened.max_by_key(|one| one.allowed);
            match best {
                None => evidence.foreign += 1,
                Some(one) => evidence.add(&one),
            }
        }
        evidence
    }

    fn add(&mut self, vouched: &Vouched) {
        for commit in vouched.summary.commits.keys() {
            let of_commit = self.by_commit.entry(commit.clone()).or_default();
            of_commit.push(vouched.clone());
        }
    }

    /// Why nothing vouches for the commit as is demanded; nothing if somebody does.
    pub(crate) fn unmet(&self, demand: Demand<'_>) -> Option<String> {
        let of_commit = self
            .by_commit
            .get(demand.commit)
            .map_or(&[][..], Vec::as_slice);
        let mut reasons: Vec<String> = Vec::new();
        for one in of_commit {
            let reason = one.unmet(demand)?;
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        if reasons.is_empty() {
            return Some(self.nothing());
        }
        reasons.sort();
        let more = reasons.len().saturating_sub(REASONS);
        reasons.truncate(REASONS);
        if more > 0 {
            reasons.push(format!("and {more} more"));
        }
        Some(reasons.join("; "))
    }

    fn nothing(&self) -> String {
        let given = self.given;
        let none =
            format!("of {given} source attestations that were given, none speaks of this commit");
        match (given, self.foreign) {
            (0, _) => "no source attestation was given".to_owned(),
            (_, 0) => none,
            (_, foreign) => format!(
                "{none}; {foreign} of them are no summaries that a verifier of the policy signed"
            ),
        }
    }
}

/// A summary that this verifier signed and that bears its id.
fn vouched(verifier: &SourceVerifier, payload: &[u8]) -> Option<Vouched> {
    let summary = summary::read(payload)?;
    if summary.verifier != verifier.id.value {
        return None;
    }
    let place = summary.resource_uri.strip_prefix("git+");
    let place = place.unwrap_or(&summary.resource_uri);
    let patterns = verifier.repositories.as_ref();
    let allowed = patterns.is_none_or(|patterns| patterns.iter().any(|one| one.matches(place)));
    Some(Vouched { summary, allowed })
}

impl Vouched {
    fn unmet(&self, demand: Demand<'_>) -> Option<String> {
        let summary = &self.summary;
        let by = shown(&summary.verifier);
        if !same_repository(&summary.resource_uri, demand.repository) {
            let about = shown(&summary.resource_uri);
            return Some(format!("{by} speaks of it in {about} alone"));
        }
        if !self.allowed {
            return Some(format!(
                "the policy does not let {by} vouch for this repository"
            ));
        }
        if !summary.passed {
            return Some(format!("{by} says that its verification failed"));
        }
        if summary.level < demand.level {
            return Some(format!("{by} gives it Source level {}", summary.level));
        }
        let refs = summary.commits.get(demand.commit);
        let refs = refs.map_or(&[][..], Vec::as_slice);
        let fits = |patterns: &[Pattern]| {
            let fits = |name: &String| patterns.iter().any(|pattern| pattern.matches(name));
            refs.iter().any(fits)
        };
        if demand.refs.is_none_or(fits) {
            return None;
        }
        let known: Vec<String> = refs.iter().take(REASONS).map(|name| shown(name)).collect();
        let known = if known.is_empty() {
            "no ref".to_owned()
        } else {
            known.join(", ")
        };
        Some(format!("{by} saw it on {known}"))
    }
}

/// Whether a summary's resource is this repository. Forges serve one repository with and without
/// `.git`; the commit says which content is meant in any case.
fn same_repository(resource: &str, repository: &str) -> bool {
    fn bare(url: &str) -> &str {
        let url = url.trim_end_matches('/');
        url.strip_suffix(".git").unwrap_or(url)
    }
    let resource = resource.strip_prefix("git+");
    resource.is_some_and(|resource| bare(resource) == bare(repository))
}
