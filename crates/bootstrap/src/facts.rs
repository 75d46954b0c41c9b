//! What an import attestation says, taken from apt's verified lists. No mirror is named: the same
//! release file is the same whatever server it came from.

use crate::config::Config;
use crate::lists::Available;
use bessemer_digest::Digest;
use serde::Serialize;

/// Where one apk comes from, down to a signed release file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportFacts {
    /// The Debian package.
    pub deb: DebFacts,
    /// The Packages file that names the package's digest.
    pub packages: ListFacts,
    /// The signed release file that names the Packages file's digest.
    pub release: ReleaseFacts,
    /// Paths that were not taken over.
    pub excluded: Vec<String>,
    /// File names taken over even below those.
    pub kept: Vec<String>,
}

/// A Debian package file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DebFacts {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// Debian architecture: `amd64`, `all`.
    pub architecture: String,
    /// The source package's name.
    pub source: String,
    /// Path in the archive, from its root.
    pub path: String,
    /// Digest of the file.
    pub sha256: Digest,
}

/// A list in a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListFacts {
    /// Name within the release: `main/binary-amd64/Packages`.
    pub name: String,
    /// Digest of the uncompressed list.
    pub sha256: Digest,
}

/// A signed release file. Empty fields are absent from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseFacts {
    /// Digest of the file, signature included when it is clear-signed.
    pub sha256: Digest,
    /// Who publishes it.
    pub origin: String,
    /// Their label for it.
    pub label: String,
    /// `stable`, `oldstable-security`.
    pub suite: String,
    /// `bookworm`.
    pub codename: String,
    /// Number of the point release.
    pub version: String,
    /// When it was made, as written.
    pub date: String,
}

impl ImportFacts {
    pub(crate) fn new(package: &Available, config: &Config) -> Self {
        let field = |name: &str| package.paragraph.get(name).to_owned();
        let release = |name: &str| package.release.fields.get(name).to_owned();
        Self {
            deb: DebFacts {
                name: field("Package"),
                version: field("Version"),
                architecture: field("Architecture"),
                source: source_name(package),
                path: field("Filename"),
                sha256: package.sha256,
            },
            packages: ListFacts {
                name: package.packages_name.clone(),
                sha256: package.packages_sha256,
            },
            release: ReleaseFacts {
                sha256: package.release.sha256,
                origin: release("Origin"),
                label: release("Label"),
                suite: release("Suite"),
                codename: release("Codename"),
                version: release("Version"),
                date: release("Date"),
            },
            excluded: config.list.exclude.clone(),
            kept: config.list.keep.clone(),
        }
    }
}

/// The source package's name; `Source` is absent when it is the package's own.
pub(crate) fn source_name(package: &Available) -> String {
    let source = package
        .paragraph
        .get("Source")
        .split(' ')
        .next()
        .unwrap_or_default();
    if source.is_empty() {
        package.paragraph.get("Package").into()
    } else {
        source.into()
    }
}
