//! `package` and the mappings that it shares with subpackages.

use super::is_false;
use bessemer_yaml::{Text, nullable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The main package.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub name: Text,
    /// Its version, without the epoch.
    pub version: Text,
    /// Counts rebuilds of one version.
    #[serde(default)]
    pub epoch: u64,
    /// One line.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub description: Text,
    /// Home page.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub url: Text,
    /// Free notes.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Text>,
    /// The commit it says it comes from.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub commit: Text,
    /// Architectures it can be built for; empty or `all` means any.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_architecture: Vec<Text>,
    /// Licences.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copyright: Vec<Copyright>,
    /// Dependencies.
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
    /// Linters switched off.
    #[serde(default, deserialize_with = "nullable")]
    pub checks: Checks,
    /// Platform enumeration.
    #[serde(default, deserialize_with = "nullable")]
    pub cpe: Cpe,
    /// File capabilities.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub setcap: Vec<Setcap>,
    /// Longest duration of the build.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub timeout: Text,
    /// What the build needs of a machine.
    #[serde(default, deserialize_with = "nullable")]
    pub resources: Resources,
    /// What the test needs of a machine.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_resources: Option<Resources>,
}

/// A licence and what it covers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Copyright {
    /// Paths it covers.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Text>,
    /// Copyright notice.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub attestation: Text,
    /// SPDX expression or identifier.
    #[serde(default)]
    pub license: Text,
    /// A file in the source holding the text.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub license_path: Text,
    /// Overrides licence detection.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub detection_override: Text,
}

/// Declared dependencies.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dependencies {
    /// What it needs when installed.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime: Vec<Text>,
    /// Further names it answers to.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provides: Vec<Text>,
    /// Packages whose files it may overwrite.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<Text>,
    /// Preference among providers of one name: an integer.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub provider_priority: Text,
    /// Preference when overwriting: an integer.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub replaces_priority: Text,
}

/// Switches of dependency detection.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackageOptions {
    /// No detected `provides`.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub no_provides: bool,
    /// No detected dependencies.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub no_depends: bool,
    /// No `cmd:` provides.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub no_commands: bool,
    /// No version on detected library dependencies.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub no_versioned_shlib_deps: bool,
}

/// Scripts run on installation, each with its own `#!` line.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scriptlets {
    /// Run when files beneath its paths change.
    #[serde(default, deserialize_with = "nullable")]
    pub trigger: Trigger,
    /// Before installation.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub pre_install: Text,
    /// After installation.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub post_install: Text,
    /// Before removal.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub pre_deinstall: Text,
    /// After removal.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub post_deinstall: Text,
    /// Before an upgrade.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub pre_upgrade: Text,
    /// After an upgrade.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub post_upgrade: Text,
}

/// `scriptlets.trigger`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The script.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub script: Text,
    /// The paths it watches.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Text>,
}

/// `checks`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Names of linters that only warn.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disabled: Vec<Text>,
}

/// `cpe`: checked, and carried into the evaluated recipe.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of a CPE 2.3 name")]
pub struct Cpe {
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub part: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub vendor: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub product: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub edition: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub language: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub sw_edition: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub target_sw: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub target_hw: Text,
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub other: Text,
}

/// File capabilities of one path.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Setcap {
    /// The installed path.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub path: Text,
    /// Capability names (a comma list) to flags (of `e`, `p`, `i`).
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub add: BTreeMap<String, Text>,
    /// Why it needs them; required.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub reason: Text,
}

/// What a build needs of a machine.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Virtual processors.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub cpu: Text,
    /// Processor model.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub cpumodel: Text,
    /// Memory, such as `4Gi`.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub memory: Text,
    /// Disk, such as `20Gi`.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub disk: Text,
}
