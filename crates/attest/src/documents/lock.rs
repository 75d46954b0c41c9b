//! The Lock: every input of one microVM run, by digest (`bessemer.lock/v1`).

use super::Document;
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};

/// The version of the lock's schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.lock/v1")]
    V1,
}

/// What kind of run the lock is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockKind {
    /// Building packages.
    Build,
    /// Testing one package that was built.
    Test,
}

/// Every input of one run. Lists are in the order in which the stage that made them put them
/// (packages: install order; the others: sorted by the resolver).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Schema version.
    pub schema: LockSchema,
    /// Build or test.
    pub kind: LockKind,
    /// Digest of the Plan this lock was resolved from.
    pub plan: Digest,
    /// Guest architecture in apk's words (`x86_64`).
    pub architecture: String,
    /// The recipe file.
    pub recipe: LockedFile,
    /// Every pipeline file that the plan used.
    pub pipelines: Vec<LockedPipeline>,
    /// Every file of environment variables, in the order in which they were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment_files: Vec<LockedFile>,
    /// Every source that is delivered on the sources disk.
    pub sources: Vec<LockedSource>,
    /// Every repository index that the resolver read.
    pub indexes: Vec<LockedIndex>,
    /// Every public key that package or index signatures were checked with.
    pub keys: Vec<LockedKey>,
    /// Every package of the environment, in install order.
    pub packages: Vec<LockedPackage>,
    /// What boots.
    pub boot: LockedBoot,
    /// The environment disk's digest, once it has been written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_disk: Option<Digest>,
}

impl Document for Lock {
    const NAME: &'static str = "lock";
}

/// A file beside the recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedFile {
    /// Path relative to the root of its repository, or of the recipe's directory.
    pub path: String,
    /// Digest of its bytes.
    pub sha256: Digest,
}

/// A pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPipeline {
    /// The name that `uses:` asks for.
    pub uses: String,
    /// Where it came from: `builtin` or `local`.
    pub origin: String,
    /// Digest of its bytes.
    pub sha256: Digest,
}

/// A source archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSource {
    /// The plan's id for it.
    pub id: String,
    /// Where the recipe says it comes from; never with credentials.
    pub uri: String,
    /// Measured digest of its bytes.
    pub sha256: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Set for a git repository, of which the bytes are a tar archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<LockedCommit>,
}

/// What of a git repository was checked out; object names in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedCommit {
    /// The commit, as the remote has it.
    pub commit: String,
    /// The tree in the archive; the commit's own unless something was picked on top.
    pub tree: String,
}

/// A snapshot of a repository index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedIndex {
    /// Where it was read; never with credentials.
    pub uri: String,
    /// Digest of the whole `APKINDEX.tar.gz`.
    pub sha256: Digest,
    /// Name of the key in [`Lock::keys`] that its signature was checked with.
    pub key: String,
    /// Set when only constraints with this tag (`name@tag`) choose from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// A public key that signatures of packages and indexes were checked with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedKey {
    /// File name (`melange.rsa.pub`).
    pub name: String,
    /// Digest of the key file.
    pub sha256: Digest,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Package name.
    pub name: String,
    /// Version with epoch (`1.0.8-r0`).
    pub version: String,
    /// Architecture (`x86_64`, `noarch`).
    pub architecture: String,
    /// Where it was read; never with credentials.
    pub uri: String,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Size of the whole file in bytes.
    pub size: u64,
    /// SHA-1 of the control member, 40 lower-case hexadecimal digits: what the index names.
    pub control_sha1: String,
    /// Digest of the verified attestation's envelope (one line, without the line end).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<Digest>,
    /// Whether it is an output of the very build being tested.
    pub from_build: bool,
}

/// What boots the guest. The direct runner boots nothing: it has an agent alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBoot {
    /// The package that kernel and modules came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<LockedPackage>,
    /// Digest of the kernel image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Digest>,
    /// Digest of the initramfs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initramfs: Option<Digest>,
    /// Digest of the agent, which the initramfs holds.
    pub agent: Digest,
    /// The package that the agent came from; none when it is a program of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_package: Option<LockedPackage>,
}
