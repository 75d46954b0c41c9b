//! An image file as it is meant: checked, with what it includes, defaults in place.
//!
//! Serialised, keys stand in the order and are left out by the rules of apko's own JSON
//! (`pkg/build/types/types.go`), which is what `/etc/apko.json` holds.

use crate::Architecture;
use serde::Serialize;
use std::collections::BTreeMap;

/// A whole image file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configuration {
    /// Packages and where they come from.
    pub contents: Contents,
    /// What a container runs.
    pub entrypoint: Entrypoint,
    /// Arguments of the entrypoint, as a shell splits them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cmd: String,
    /// The signal that ends a container.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Where a container starts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub work_dir: String,
    /// Users and groups.
    pub accounts: Accounts,
    /// Architectures; none means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archs: Vec<Architecture>,
    /// Variables of containers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What is done to paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathMutation>,
    /// `URL@COMMIT`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vcs_url: String,
    /// Annotations and labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Volumes that a runtime makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// How packages are spread over layers; one layer without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layering: Option<Layering>,
    /// How layers are written; tar by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Certificates for the system's bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
}

/// Packages and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Used to build only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_repositories: Vec<String>,
    /// Written into the image only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_repositories: Vec<String>,
    /// Used to build, and written into the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Public keys: files or URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keyring: Vec<String>,
    /// Public keys that only the image has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_keyring: Vec<NamedContent>,
    /// Constraints: the world.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// What the image builds upon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseimage: Option<BaseImage>,
}

/// A name and a PEM text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NamedContent {
    /// A file's name.
    pub name: String,
    /// PEM.
    pub content: String,
}

/// What the image builds upon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BaseImage {
    /// Directory of an OCI layout.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// Directory with the packages of the base.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub apkindex: String,
}

/// What a container runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entrypoint {
    /// Nothing or `service-bundle`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The command, as a shell splits it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// A line for `/bin/sh -c`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shell_fragment: String,
    /// Commands of services by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, String>,
}

/// Users and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Accounts {
    /// As whom containers run.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub run_as: String,
    /// Added to `/etc/passwd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// Added to `/etc/group`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct User {
    /// Its name.
    pub username: String,
    /// Its number, not 0.
    pub uid: u32,
    /// Its group; the uid where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// `/bin/sh` where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub shell: String,
    /// Its home.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub homedir: String,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub groupname: String,
    /// Its number.
    #[serde(skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Users that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// Something that is done to a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PathMutation {
    /// The path, from the image's root.
    pub path: String,
    /// What is done.
    #[serde(rename = "type")]
    pub kind: PathKind,
    /// The owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// The mode, at most 0o7777.
    #[serde(skip_serializing_if = "is_zero")]
    pub permissions: u32,
    /// Where a link leads.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Whether what is below the path is meant too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
}

/// What can be done to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// A directory is made, with its parents.
    Directory,
    /// An empty file is made.
    EmptyFile,
    /// A further name of a file is made.
    Hardlink,
    /// A symbolic link is made.
    Symlink,
    /// Mode and owner are set.
    Permissions,
}

/// How packages are spread over layers: apko's `origin` strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Layering {
    /// `origin`, or nothing for a single layer.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub strategy: String,
    /// The most layers with packages.
    #[serde(skip_serializing_if = "is_zero")]
    pub budget: u32,
}

/// How layers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Compressed tar archives.
    Tar,
    /// One erofs image.
    Erofs,
}

/// Why layers cannot be given a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There would have to be several.
    #[error("`layering` needs the format `tar`")]
    Layering,
    /// There are layers already.
    #[error("the format of layers cannot be chosen with `baseimage`")]
    Base,
}

impl Configuration {
    /// Gives layers a format in place of the image file's.
    pub fn set_format(&mut self, format: Format) -> Result<(), FormatError> {
        if self.contents.baseimage.is_some() {
            return Err(FormatError::Base);
        }
        self.format = Some(format);
        self.check_format()
    }

    /// Whether layers can have this format.
    pub(crate) fn check_format(&self) -> Result<(), FormatError> {
        if self.format == Some(Format::Erofs) && self.layering.is_some() {
            return Err(FormatError::Layering);
        }
        Ok(())
    }
}

/// Certificates for the system's bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Certificates {
    /// Each one certificate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional: Vec<NamedContent>,
    /// Names that packages with certificates provide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<String>,
}

impl Configuration {
    /// The layering that was asked for, if it asks for more than one layer.
    pub fn origin_budget(&self) -> Option<usize> {
        let layering = self.layering.as_ref()?;
        let asked = !layering.strategy.is_empty();
        asked.then(|| usize::try_from(layering.budget).unwrap_or(usize::MAX))
    }

    /// As YAML, which [`crate::parse`] reads back as the same configuration.
    pub fn to_yaml(&self) -> Result<String, RenderError> {
        Ok(serde_saphyr::to_string(self)?)
    }

    /// The same without passwords in URLs, for people to read.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        let contents = &mut shown.contents;
        for place in contents
            .build_repositories
            .iter_mut()
            .chain(&mut contents.runtime_repositories)
            .chain(&mut contents.repositories)
            .chain(&mut contents.keyring)
        {
            *place = redacted(place);
        }
        shown
    }
}

/// A configuration cannot be written down.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be written as YAML")]
pub struct RenderError(#[from] serde_saphyr::ser::Error);

/// `https://user:secret@host` as `https://user:xxxxx@host`, which is how apko shows it.
fn redacted(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else {
        return place.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else {
        return place.to_owned();
    };
    match user.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:xxxxx@{host}{path}"),
        None => place.to_owned(),
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        for (place, shown) in [
            ("https://me:secret@host/os", "https://me:xxxxx@host/os"),
            ("@tag https://me:s@cret@host", "@tag https://me:xxxxx@host"),
            ("https://me@host/os", "https://me@host/os"),
            ("https://host/a:b@c", "https://host/a:b@c"),
            ("./packages", "./packages"),
        ] {
            assert_eq!(redacted(place), shown);
        }
    }
}
