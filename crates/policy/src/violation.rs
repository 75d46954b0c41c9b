//! What a report does not meet.

use crate::Place;
use serde::Serialize;
use std::fmt;

/// One expectation that does not hold, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which kind, for programs.
    pub code: Code,
    /// What was found, and what the policy knows: one line without control characters.
    pub text: String,
    /// Where the policy says so.
    pub place: Place,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.text)
    }
}

/// Kinds of violations, in the order in which they are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// No rule is for this name.
    NewName,
    /// It was not built here but imported.
    Import,
    /// The recipe, or a commit, comes from a repository that is not known, or from none.
    NewSource,
    /// The recipe comes from another ref or path of a repository that is known.
    NewPlaceInSource,
    /// Another builder.
    NewBuilder,
    /// Another key.
    NewKey,
    /// The SLSA Build level is too low.
    Level,
    /// The guest could reach more than it may.
    Network,
    /// Something else ran the guest.
    Accelerator,
    /// Layers of isolation were missing.
    Isolation,
    /// An external parameter, or its value, is not known.
    NewParameter,
    /// No passing test is proven.
    Untested,
    /// There is no signed SPDX document, or it is not the one that provenance names.
    Sbom,
    /// No gate admitted it, or to another repository.
    Gate,
    /// It is too old, or its date cannot be.
    Age,
    /// No source attestation vouches for a commit.
    SourceLevel,
    /// Packages of an image are below a level.
    PackageLevel,
    /// An image has packages that were imported.
    ImportedPackages,
    /// An image has packages that nothing vouches for.
    UnverifiedPackages,
    /// An image is built on a base that nothing vouches for.
    UnverifiedBase,
}
