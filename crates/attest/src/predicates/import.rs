//! Import attestations: what a bootstrap package was made from (`<base>/import/v1`).

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// A package that was not built here but repacked from a distribution's signed archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Import {
    /// The archives it was made from, sorted by name.
    pub debs: Vec<ImportedDeb>,
    /// The signed release that names them.
    pub release: ImportedRelease,
}

/// A Debian archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedDeb {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// Debian architecture (`amd64`, `all`).
    pub architecture: String,
    /// Digest of the `.deb`.
    pub sha256: Digest,
    /// Digest of the `Packages` file that lists it.
    pub packages_file: Digest,
}

/// A signed release file, as apt verified it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedRelease {
    /// Suite (`bookworm`).
    pub suite: String,
    /// Digest of the `InRelease` file.
    pub sha256: Digest,
}
