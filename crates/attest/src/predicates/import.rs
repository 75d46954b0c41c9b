//! Import attestations: what a bootstrap package was made from (`<base>/import/v1`).

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// A package that was not built here but repacked from a distribution's signed archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Import {
    /// Digest of the package list that says what is taken over and under which names.
    pub list: Digest,
    /// The archives it was made from, sorted by name; none for a package
    /// that the list alone describes.
    pub debs: Vec<ImportedDeb>,
    /// The signed release that names them; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ImportedRelease>,
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
