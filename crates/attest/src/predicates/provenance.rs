//! SLSA provenance v1 of a package build.
//!
//! Source: SLSA v1.2, `provenance` (predicate `https://slsa.dev/provenance/v1`). The build type's
//! own schema is in `docs/buildtypes/apk-package/v1.md`. Readers ignore what they do not know, except in
//! `externalParameters`, which is closed.

use crate::ResourceDescriptor;
use crate::documents::{LockedFile, NetworkPolicy, is_false};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Predicate type of provenance.
pub const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// How a package came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// What was asked for, and what went in.
    pub build_definition: BuildDefinition,
    /// This run.
    pub run_details: RunDetails,
}

/// The inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildDefinition {
    /// `<base>/buildtypes/apk-package/v1`.
    pub build_type: String,
    /// What somebody outside chose.
    pub external_parameters: ExternalParameters,
    /// What the platform chose.
    pub internal_parameters: InternalParameters,
    /// Everything that entered the guest.
    pub resolved_dependencies: Vec<ResourceDescriptor>,
}

/// What somebody outside chose: a closed schema; what is empty is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalParameters {
    /// The recipe.
    pub config_source: ExternalConfigSource,
    /// Architecture, in apk's words.
    pub architecture: String,
    /// Build options that were switched on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Repositories added to the recipe's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_repositories: Vec<String>,
    /// Key files added to the recipe's own, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyrings: Vec<String>,
    /// Directories searched for pipelines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipeline_directories: Vec<String>,
    /// Variables set from outside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Files of environment variables, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment_files: Vec<String>,
    /// Environment variables that those files set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Packages added to the build environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_packages: Vec<String>,
    /// Who packages say maintains them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The commit that packages say their recipe is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// The repository that SBOMs say the recipe is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repository_url: Option<String>,
    /// The licence that SBOMs say the recipe is under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe_license: Option<String>,
    /// Whether packages name themselves as their origin.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strip_origin_name: bool,
    /// The C library in `host.triplet.*`, unless it is `gnu`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_triplet_libc: Option<String>,
    /// Whether steps printed their commands.
    #[serde(default, skip_serializing_if = "is_false")]
    pub debug: bool,
    /// The recipe that a rebuilt package's SBOM names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_recipe: Option<LockedFile>,
}

/// The recipe. Without a clean commit only `path` is present, and its digest is a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalConfigSource {
    /// Repository URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Ref that was asked for.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Path in the repository, or the file's name.
    pub path: String,
}

/// What the platform chose and observed of the build VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InternalParameters {
    /// What the guest could reach: `none`, `recorded`, `replay` or `open`.
    pub network: String,
    /// Within which bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// How the guest's proxy was confined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_isolation: Option<IsolationParameters>,
    /// What ran it: `kvm` or `tcg`.
    pub accelerator: String,
    /// QEMU machine type.
    pub machine: String,
    /// CPU model of the guest.
    pub cpu_baseline: String,
    /// How QEMU was confined.
    pub isolation: IsolationParameters,
    /// What the guest had.
    pub resources: ResourceParameters,
    /// `SOURCE_DATE_EPOCH` in seconds since 1970.
    pub source_date_epoch: u64,
}

/// How QEMU was confined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IsolationParameters {
    /// Jail profile that was asked for.
    pub jail_profile: String,
    /// Release of the host's kernel, which ran the steps: only without a machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_kernel: Option<String>,
    /// Layers that were applied.
    pub applied: Vec<String>,
    /// Layers of the profile that were not.
    pub missing: Vec<String>,
}

/// What the guest had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceParameters {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Scratch disk in MiB.
    pub scratch_mib: u64,
    /// Output disk in MiB.
    pub output_mib: u64,
    /// Time limit of each step in seconds.
    pub timeout_seconds: u64,
    /// Largest log in bytes.
    pub log_bytes: u64,
}

/// This run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDetails {
    /// Who ran it.
    pub builder: Builder,
    /// When, and under which id.
    pub metadata: Metadata,
    /// What else it left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub byproducts: Vec<ResourceDescriptor>,
}

/// Who ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Builder {
    /// The id, which alone decides the level.
    pub id: String,
    /// Versions of its components.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub version: BTreeMap<String, String>,
    /// Its programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builder_dependencies: Vec<ResourceDescriptor>,
}

/// When, and under which id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The id that the signer issued.
    pub invocation_id: String,
    /// Host clock at the start.
    pub started_on: String,
    /// Host clock at the end.
    pub finished_on: String,
}
