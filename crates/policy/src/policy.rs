//! A policy, read from its file.

use crate::Place;
use crate::expectations::{ImageExpectations, PackageExpectations, Rule, SourceVerifier};
use crate::pattern::Pattern;
use crate::read::Reader;
use crate::written::Document;
use bessemer_digest::Digest;
use bessemer_yaml::{Diagnostic, Position, SourceFile, decode};

/// What is expected of packages and images by name. A name that no rule is for is unknown, and what is
/// unknown is a violation.
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) file: String,
    pub(crate) digest: Digest,
    pub(crate) verifiers: Vec<SourceVerifier>,
    pub(crate) packages: Vec<Rule<PackageExpectations>>,
    pub(crate) images: Vec<Rule<ImageExpectations>>,
}

impl Policy {
    /// Reads a policy file strictly: an unknown key and a value that cannot be meant are diagnostics.
    /// `key_file` gives the text of a public key's file by the path that the policy names, or says why
    /// it cannot.
    pub fn parse(
        source: &SourceFile,
        key_file: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, Box<Diagnostic>> {
        let document: Document = decode(source)?;
        Reader::new(source, key_file).policy(&document)
    }

    /// Digest of the file, so that a report can say which policy it was.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        &self.file
    }

    pub(crate) fn place(&self, position: Option<Position>) -> Place {
        Place::new(&self.file, position)
    }

    /// The rule for packages of this name.
    pub(crate) fn package_rule(&self, name: &str) -> Option<&Rule<PackageExpectations>> {
        self.packages.iter().find(|rule| rule.is_for(name))
    }

    /// The rules for images of these names, each once, in the policy's order: of each name, the first.
    pub(crate) fn image_rules(&self, names: &[String]) -> Vec<&Rule<ImageExpectations>> {
        let first = |name: &String| self.images.iter().position(|rule| rule.is_for(name));
        let mut found: Vec<usize> = names.iter().filter_map(first).collect();
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|index| &self.images[index]).collect()
    }
}

/// The patterns of rules, for messages.
pub(crate) fn patterns<E>(rules: &[Rule<E>]) -> impl Iterator<Item = &Pattern> {
    rules.iter().flat_map(|rule| &rule.names)
}
