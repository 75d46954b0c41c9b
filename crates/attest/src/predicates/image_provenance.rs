//! SLSA provenance v1 of an image build.
//!
//! Source: SLSA v1.2, `provenance`. The build type's own schema is in
//! `docs/buildtypes/oci-image/v1.md`; `externalParameters` is closed.

use super::RunDetails;
use crate::ResourceDescriptor;
use crate::documents::is_false;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How images came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageProvenance {
    /// What was asked for, and what went in.
    pub build_definition: ImageBuildDefinition,
    /// This run.
    pub run_details: RunDetails,
}

/// The inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageBuildDefinition {
    /// `<base>/buildtypes/oci-image/v1`.
    pub build_type: String,
    /// What somebody outside chose.
    pub external_parameters: ImageExternalParameters,
    /// What the platform chose.
    pub internal_parameters: ImageInternalParameters,
    /// Everything that went into the images.
    pub resolved_dependencies: Vec<ResourceDescriptor>,
}

/// What somebody outside chose: a closed schema; what is empty is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageExternalParameters {
    /// The image file.
    pub config_source: ImageConfigSource,
    /// Architectures, in apk's words.
    pub architectures: Vec<String>,
    /// What the images are called: registry and repository, without tag.
    pub names: Vec<String>,
    /// Directories in which the image file and what it includes were looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_paths: Vec<String>,
    /// Keys added to the image file's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyrings: Vec<String>,
    /// Repositories added to those that images are built from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_repositories: Vec<String>,
    /// Repositories added to those that images name, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Constraints added to the image file's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Annotations in place of the image file's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The lock file, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_file: Option<String>,
    /// `URL@COMMIT` that the images say they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcs_url: Option<String>,
    /// `tar` or `erofs`, in place of the image file's format of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// The image file. Its digest is a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageConfigSource {
    /// As it was named.
    pub path: String,
}

/// What the platform chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageInternalParameters {
    /// `gzip` or `zstd`; `none` where layers are erofs images.
    pub compression: String,
    /// Seconds since 1970: the images' time, or the earliest that it can be.
    pub source_date_epoch: u64,
    /// Whether that is the images' time whatever is in them.
    pub source_date_epoch_exact: bool,
    /// Digest of what the image files mean together.
    pub configuration: String,
    /// Which packages may be in them.
    pub package_policy: ImagePolicy,
    /// Digests of the trust roots under which packages were verified, the signer's own first.
    pub trust_roots: Vec<String>,
}

/// Which packages without provenance may be in images, and in their bases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImagePolicy {
    /// Whether packages may be that were repacked from a distribution and have an import attestation.
    pub accept_imports: bool,
    /// Names of packages that may be there although nothing about them verified.
    pub accept_unverified: Vec<String>,
    /// Whether they may be built on a base although nothing about it verified.
    #[serde(default, skip_serializing_if = "is_false")]
    pub accept_unverified_base: bool,
}
