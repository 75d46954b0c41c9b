//! What is expected, once the file was read: every value known to be one that can be meant.

use crate::age::Age;
use crate::pattern::Pattern;
use crate::place::Placed;
use bessemer_attest::PublicKey;
use bessemer_yaml::{Position, Text};

/// Names, and what is expected of whatever bears one of them.
#[derive(Debug, Clone)]
pub(crate) struct Rule<E> {
    pub(crate) names: Vec<Pattern>,
    pub(crate) expect: E,
}

impl<E> Rule<E> {
    pub(crate) fn is_for(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| pattern.matches(name))
    }

    /// Where the rule begins.
    pub(crate) fn position(&self) -> Option<Position> {
        self.names.first().and_then(|pattern| pattern.0.position)
    }
}

/// Somebody who vouches for commits.
#[derive(Debug, Clone)]
pub(crate) struct SourceVerifier {
    pub(crate) id: Text,
    pub(crate) key: PublicKey,
    /// Nothing where it may vouch for any.
    pub(crate) repositories: Option<Vec<Pattern>>,
}

/// What is expected of packages. Nothing is expected where nothing stands; a list that is there has an
/// entry at least.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackageExpectations {
    pub(crate) imports: Option<Placed<bool>>,
    pub(crate) sources: Option<Vec<Source>>,
    pub(crate) builders: Option<Vec<Text>>,
    pub(crate) keys: Option<Vec<Text>>,
    pub(crate) min_level: Option<Placed<u8>>,
    pub(crate) network: Option<Vec<Text>>,
    pub(crate) accelerators: Option<Vec<Text>>,
    /// Whether every layer must have been there.
    pub(crate) isolation: Option<Placed<bool>>,
    pub(crate) parameters: Option<Vec<Parameter>>,
    pub(crate) tests: Option<Placed<bool>>,
    pub(crate) sbom: Option<Placed<bool>>,
    pub(crate) gate: Option<Placed<bool>>,
    pub(crate) gate_repositories: Option<Vec<Text>>,
    pub(crate) max_age: Option<Placed<Age>>,
    pub(crate) source_level: Option<Placed<u8>>,
    pub(crate) source_refs: Option<Vec<Pattern>>,
    pub(crate) input_source_level: Option<Placed<u8>>,
}

impl PackageExpectations {
    /// These, and the defaults of what they do not say. Whoever does without a gate or without source
    /// attestations does without what the defaults say of either.
    pub(crate) fn over(self, defaults: &Self) -> Self {
        let mut other = defaults.clone();
        if self.gate.is_some_and(|gate| !gate.value) {
            other.gate_repositories = None;
        }
        if self.source_level.is_some_and(|level| level.value == 0) {
            other.source_refs = None;
        }
        Self {
            imports: self.imports.or(other.imports),
            sources: self.sources.or(other.sources),
            builders: self.builders.or(other.builders),
            keys: self.keys.or(other.keys),
            min_level: self.min_level.or(other.min_level),
            network: self.network.or(other.network),
            accelerators: self.accelerators.or(other.accelerators),
            isolation: self.isolation.or(other.isolation),
            parameters: self.parameters.or(other.parameters),
            tests: self.tests.or(other.tests),
            sbom: self.sbom.or(other.sbom),
            gate: self.gate.or(other.gate),
            gate_repositories: self.gate_repositories.or(other.gate_repositories),
            max_age: self.max_age.or(other.max_age),
            source_level: self.source_level.or(other.source_level),
            source_refs: self.source_refs.or(other.source_refs),
            input_source_level: self.input_source_level.or(other.input_source_level),
        }
    }

    /// What needs somebody who vouches for commits, if something does.
    pub(crate) fn needs_verifiers(&self) -> Option<(&'static str, Option<Position>)> {
        let level = |name, level: &Option<Placed<u8>>| {
            let level = level.filter(|level| level.value > 0)?;
            Some((name, level.position))
        };
        level("source-level", &self.source_level)
            .or_else(|| level("input-source-level", &self.input_source_level))
            .or_else(|| {
                let first = self.source_refs.as_ref()?.first()?;
                Some(("source-refs", first.0.position))
            })
    }
}

/// A repository with recipes.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) repository: Text,
    pub(crate) refs: Option<Vec<Pattern>>,
    pub(crate) paths: Option<Vec<Pattern>>,
}

/// An external parameter that may be used.
#[derive(Debug, Clone)]
pub(crate) enum Parameter {
    /// None may. Stands alone.
    None(Text),
    /// This one, with values that fit the pattern if there is one.
    Used { name: Text, value: Option<Pattern> },
}

impl Parameter {
    pub(crate) const fn text(&self) -> &Text {
        match self {
            Self::None(text) | Self::Used { name: text, .. } => text,
        }
    }
}

/// What is expected of images.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImageExpectations {
    pub(crate) builders: Option<Vec<Text>>,
    pub(crate) keys: Option<Vec<Text>>,
    pub(crate) min_level: Option<Placed<u8>>,
    pub(crate) sbom: Option<Placed<bool>>,
    pub(crate) max_age: Option<Placed<Age>>,
    pub(crate) package_min_level: Option<Placed<u8>>,
    pub(crate) imports: Option<Placed<bool>>,
    pub(crate) unverified: Option<Vec<Text>>,
    pub(crate) unverified_base: Option<Placed<bool>>,
}
