//! `environment`: an image configuration, of which the build uses a part.

use crate::text::{Text, nullable};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// What an environment contains.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Environment {
    /// Packages and where they come from.
    #[serde(default, deserialize_with = "nullable")]
    pub contents: Contents,
    /// Environment variables.
    #[serde(default, deserialize_with = "nullable")]
    pub environment: BTreeMap<String, Text>,
    /// Users and groups.
    #[serde(default, deserialize_with = "nullable")]
    pub accounts: Accounts,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub entrypoint: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub cmd: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub work_dir: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub archs: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub paths: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub annotations: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub volumes: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub layering: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub certificates: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    pub os_release: Option<IgnoredAny>,
}

/// `contents`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Repositories used while building only.
    #[serde(default, deserialize_with = "nullable")]
    pub build_repositories: Vec<Text>,
    /// Repositories written into the environment.
    #[serde(default, deserialize_with = "nullable")]
    pub runtime_repositories: Vec<Text>,
    /// Repositories.
    #[serde(default, deserialize_with = "nullable")]
    pub repositories: Vec<Text>,
    /// Public keys that may sign the repositories' indexes.
    #[serde(default, deserialize_with = "nullable")]
    pub keyring: Vec<Text>,
    /// Packages, as dependency constraints.
    #[serde(default, deserialize_with = "nullable")]
    pub packages: Vec<Text>,
    /// An image to start from; not used by builds.
    #[serde(default)]
    pub baseimage: Option<IgnoredAny>,
}

/// `accounts`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Accounts {
    /// The user that steps run as.
    #[serde(default)]
    pub run_as: Text,
    /// Users.
    #[serde(default)]
    pub users: Option<IgnoredAny>,
    /// Groups.
    #[serde(default)]
    pub groups: Option<IgnoredAny>,
}
