//! The image file as it is written: apko's format, every key, each value with its place.
//!
//! Names and meanings are apko's (`pkg/build/types`); nothing is checked here but keys and shapes.

use bessemer_yaml::{Text, nullable};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A whole image file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Document {
    /// Packages and where they come from.
    #[serde(deserialize_with = "nullable")]
    pub(crate) contents: Contents,
    /// What a container runs.
    #[serde(deserialize_with = "nullable")]
    pub(crate) entrypoint: Entrypoint,
    /// Arguments of the entrypoint, as a shell splits them.
    pub(crate) cmd: Text,
    /// The signal that ends a container.
    pub(crate) stop_signal: Text,
    /// Where a container starts.
    pub(crate) work_dir: Text,
    /// Users and groups.
    #[serde(deserialize_with = "nullable")]
    pub(crate) accounts: Accounts,
    /// Architectures, by apk's names or OCI's.
    #[serde(deserialize_with = "nullable")]
    pub(crate) archs: Vec<Text>,
    /// Variables of containers.
    #[serde(deserialize_with = "nullable")]
    pub(crate) environment: BTreeMap<String, Text>,
    /// What is done to paths once packages and accounts are there.
    #[serde(deserialize_with = "nullable")]
    pub(crate) paths: Vec<PathMutation>,
    /// Where the image file comes from: `URL@COMMIT`.
    pub(crate) vcs_url: Text,
    /// Annotations of index and manifests, labels of containers.
    #[serde(deserialize_with = "nullable")]
    pub(crate) annotations: BTreeMap<String, Text>,
    /// Another image file that this one extends.
    pub(crate) include: Text,
    /// Volumes that a runtime makes.
    #[serde(deserialize_with = "nullable")]
    pub(crate) volumes: Vec<Text>,
    /// How packages are spread over layers.
    pub(crate) layering: Option<Layering>,
    /// `tar` or `erofs`.
    pub(crate) format: Text,
    /// Certificates for the system's bundle.
    pub(crate) certificates: Option<Certificates>,
}

/// Packages and where they come from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Contents {
    /// Used to build, and written into the image.
    #[serde(deserialize_with = "nullable")]
    pub(crate) repositories: Vec<Text>,
    /// Used to build only.
    #[serde(deserialize_with = "nullable")]
    pub(crate) build_repositories: Vec<Text>,
    /// Written into the image only.
    #[serde(deserialize_with = "nullable")]
    pub(crate) runtime_repositories: Vec<Text>,
    /// Public keys: files or URLs.
    #[serde(deserialize_with = "nullable")]
    pub(crate) keyring: Vec<Text>,
    /// Public keys that only the image has.
    #[serde(deserialize_with = "nullable")]
    pub(crate) runtime_keyring: Vec<NamedContent>,
    /// Constraints: the world.
    #[serde(deserialize_with = "nullable")]
    pub(crate) packages: Vec<Text>,
    /// What the image builds upon.
    pub(crate) baseimage: Option<BaseImage>,
}

/// A name and a text that stands in the file itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NamedContent {
    /// A file's name.
    pub(crate) name: Text,
    /// PEM.
    pub(crate) content: Text,
}

/// What the image builds upon.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BaseImage {
    /// Directory of an OCI layout.
    pub(crate) image: Text,
    /// Directory with the packages of the base, one folder an architecture.
    pub(crate) apkindex: Text,
}

/// What a container runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Entrypoint {
    /// Nothing or `service-bundle`.
    #[serde(rename = "type")]
    pub(crate) kind: Text,
    /// The command, as a shell splits it.
    pub(crate) command: Text,
    /// A line for `/bin/sh -c`; comes before `command`.
    pub(crate) shell_fragment: Text,
    /// Commands of services by name, for s6.
    #[serde(deserialize_with = "nullable")]
    pub(crate) services: BTreeMap<String, Text>,
}

/// Users and groups.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(crate) struct Accounts {
    /// As whom containers run: name or number.
    pub(crate) run_as: Text,
    /// Added to `/etc/passwd`.
    #[serde(deserialize_with = "nullable")]
    pub(crate) users: Vec<User>,
    /// Added to `/etc/group`.
    #[serde(deserialize_with = "nullable")]
    pub(crate) groups: Vec<Group>,
}

/// A user.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct User {
    /// Its name.
    pub(crate) username: Text,
    /// Its number, not 0.
    pub(crate) uid: Text,
    /// Its group; the uid by default.
    pub(crate) gid: Text,
    /// `/bin/sh` by default.
    pub(crate) shell: Text,
    /// `/home/NAME` by default.
    pub(crate) homedir: Text,
}

/// A group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) groupname: Text,
    /// Its number.
    pub(crate) gid: Text,
    /// Users that belong to it.
    #[serde(deserialize_with = "nullable")]
    pub(crate) members: Vec<Text>,
}

/// Something that is done to a path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PathMutation {
    /// The path.
    pub(crate) path: Text,
    /// `directory`, `empty-file`, `hardlink`, `symlink` or `permissions`.
    #[serde(rename = "type")]
    pub(crate) kind: Text,
    /// The owner; 0 where only the group is given.
    pub(crate) uid: Text,
    /// The group; 0 where only the owner is given.
    pub(crate) gid: Text,
    /// The mode.
    pub(crate) permissions: Text,
    /// Where a link leads.
    pub(crate) source: Text,
    /// Whether what is below the path is meant too.
    #[serde(deserialize_with = "nullable")]
    pub(crate) recursive: bool,
}

/// How packages are spread over layers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Layering {
    /// `origin`.
    pub(crate) strategy: Text,
    /// The most layers with packages.
    pub(crate) budget: Text,
}

/// Certificates for the system's bundle.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Certificates {
    /// Certificates that stand in the file itself.
    #[serde(deserialize_with = "nullable")]
    pub(crate) additional: Vec<NamedContent>,
    /// Names that packages with certificates provide.
    #[serde(deserialize_with = "nullable")]
    pub(crate) providers: Vec<Text>,
}
