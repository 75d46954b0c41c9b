//! The recipe as it is written: one struct per mapping of the format, unknown keys refused.

mod environment;
mod package;
mod step;
mod update;

pub use environment::{
    Accounts, BaseImage, Contents, Entrypoint, Environment, Group, PathMutation, User,
};
pub use package::{
    Checks, Copyright, Cpe, Dependencies, Package, PackageOptions, Resources, Scriptlets, Setcap,
    Trigger,
};
pub use step::{Assertions, Input, Needs, PipelineFile, Step};
pub use update::{
    GitMonitor, GithubMonitor, OciMonitor, ReleaseMonitor, Schedule, Update, VersionDataMonitor,
    VersionDataSource, VersionTransform,
};

use bessemer_yaml::{Text, nullable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A whole recipe file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    /// The main package.
    pub package: Package,
    /// What the build environment contains.
    #[serde(default, deserialize_with = "nullable")]
    pub environment: Environment,
    /// Linux capabilities of the steps.
    #[serde(default, deserialize_with = "nullable")]
    pub capabilities: Capabilities,
    /// The main pipeline.
    #[serde(default, deserialize_with = "nullable")]
    pub pipeline: Vec<Step>,
    /// Further packages made from the same build.
    #[serde(default, deserialize_with = "nullable")]
    pub subpackages: Vec<Subpackage>,
    /// Tables that `range` of a subpackage names.
    #[serde(default, deserialize_with = "nullable")]
    pub data: Vec<Range>,
    /// How a bot finds new versions.
    #[serde(default, deserialize_with = "nullable")]
    pub update: Update,
    /// Variables, used as `${{vars.NAME}}`.
    #[serde(default, deserialize_with = "nullable")]
    pub vars: BTreeMap<String, Text>,
    /// Variables made from others by regular expression.
    #[serde(default, deserialize_with = "nullable")]
    pub var_transforms: Vec<VarTransform>,
    /// Named variations of the build.
    #[serde(default, deserialize_with = "nullable")]
    pub options: BTreeMap<String, BuildOption>,
    /// The main package's test.
    #[serde(default)]
    pub test: Option<Test>,
}

/// A package split off the main one.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Subpackage {
    /// Whether it is built.
    #[serde(default, rename = "if")]
    #[serde(skip_serializing)]
    pub condition: Text,
    /// The table that multiplies it.
    #[serde(default)]
    #[serde(skip_serializing)]
    pub range: Text,
    /// Its name.
    pub name: Text,
    /// Its pipeline.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing)]
    pub pipeline: Vec<Step>,
    /// Its dependencies.
    #[serde(default, deserialize_with = "nullable")]
    pub dependencies: Dependencies,
    /// Switches of dependency detection.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<PackageOptions>,
    /// Scripts run on installation.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scriptlets: Option<Scriptlets>,
    /// One line.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub description: Text,
    /// Free notes.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Text>,
    /// Home page.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub url: Text,
    /// The commit it says it comes from.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub commit: Text,
    /// Linters switched off.
    #[serde(default, deserialize_with = "nullable")]
    pub checks: Checks,
    /// Its test.
    #[serde(default)]
    #[serde(skip_serializing)]
    pub test: Option<Test>,
    /// File capabilities.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub setcap: Vec<Setcap>,
}

/// A table of values.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Its name.
    pub name: Text,
    /// Its rows.
    #[serde(default, deserialize_with = "nullable")]
    pub items: BTreeMap<String, Text>,
}

/// One `var-transforms` entry.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VarTransform {
    /// The text to transform.
    pub from: Text,
    /// A regular expression.
    #[serde(rename = "match")]
    pub pattern: Text,
    /// What replaces each match; `$1` and `${1}` are groups.
    #[serde(default)]
    pub replace: Text,
    /// The variable that is set, without `vars.`.
    pub to: Text,
}

/// A named variation of the build.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BuildOption {
    /// Variables it overrides.
    #[serde(default, deserialize_with = "nullable")]
    pub vars: BTreeMap<String, Text>,
    /// Changes to the environment.
    #[serde(default, deserialize_with = "nullable")]
    pub environment: OptionEnvironment,
}

/// `options.NAME.environment`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OptionEnvironment {
    /// Changes to what it contains.
    #[serde(default, deserialize_with = "nullable")]
    pub contents: OptionContents,
}

/// `options.NAME.environment.contents`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OptionContents {
    /// Changes to its packages.
    #[serde(default, deserialize_with = "nullable")]
    pub packages: ListChange,
}

/// Additions and removals.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ListChange {
    /// Names to add.
    #[serde(default, deserialize_with = "nullable")]
    pub add: Vec<Text>,
    /// Names to remove.
    #[serde(default, deserialize_with = "nullable")]
    pub remove: Vec<Text>,
}

/// `capabilities`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Capabilities added.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<Text>,
    /// Capabilities dropped.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<Text>,
}

/// A test: an environment and a pipeline.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What the test environment contains beside the package.
    #[serde(default, deserialize_with = "nullable")]
    pub environment: Environment,
    /// The steps.
    #[serde(default, deserialize_with = "nullable")]
    pub pipeline: Vec<Step>,
}

/// Whether a switch says nothing, for encoders.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(switch: &bool) -> bool {
    !switch
}

/// Whether a number says nothing, for encoders.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
