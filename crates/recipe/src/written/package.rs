//! `package` and the mappings that it shares with subpackages.

use crate::text::{Text, nullable};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// The main package.
#[derive(Clone, Debug, Default, Deserialize)]
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
    pub description: Text,
    /// Home page.
    #[serde(default)]
    pub url: Text,
    /// Free notes.
    #[serde(default, deserialize_with = "nullable")]
    pub annotations: BTreeMap<String, Text>,
    /// The commit it says it comes from.
    #[serde(default)]
    pub commit: Text,
    /// Architectures it can be built for; empty or `all` means any.
    #[serde(default, deserialize_with = "nullable")]
    pub target_architecture: Vec<Text>,
    /// Licences.
    #[serde(default, deserialize_with = "nullable")]
    pub copyright: Vec<Copyright>,
    /// Dependencies.
    #[serde(default, deserialize_with = "nullable")]
    pub dependencies: Dependencies,
    /// Switches of dependency detection.
    #[serde(default, deserialize_with = "nullable")]
    pub options: PackageOptions,
    /// Scripts run on installation.
    #[serde(default, deserialize_with = "nullable")]
    pub scriptlets: Scriptlets,
    /// Linters switched off.
    #[serde(default, deserialize_with = "nullable")]
    pub checks: Checks,
    /// Platform enumeration.
    #[serde(default, deserialize_with = "nullable")]
    pub cpe: Cpe,
    /// File capabilities.
    #[serde(default, deserialize_with = "nullable")]
    pub setcap: Vec<Setcap>,
    /// Longest duration of the build.
    #[serde(default)]
    pub timeout: Text,
    /// What the build needs of a machine.
    #[serde(default, deserialize_with = "nullable")]
    pub resources: Resources,
    /// What the test needs of a machine.
    #[serde(default, deserialize_with = "nullable")]
    pub test_resources: Resources,
}

/// A licence and what it covers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Copyright {
    /// Paths it covers.
    #[serde(default, deserialize_with = "nullable")]
    pub paths: Vec<Text>,
    /// Copyright notice.
    #[serde(default)]
    pub attestation: Text,
    /// SPDX expression or identifier.
    #[serde(default)]
    pub license: Text,
    /// A file in the source holding the text.
    #[serde(default)]
    pub license_path: Text,
    /// Overrides licence detection.
    #[serde(default)]
    pub detection_override: Text,
}

/// Declared dependencies.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dependencies {
    /// What it needs when installed.
    #[serde(default, deserialize_with = "nullable")]
    pub runtime: Vec<Text>,
    /// Further names it answers to.
    #[serde(default, deserialize_with = "nullable")]
    pub provides: Vec<Text>,
    /// Packages whose files it may overwrite.
    #[serde(default, deserialize_with = "nullable")]
    pub replaces: Vec<Text>,
    /// Preference among providers of one name: an integer.
    #[serde(default)]
    pub provider_priority: Text,
    /// Preference when overwriting: an integer.
    #[serde(default)]
    pub replaces_priority: Text,
}

/// Switches of dependency detection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackageOptions {
    /// No detected `provides`.
    #[serde(default)]
    pub no_provides: bool,
    /// No detected dependencies.
    #[serde(default)]
    pub no_depends: bool,
    /// No `cmd:` provides.
    #[serde(default)]
    pub no_commands: bool,
    /// No version on detected library dependencies.
    #[serde(default)]
    pub no_versioned_shlib_deps: bool,
}

/// Scripts run on installation, each with its own `#!` line.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scriptlets {
    /// Run when files beneath its paths change.
    #[serde(default, deserialize_with = "nullable")]
    pub trigger: Trigger,
    /// Before installation.
    #[serde(default)]
    pub pre_install: Text,
    /// After installation.
    #[serde(default)]
    pub post_install: Text,
    /// Before removal.
    #[serde(default)]
    pub pre_deinstall: Text,
    /// After removal.
    #[serde(default)]
    pub post_deinstall: Text,
    /// Before an upgrade.
    #[serde(default)]
    pub pre_upgrade: Text,
    /// After an upgrade.
    #[serde(default)]
    pub post_upgrade: Text,
}

/// `scriptlets.trigger`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The script.
    #[serde(default)]
    pub script: Text,
    /// The paths it watches.
    #[serde(default, deserialize_with = "nullable")]
    pub paths: Vec<Text>,
}

/// `checks`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Names of linters that only warn.
    #[serde(default, deserialize_with = "nullable")]
    pub disabled: Vec<Text>,
}

/// `cpe`: carried by the format, not interpreted here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of a CPE 2.3 name")]
pub struct Cpe {
    pub part: Option<IgnoredAny>,
    pub vendor: Option<IgnoredAny>,
    pub product: Option<IgnoredAny>,
    pub edition: Option<IgnoredAny>,
    pub language: Option<IgnoredAny>,
    pub sw_edition: Option<IgnoredAny>,
    pub target_sw: Option<IgnoredAny>,
    pub target_hw: Option<IgnoredAny>,
    pub other: Option<IgnoredAny>,
}

/// File capabilities of one path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setcap {
    /// The installed path.
    pub path: Text,
    /// Capability names (a comma list) to flags (of `e`, `p`, `i`).
    #[serde(default, deserialize_with = "nullable")]
    pub add: BTreeMap<String, Text>,
    /// Why it needs them; required.
    #[serde(default)]
    pub reason: Text,
}

/// What a build needs of a machine.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Virtual processors.
    #[serde(default)]
    pub cpu: Text,
    /// Processor model.
    #[serde(default)]
    pub cpumodel: Text,
    /// Memory, such as `4Gi`.
    #[serde(default)]
    pub memory: Text,
    /// Disk, such as `20Gi`.
    #[serde(default)]
    pub disk: Text,
}
