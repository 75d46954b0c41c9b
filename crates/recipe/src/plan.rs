//! What a recipe compiles to: the first of the four documents, written as canonical JSON.

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the plan's schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.plan/v1")]
    V1,
}

/// Everything a recipe asks for, with nothing left to evaluate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Schema version.
    pub schema: PlanSchema,
    /// The recipe file.
    pub recipe: FileRef,
    /// Every pipeline file that was read, sorted by `uses`.
    pub pipelines: Vec<PipelineRef>,
    /// Architecture in apk's spelling, such as `x86_64`.
    pub architecture: String,
    /// Seconds since 1970 that stand for "now" in outputs.
    pub source_date_epoch: u64,
    /// The main package.
    pub package: PackagePlan,
    /// The other packages, in recipe order.
    pub subpackages: Vec<PackagePlan>,
    /// What the control side fetches before the build, in step order, each once.
    pub sources: Vec<SourceRequest>,
    /// What the build environment contains.
    pub environment: EnvironmentPlan,
    /// What the build asks of a machine, as written (`cpu`, `memory`, `disk`).
    pub resources: BTreeMap<String, String>,
    /// The longest the build may take, as written (`1h30m`); empty when not limited by the recipe.
    pub timeout: String,
    /// The evaluated recipe in melange's structure, which `bessemer compile` prints.
    pub configuration: serde_json::Value,
}

/// A file by digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// Its name, without the directory it was read from.
    pub path: String,
    /// Its content.
    pub sha256: Digest,
}

/// A pipeline file by digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineRef {
    /// The name by which steps use it.
    pub uses: String,
    /// Where it was found.
    pub origin: PipelineOrigin,
    /// Its path in that place.
    pub path: String,
    /// Its content.
    pub sha256: Digest,
}

/// Where a pipeline file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PipelineOrigin {
    /// Part of Bessemer.
    Builtin,
    /// In a pipeline directory of the user.
    Local,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackagePlan {
    /// Its name.
    pub name: String,
    /// Its version without the epoch.
    pub version: String,
    /// Its epoch.
    pub epoch: u64,
    /// One line.
    pub description: String,
    /// Home page.
    pub url: String,
    /// The commit it says it comes from; empty when none is known.
    pub commit: String,
    /// Licences, in recipe order.
    pub licenses: Vec<LicensePlan>,
    /// Declared dependencies.
    pub dependencies: DependencyPlan,
    /// Switches of dependency detection.
    pub options: PackageOptionsPlan,
    /// Scripts by their apk name: `pre-install`, `post-upgrade`, `trigger`, ….
    pub scriptlets: BTreeMap<String, String>,
    /// Paths that the `trigger` script watches.
    pub trigger_paths: Vec<String>,
    /// File capabilities, sorted by path and capability.
    pub setcap: Vec<SetcapPlan>,
    /// Linters that only warn.
    pub disabled_checks: Vec<String>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// Its test, when the recipe has one.
    pub test: Option<TestPlan>,
}

impl PackagePlan {
    /// `version-rEPOCH`.
    pub fn full_version(&self) -> String {
        format!("{}-r{}", self.version, self.epoch)
    }
}

/// One licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LicensePlan {
    /// SPDX identifier or expression.
    pub license: String,
    /// Paths it covers.
    pub paths: Vec<String>,
    /// Copyright notice.
    pub attestation: String,
    /// A file in the source holding the text.
    pub license_path: String,
}

/// Declared dependencies; each entry is in apk's constraint syntax.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependencyPlan {
    /// What it needs when installed.
    pub runtime: Vec<String>,
    /// Further names it answers to.
    pub provides: Vec<String>,
    /// Packages whose files it may overwrite.
    pub replaces: Vec<String>,
    /// Preference among providers of one name.
    pub provider_priority: Option<i64>,
    /// Preference when overwriting.
    pub replaces_priority: Option<i64>,
}

/// Switches of dependency detection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageOptionsPlan {
    /// No detected `provides`.
    pub no_provides: bool,
    /// No detected dependencies.
    pub no_depends: bool,
    /// No `cmd:` provides.
    pub no_commands: bool,
    /// No version on detected library dependencies.
    pub no_versioned_shlib_deps: bool,
}

/// One file capability.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetcapPlan {
    /// The installed path, relative to the root.
    pub path: String,
    /// Such as `cap_net_bind_service`.
    pub capability: String,
    /// Of `e`, `p`, `i`.
    pub flags: String,
    /// Why it needs it.
    pub reason: String,
}

/// One command for the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `main/2`, `sub/bzip2-dev/0`, `test/bzip2/0`.
    pub id: String,
    /// What logs call it.
    pub name: String,
    /// The pipeline file it came from, innermost.
    pub uses: Option<String>,
    /// The shell fragment, substituted; the runner adds `set -e` and the directory change.
    pub runs: String,
    /// Absolute path in the guest.
    pub working_directory: String,
    /// Variables on top of the environment's.
    pub environment: BTreeMap<String, String>,
    /// Where the fragment is written.
    pub location: Option<StepLocation>,
}

/// A place in a recipe or pipeline file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepLocation {
    /// The recipe's name, or the path of a pipeline file as in [`PipelineRef::path`].
    pub file: String,
    /// From 1.
    pub line: u64,
    /// From 1.
    pub column: u64,
}

/// A test, run in an environment of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestPlan {
    /// What the test environment contains; names the package under test.
    pub environment: EnvironmentPlan,
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// What an environment contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentPlan {
    /// Packages as apk constraints, each once.
    pub packages: Vec<String>,
    /// Repositories, in order.
    pub repositories: Vec<String>,
    /// Paths or addresses of public keys.
    pub keyring: Vec<String>,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
}

/// Something the control side fetches and puts on the sources disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRequest {
    /// The step that asks for it first; one request a guest, since each guest has its own disk.
    pub id: String,
    /// The file's name below `/var/cache/melange` in the guest: `sha256:HEX`, `sha512:HEX`, or
    /// `request:HEX` (a digest of the request) when the content is not pinned by file digest.
    pub cache_name: String,
    /// Where from.
    pub uri: String,
    /// The expected SHA-256.
    pub sha256: Option<Digest>,
    /// The expected SHA-512: 128 hexadecimal digits.
    pub sha512: Option<String>,
    /// The name in its package URL.
    pub purl_name: String,
    /// The version in its package URL.
    pub purl_version: String,
    /// Set when `uri` is a git repository: delivered as an uncompressed tar of the work tree,
    /// `.git` included, with its entries at the top.
    pub git: Option<GitRequest>,
}

/// The package in the id `test/<package>/…` of a step or source; none for those of the build.
pub fn test_of(id: &str) -> Option<&str> {
    id.strip_prefix("test/")?.split('/').next()
}

/// Which tree of a git repository, and what is done to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitRequest {
    /// Branch; empty when none.
    pub branch: String,
    /// Tag; empty when none; wins over a branch of the same name.
    pub tag: String,
    /// 40 hexadecimal digits; empty when the recipe does not pin one.
    pub expected_commit: String,
    /// History depth; `0` is all of it.
    pub depth: u64,
    /// Submodules too.
    pub recurse_submodules: bool,
    /// Lines of `[branch/]commit: reason`, applied on top.
    pub cherry_picks: Vec<String>,
    /// Paths of a sparse checkout; empty is everything.
    pub sparse_paths: Vec<String>,
}
