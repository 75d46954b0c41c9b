//! The record of an image build (`bessemer.image/v1`): what was asked for, what went in and what came
//! out, as the control side saw it. The signer derives an image's provenance from it.

use super::is_false;
use super::{Component, Document, LockedFile, LockedIndex, LockedKey, LockedPackage, Timestamp};
use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the record's schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageRecordSchema {
    /// The only one so far.
    #[default]
    #[serde(rename = "bessemer.image/v1")]
    V1,
}

/// One build of images from one image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRecord {
    /// Schema version.
    pub schema: ImageRecordSchema,
    /// The image file, then each file that it includes.
    pub image_files: Vec<LockedFile>,
    /// Digest of what they mean together, as `bessemer image show-config --json` prints it on one line.
    pub configuration: Digest,
    /// What somebody outside chose.
    pub parameters: ImageParameters,
    /// `gzip` or `zstd`; `none` where layers are erofs images.
    pub compression: String,
    /// Seconds since 1970: the images' time, or the earliest that it can be.
    pub epoch: u64,
    /// Whether `epoch` is the images' time whatever is in them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub epoch_exact: bool,
    /// The lock file that packages and keys were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Digest>,
    /// Every public key that was believed.
    pub keys: Vec<LockedKey>,
    /// Every repository index that packages were chosen from; none with a lock.
    pub indexes: Vec<LockedIndex>,
    /// Digest of the index of images.
    pub index: Digest,
    /// Digest of its SPDX document.
    pub index_sbom: Digest,
    /// The images, in the index's order.
    pub platforms: Vec<ImagePlatform>,
    /// `bessemer` itself.
    pub controller: Component,
    /// Host clock when the build began.
    pub started_on: Timestamp,
    /// Host clock when the images were there.
    pub finished_on: Timestamp,
}

impl Document for ImageRecord {
    const NAME: &'static str = "image record";
}

/// What somebody outside chose beside the image file; what was not used is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageParameters {
    /// Architectures, in apk's words.
    pub architectures: Vec<String>,
    /// Directories in which the image file and what it includes were looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include_paths: Vec<String>,
    /// Keys added to the image file's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyrings: Vec<String>,
    /// Repositories added to those that images are built from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_repositories: Vec<String>,
    /// Repositories added to those that images name, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<String>,
    /// Constraints added to the image file's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// Annotations in place of the image file's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The lock file, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_file: Option<String>,
    /// `URL@COMMIT` that the images say they come from; nobody checked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcs_url: Option<String>,
    /// `tar` or `erofs`, in place of the image file's format of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
}

/// The image of one architecture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImagePlatform {
    /// In apk's words.
    pub architecture: String,
    /// Digest of the manifest.
    pub manifest: Digest,
    /// Digest of the configuration.
    pub config: Digest,
    /// Digest of the SPDX document.
    pub sbom: Digest,
    /// The image whose layers are its lowest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ImageBase>,
    /// What is installed, in order, on top of the base if there is one; without `attestation`, which is the
    /// signer's to find out.
    pub packages: Vec<LockedPackage>,
}

/// The base of an image. Its configuration and layers are those that its manifest names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageBase {
    /// The layout that it was taken from, as the image file names it.
    pub name: String,
    /// Digest of the index that lists its manifest.
    pub index: Digest,
    /// Digest of its manifest.
    pub manifest: Digest,
    /// Digest of the file that says what is installed in it.
    pub apkindex: Digest,
}
