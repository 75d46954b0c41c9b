//! One package of an index.

use crate::package::Control;
use crate::{Dependency, Provide, Sha1Bytes, Version};

/// What an index says of a package. The letters are the keys of the text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// `C`: SHA-1 of the control member, which names the package. `None` for indexes that have
    /// another kind of checksum; such a package cannot be verified.
    pub checksum: Option<Sha1Bytes>,
    /// `P`.
    pub name: String,
    /// `V`, with revision.
    pub version: Version,
    /// `A`.
    pub arch: String,
    /// `S`: bytes of the apk file.
    pub size: u64,
    /// `I`: bytes when installed.
    pub installed_size: u64,
    /// `T`.
    pub description: String,
    /// `U`.
    pub url: String,
    /// `L`.
    pub license: String,
    /// `o`.
    pub origin: String,
    /// `m`.
    pub maintainer: String,
    /// `t`: seconds since 1970.
    pub build_time: Option<u64>,
    /// `c`.
    pub commit: String,
    /// `D`.
    pub depends: Vec<Dependency>,
    /// `i`.
    pub install_if: Vec<Dependency>,
    /// `p`.
    pub provides: Vec<Provide>,
    /// `k`.
    pub provider_priority: Option<u64>,
}

impl IndexEntry {
    /// An entry without anything but a name and a version.
    pub fn new(name: impl Into<String>, version: Version) -> Self {
        Self {
            checksum: None,
            name: name.into(),
            version,
            arch: String::new(),
            size: 0,
            installed_size: 0,
            description: String::new(),
            url: String::new(),
            license: String::new(),
            origin: String::new(),
            maintainer: String::new(),
            build_time: None,
            commit: String::new(),
            depends: Vec::new(),
            install_if: Vec::new(),
            provides: Vec::new(),
            provider_priority: None,
        }
    }

    /// The entry of a package of `size` bytes with this control member. Several licences are joined
    /// by ` AND `.
    pub fn from_package(control: &Control, size: u64) -> Self {
        let info = &control.pkginfo;
        Self {
            checksum: Some(control.sha1),
            arch: info.arch.clone(),
            size,
            installed_size: info.size,
            description: info.description.clone(),
            url: info.url.clone(),
            license: info.licenses.join(" AND "),
            origin: info.origin.clone(),
            maintainer: info.maintainer.clone().unwrap_or_default(),
            build_time: info.build_date,
            commit: info.commit.clone(),
            depends: names(&info.depends).map(Dependency::from_index).collect(),
            install_if: names(&info.install_if)
                .map(Dependency::from_index)
                .collect(),
            provides: names(&info.provides).map(Provide::parse).collect(),
            provider_priority: info.provider_priority,
            ..Self::new(info.name.clone(), Version::new(info.version.clone()))
        }
    }

    /// The name of the apk file beside the index.
    pub fn file_name(&self) -> String {
        format!("{}-{}.apk", self.name, self.version)
    }
}

/// The names in values of `.PKGINFO`, of which one value may have several or none (apk-tools,
/// `apk_blob_pull_deps`).
pub(crate) fn names(values: &[String]) -> impl Iterator<Item = &str> {
    values.iter().flat_map(|value| value.split_whitespace())
}
