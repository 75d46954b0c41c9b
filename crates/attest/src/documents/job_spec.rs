//! The JobSpec: what one worker run is given (`bessemer.job-spec/v1`).

use super::{Accelerator, Document, LockedFile};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the job spec's schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobSpecSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.job-spec/v1")]
    V1,
}

/// Plan, lock and limits of one run. Its digest is registered with the signer before a VM starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// Schema version.
    pub schema: JobSpecSchema,
    /// Digest of the Plan.
    pub plan: Digest,
    /// Digest of the build Lock.
    pub lock: Digest,
    /// Where the recipe comes from.
    pub config_source: ConfigSource,
    /// What somebody outside the control side chose.
    pub external_parameters: Parameters,
    /// What the run may use.
    pub limits: Limits,
    /// What the guest may reach.
    pub network: Network,
    /// Where it may reach something: within which bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<NetworkPolicy>,
    /// What may run the guest.
    pub accelerator: AcceleratorChoice,
    /// Which jail each QEMU must stand in.
    pub jail: JailChoice,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    pub source_date_epoch: u64,
    /// The CPU model given to the guest (`x86-64-v2`); never `host` or `max`, but `host` for the
    /// direct runner.
    pub cpu_baseline: String,
    /// Whether a person may enter the guest. No signer accepts such a run.
    pub interactive: bool,
}

impl Document for JobSpec {
    const NAME: &'static str = "job spec";
}

/// Whether a reference is a branch or tag by its whole name. Others are not a repository's own word:
/// `refs/pull/…` and `refs/changes/…` hold what strangers propose.
pub fn is_branch_or_tag(reference: &str) -> bool {
    reference.starts_with("refs/heads/") || reference.starts_with("refs/tags/")
}

/// The recipe's origin. Without a clean commit only `path` and `sha256` are present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigSource {
    /// Repository URI without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Ref that was asked for (`refs/heads/main`).
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Commit that the ref resolved to, 40 or 64 lower-case hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Path of the recipe in the repository, or its file name.
    pub path: String,
    /// Digest of the recipe file.
    pub sha256: Digest,
}

/// What somebody outside may choose, beside the recipe. Closed: an unknown key is refused.
/// What is empty is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Architecture to build for, in apk's words.
    pub architecture: String,
    /// Build options that were switched on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Repositories added to the recipe's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_repositories: Vec<String>,
    /// Names of key files added to the recipe's own; their digests are in the lock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyrings: Vec<String>,
    /// Directories searched for pipelines; the files used are in the lock by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pipeline_directories: Vec<String>,
    /// Variables set from outside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Names of files of environment variables; their digests are in the lock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment_files: Vec<String>,
    /// What those files say: environment variables beneath the recipe's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Packages added to the build environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_packages: Vec<String>,
    /// Who packages say maintains them, and the vendor part of their package URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The commit that packages say their recipe is at. Somebody's word; nothing checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// The repository that SBOMs say the recipe is from, without credentials. Somebody's word.
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
    /// Whether steps print their commands (`set -x`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub debug: bool,
    /// For a recipe that is an evaluated one, taken from a package: the recipe that package's SBOM
    /// names. Somebody's word; the recipe that was run is [`JobSpec::config_source`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_recipe: Option<LockedFile>,
}

/// Whether a switch says nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(crate) fn is_false(switch: &bool) -> bool {
    !switch
}

/// What one run may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Guest memory in MiB.
    pub memory_mib: u64,
    /// Scratch disk in MiB.
    pub scratch_mib: u64,
    /// Output disk in MiB.
    pub output_mib: u64,
    /// Wall-clock limit of each step in seconds.
    pub timeout_seconds: u64,
    /// Largest log of one guest in bytes.
    pub log_bytes: u64,
}

/// What the guest may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// Nothing.
    None,
    /// HTTP servers, through a proxy that records all of it.
    Recorded,
    /// What an earlier build's network record has; no server is asked.
    Replay,
    /// HTTP servers at any address, without lists. Local mode only.
    Open,
}

impl Network {
    /// As on the command line and in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Recorded => "recorded",
            Self::Replay => "replay",
            Self::Open => "open",
        }
    }
}

/// The bounds of a guest's network. What is empty is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPolicy {
    /// What may be asked for, as `HOST[:PORT][/PATH]`; everything when there is nothing here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// What may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// `HOST:PORT` that may be at addresses that are not public.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<String>,
    /// In a replay: the network record, by digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Digest>,
    /// Limits of each guest.
    pub limits: NetworkLimits,
}

/// How much one guest may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkLimits {
    /// Bytes of one answer.
    pub body_bytes: u64,
    /// Bytes of what one request sends.
    pub request_bytes: u64,
    /// Bytes of all answers.
    pub total_bytes: u64,
    /// Requests.
    pub exchanges: u64,
    /// Seconds without a byte from a server.
    pub idle_seconds: u64,
    /// Seconds for one request and its answer.
    pub exchange_seconds: u64,
}

/// Which jail each QEMU must stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JailChoice {
    /// As much as there is; what is missing is recorded. Local mode only.
    Auto,
    /// Namespaces and a uid of its own; without one of its layers nothing is built.
    Host,
    /// What a restricted Kubernetes pod allows; without one of its layers nothing is built.
    Pod,
}

impl JailChoice {
    /// As on the command line and in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Host => "host",
            Self::Pod => "pod",
        }
    }
}

/// What may run the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceleratorChoice {
    /// Hardware where it works, else emulation; local mode only.
    Auto,
    /// Hardware virtualisation.
    Kvm,
    /// Emulation.
    Tcg,
    /// No machine: steps run on the host's kernel, in namespaces. Local mode only, never above L1.
    Direct,
}

impl AcceleratorChoice {
    /// The accelerator that was named; none where it was left open.
    pub const fn named(self) -> Option<Accelerator> {
        match self {
            Self::Auto => None,
            Self::Kvm => Some(Accelerator::Kvm),
            Self::Tcg => Some(Accelerator::Tcg),
            Self::Direct => Some(Accelerator::Direct),
        }
    }
}

impl From<Accelerator> for AcceleratorChoice {
    fn from(accelerator: Accelerator) -> Self {
        match accelerator {
            Accelerator::Kvm => Self::Kvm,
            Accelerator::Tcg => Self::Tcg,
            Accelerator::Direct => Self::Direct,
        }
    }
}
