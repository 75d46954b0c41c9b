//! The policy file as it is written: every key, each value with its place. Nothing is checked here but
//! keys and shapes; a key without a value is refused, since nobody can tell what it was meant to demand.

use bessemer_yaml::Text;
use serde::{Deserialize, Deserializer};

/// A whole policy file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Document {
    /// `bessemer.policy/v1`.
    pub(crate) schema: Text,
    /// Whose word about commits counts.
    #[serde(deserialize_with = "given")]
    pub(crate) source_verifiers: Option<Vec<SourceVerifier>>,
    /// What is expected of every package whose rule does not say otherwise.
    #[serde(deserialize_with = "given")]
    pub(crate) defaults: Option<PackageExpectations>,
    /// Rules for packages; the first whose names match counts.
    #[serde(deserialize_with = "given")]
    pub(crate) packages: Option<Vec<PackageRule>>,
    /// Rules for images; for each of an image's names, the first that matches counts.
    #[serde(deserialize_with = "given")]
    pub(crate) images: Option<Vec<ImageRule>>,
}

/// Somebody who vouches for commits.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct SourceVerifier {
    /// The id that its attestations bear.
    pub(crate) id: Text,
    /// Its key, PEM.
    #[serde(deserialize_with = "given")]
    pub(crate) public_key: Option<Text>,
    /// The same in a file; a relative path starts at the policy file's folder.
    #[serde(deserialize_with = "given")]
    pub(crate) public_key_file: Option<Text>,
    /// Patterns of the repositories that it may vouch for.
    #[serde(deserialize_with = "given")]
    pub(crate) repositories: Option<Vec<Text>>,
}

/// Packages by name, and what is expected of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PackageRule {
    /// Patterns of names.
    #[serde(deserialize_with = "given")]
    pub(crate) names: Option<Vec<Text>>,
    /// What is expected beside and before the defaults.
    #[serde(deserialize_with = "given")]
    pub(crate) expect: Option<PackageExpectations>,
}

/// What is expected of packages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct PackageExpectations {
    /// Whether an import attestation will do instead of provenance.
    #[serde(deserialize_with = "given")]
    pub(crate) imports: Option<Text>,
    /// Where recipes may come from.
    #[serde(deserialize_with = "given")]
    pub(crate) sources: Option<Vec<Source>>,
    /// Builder ids.
    #[serde(deserialize_with = "given")]
    pub(crate) builders: Option<Vec<Text>>,
    /// Ids of keys that may sign provenance or import attestations.
    #[serde(deserialize_with = "given")]
    pub(crate) keys: Option<Vec<Text>>,
    /// Lowest SLSA Build level.
    #[serde(deserialize_with = "given")]
    pub(crate) min_level: Option<Text>,
    /// What guests may have reached.
    #[serde(deserialize_with = "given")]
    pub(crate) network: Option<Vec<Text>>,
    /// What may have run guests.
    #[serde(deserialize_with = "given")]
    pub(crate) accelerators: Option<Vec<Text>>,
    /// `complete` or `any`.
    #[serde(deserialize_with = "given")]
    pub(crate) isolation: Option<Text>,
    /// External parameters, as `name` or `name=value`; `none` for none.
    #[serde(deserialize_with = "given")]
    pub(crate) parameters: Option<Vec<Text>>,
    /// `required` or `optional`.
    #[serde(deserialize_with = "given")]
    pub(crate) tests: Option<Text>,
    /// `required` or `optional`.
    #[serde(deserialize_with = "given")]
    pub(crate) sbom: Option<Text>,
    /// `required` or `optional`.
    #[serde(deserialize_with = "given")]
    pub(crate) gate: Option<Text>,
    /// Repositories to which a gate may have admitted it; a gate is required then.
    #[serde(deserialize_with = "given")]
    pub(crate) gate_repositories: Option<Vec<Text>>,
    /// How long ago its build may have ended.
    #[serde(deserialize_with = "given")]
    pub(crate) max_age: Option<Text>,
    /// Lowest SLSA Source level of the recipe's commit.
    #[serde(deserialize_with = "given")]
    pub(crate) source_level: Option<Text>,
    /// Patterns of refs, one of which a source attestation must name for the recipe's commit.
    #[serde(deserialize_with = "given")]
    pub(crate) source_refs: Option<Vec<Text>>,
    /// Lowest SLSA Source level of every other commit that went in.
    #[serde(deserialize_with = "given")]
    pub(crate) input_source_level: Option<Text>,
}

/// A repository with recipes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Source {
    /// Its URL, exactly.
    pub(crate) repository: Text,
    /// Patterns of refs; any if there are none.
    #[serde(deserialize_with = "given")]
    pub(crate) refs: Option<Vec<Text>>,
    /// Patterns of the recipe's path; any if there are none.
    #[serde(deserialize_with = "given")]
    pub(crate) paths: Option<Vec<Text>>,
}

/// Images by name, and what is expected of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ImageRule {
    /// Patterns of names: registry and repository.
    #[serde(deserialize_with = "given")]
    pub(crate) names: Option<Vec<Text>>,
    /// What is expected.
    #[serde(deserialize_with = "given")]
    pub(crate) expect: Option<ImageExpectations>,
}

/// What is expected of images.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct ImageExpectations {
    /// Builder ids.
    #[serde(deserialize_with = "given")]
    pub(crate) builders: Option<Vec<Text>>,
    /// Ids of keys that may sign provenance.
    #[serde(deserialize_with = "given")]
    pub(crate) keys: Option<Vec<Text>>,
    /// Lowest SLSA Build level of the image itself.
    #[serde(deserialize_with = "given")]
    pub(crate) min_level: Option<Text>,
    /// `required` or `optional`.
    #[serde(deserialize_with = "given")]
    pub(crate) sbom: Option<Text>,
    /// How long ago its build may have ended.
    #[serde(deserialize_with = "given")]
    pub(crate) max_age: Option<Text>,
    /// Lowest SLSA Build level of each package in it.
    #[serde(deserialize_with = "given")]
    pub(crate) package_min_level: Option<Text>,
    /// Whether packages in it may be imported.
    #[serde(deserialize_with = "given")]
    pub(crate) imports: Option<Text>,
    /// Names of packages that may be in it although nothing vouches for them.
    #[serde(deserialize_with = "given")]
    pub(crate) unverified: Option<Vec<Text>>,
    /// Whether it may be built on a base that nothing vouches for.
    #[serde(deserialize_with = "given")]
    pub(crate) unverified_base: Option<Text>,
}

/// A value that is there; null is none.
fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}
