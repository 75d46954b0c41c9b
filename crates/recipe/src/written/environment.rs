//! `environment`: an image configuration, of which the build uses a part.

use super::{is_false, is_zero};
use bessemer_yaml::{Text, nullable};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an environment contains.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Environment {
    /// Packages and where they come from.
    #[serde(default, deserialize_with = "nullable")]
    pub contents: Contents,
    /// Environment variables.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Text>,
    /// Users and groups.
    #[serde(default, deserialize_with = "nullable")]
    pub accounts: Accounts,
    /// What an image starts; without influence on a build.
    #[serde(default, deserialize_with = "nullable")]
    pub entrypoint: Entrypoint,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub cmd: Text,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub stop_signal: Text,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub work_dir: Text,
    /// Part of image configurations; without influence on a build.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archs: Vec<Text>,
    /// Changes to single paths; without influence on a build.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathMutation>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub vcs_url: Text,
    /// Part of image configurations; without influence on a build.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Text>,
    /// A file that image configurations include; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub include: Text,
    /// Part of image configurations; without influence on a build.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Text>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing)]
    pub layering: Option<IgnoredAny>,
    /// Part of image configurations; without influence on a build.
    #[serde(default)]
    #[serde(skip_serializing)]
    pub certificates: Option<IgnoredAny>,
}

/// `entrypoint`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entrypoint {
    /// `service-bundle`, or nothing.
    #[serde(default, rename = "type")]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub kind: Text,
    /// The command.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub command: Text,
    /// A shell fragment instead of a command.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub shell_fragment: Text,
    /// Services of a bundle: name to command.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Text>,
}

/// One of `paths`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PathMutation {
    /// What is changed.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub path: Text,
    /// `directory`, `empty-file`, `hardlink`, `symlink` or `permissions`.
    #[serde(default, rename = "type")]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub kind: Text,
    /// The owner's number.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The group's number.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// The permission bits; `0o755` in YAML.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_zero")]
    pub permissions: u32,
    /// What a link points at.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub source: Text,
    /// Whether everything beneath is changed too.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub recursive: bool,
}

/// `contents`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Repositories used while building only.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_repositories: Vec<Text>,
    /// Repositories written into the environment.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_repositories: Vec<Text>,
    /// Repositories.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<Text>,
    /// Public keys that may sign the repositories' indexes.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keyring: Vec<Text>,
    /// Packages, as dependency constraints.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Text>,
    /// An image to start from; not used by builds.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseimage: Option<BaseImage>,
    /// Keys installed into an image; not used by builds.
    #[serde(default)]
    #[serde(skip_serializing)]
    pub runtime_keyring: Option<IgnoredAny>,
}

/// `contents.baseimage`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BaseImage {
    /// Path of an OCI layout.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub image: Text,
    /// Path of the index of what it contains.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub apkindex: Text,
}

/// `accounts`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Accounts {
    /// The user that steps run as.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub run_as: Text,
    /// Users.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// Groups.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// One of `accounts.users`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Its name.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub username: Text,
    /// Its number.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// Its group's number.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Its shell.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub shell: Text,
    /// Its home directory.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub homedir: Text,
}

/// One of `accounts.groups`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub groupname: Text,
    /// Its number.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Names of its members.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Text>,
}
