//! Bases of images: whether a record's base is the one that was handed over, whether the image is built
//! on it, and what provenance says of it.

use super::image_check::{
    CONFIG, Described, MANIFEST, Manifest, Platform, describes, disagree, parsed, platform_of,
};
use super::{DeriveError, ImageFiles, same};
use crate::ResourceDescriptor;
use crate::documents::{ImageBase, ImagePlatform, ImageRecord};
use crate::verify::{BASE_ROLE, BaseContents};
use bessemer_digest::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What the signer found out about the base of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseVerdict {
    /// Its provenance verified.
    Built {
        /// Digest of the envelope.
        attestation: Digest,
        /// The SLSA Build level that its key stands for.
        level: u8,
        /// What it was published as: registry and repository.
        name: String,
        /// What its provenance says of what is in it.
        contents: BaseContents,
    },
    /// Nothing about it verified.
    Unverified {
        /// Why not.
        reason: String,
    },
}

/// The bytes of a base's documents, which the signer measured.
#[derive(Debug, Clone)]
pub struct BaseFiles {
    /// The index that lists it.
    pub index: Vec<u8>,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration.
    pub config: Vec<u8>,
}

/// An index of a base. It may be anybody's, so all keys of the specification are known, and no other: what
/// others would read is what is read here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "known keys that nothing depends on")]
struct BaseIndex {
    schema_version: Option<IgnoredAny>,
    media_type: Option<IgnoredAny>,
    artifact_type: Option<IgnoredAny>,
    manifests: Vec<BaseDescriptor>,
    subject: Option<IgnoredAny>,
    annotations: Option<IgnoredAny>,
}

/// The manifest of a base.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "known keys that nothing depends on")]
struct BaseManifest {
    schema_version: Option<IgnoredAny>,
    media_type: Option<IgnoredAny>,
    artifact_type: Option<IgnoredAny>,
    config: BaseDescriptor,
    layers: Vec<BaseDescriptor>,
    subject: Option<IgnoredAny>,
    annotations: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "known keys that nothing depends on")]
struct BaseDescriptor {
    media_type: String,
    digest: Digest,
    size: u64,
    urls: Option<IgnoredAny>,
    annotations: Option<IgnoredAny>,
    data: Option<IgnoredAny>,
    artifact_type: Option<IgnoredAny>,
    platform: Option<IgnoredAny>,
}

impl BaseDescriptor {
    fn is(&self, other: &Described) -> bool {
        (&*self.media_type, self.digest, self.size)
            == (&*other.media_type, other.digest, other.size)
    }

    fn describes(&self, what: &'static str, kind: &str, bytes: &[u8]) -> Result<(), DeriveError> {
        let descriptor = (&*self.media_type, &self.digest, self.size);
        describes(what, kind, bytes, descriptor)
    }
}

/// What a configuration says of its platform and layers. Other builders' have many more keys.
#[derive(Deserialize)]
struct Layered {
    architecture: String,
    os: String,
    variant: Option<String>,
    #[serde(rename = "os.features", default)]
    features: Vec<String>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootFs {
    #[serde(rename = "type")]
    _kind: Option<IgnoredAny>,
    diff_ids: Vec<Digest>,
}

impl Layered {
    /// What runs on every arm64 is called `v8` by some.
    fn platform(&self) -> Platform {
        let variant = self.variant.clone().filter(|variant| {
            !variant.is_empty() && (&*self.architecture, &**variant) != ("arm64", "v8")
        });
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant,
            features: self.features.clone(),
        }
    }
}

/// The images that have a base, with it.
pub(super) fn of(record: &ImageRecord) -> impl Iterator<Item = (&ImagePlatform, &ImageBase)> {
    let platforms = record.platforms.iter();
    platforms.filter_map(|platform| Some((platform, platform.base.as_ref()?)))
}

/// Refuses unless every base is the one that the record names, and its image is built on it: its layers are
/// the lowest, and one is on top.
pub(super) fn check(record: &ImageRecord, files: &ImageFiles) -> Result<(), DeriveError> {
    if of(record).count() != files.bases.len() {
        let reason = "are not as many as the images that have one";
        return Err(disagree("the bases that were handed over", reason));
    }
    let images = record.platforms.iter().zip(&files.platforms);
    let images =
        images.filter_map(|(platform, files)| Some((platform, platform.base.as_ref()?, files)));
    for ((platform, base, image), handed) in images.zip(&files.bases) {
        one(&platform.architecture, base, handed)?;
        below(image, handed)?;
    }
    Ok(())
}

/// The base's documents are what the record and each other say.
fn one(architecture: &str, base: &ImageBase, handed: &BaseFiles) -> Result<(), DeriveError> {
    same(
        "a record's index of a base",
        &Digest::of(&handed.index),
        &base.index,
    )?;
    same(
        "a record's base",
        &Digest::of(&handed.manifest),
        &base.manifest,
    )?;
    let index: BaseIndex = parsed("the index of a base", &handed.index)?;
    let mut listed = index
        .manifests
        .iter()
        .filter(|one| one.digest == base.manifest);
    let Some(listed) = listed.next() else {
        return Err(disagree("the index of a base", "does not list the base"));
    };
    listed.describes("a base that its index lists", MANIFEST, &handed.manifest)?;
    let manifest: BaseManifest = parsed("the manifest of a base", &handed.manifest)?;
    let what = "the configuration of a base";
    manifest.config.describes(what, CONFIG, &handed.config)?;
    let config: Layered = parsed(what, &handed.config)?;
    if config.platform() != platform_of(architecture)? {
        return Err(disagree(what, "is for another platform than the image"));
    }
    Ok(())
}

/// The image's layers are the base's and one more, by the documents of both.
fn below((manifest, config): &(Vec<u8>, Vec<u8>), handed: &BaseFiles) -> Result<(), DeriveError> {
    let (base, image): (BaseManifest, Manifest) = (
        parsed("the manifest of a base", &handed.manifest)?,
        parsed("a manifest", manifest)?,
    );
    let pairs = base.layers.iter().zip(&image.layers);
    let count = base.layers.len();
    if image.layers.len() != count + 1 || !pairs.into_iter().all(|(one, other)| one.is(other)) {
        let reason = "does not have the layers of its base and one on top";
        return Err(disagree("a manifest", reason));
    }
    let (base, image): (Layered, Layered) = (
        parsed("the configuration of a base", &handed.config)?,
        parsed("a configuration", config)?,
    );
    let (base, image) = (base.rootfs.diff_ids, image.rootfs.diff_ids);
    if base.len() != count || image.len() != count + 1 || !image.starts_with(&base) {
        let reason = "does not name the contents of its base's layers and of one on top";
        return Err(disagree("a configuration", reason));
    }
    Ok(())
}

/// A base as dependencies: the manifest, the index that lists it, and the list of what is installed in it.
pub(super) fn dependencies(base: &ImageBase, verdict: &BaseVerdict) -> Vec<ResourceDescriptor> {
    let name = match verdict {
        BaseVerdict::Built { name, .. } => name,
        BaseVerdict::Unverified { .. } => &base.name,
    };
    let image = ResourceDescriptor::file(name, &base.manifest).with("role", BASE_ROLE);
    let image = match verdict {
        BaseVerdict::Built {
            attestation,
            level,
            contents,
            ..
        } => contents.annotate(
            image
                .with("attestation", attestation.to_string())
                .with("verified", "provenance")
                .with("level", level.to_string()),
        ),
        BaseVerdict::Unverified { .. } => image.with("verified", "no"),
    };
    vec![
        image,
        ResourceDescriptor::file("index.json", &base.index).with("role", "base-index"),
        ResourceDescriptor::file("APKINDEX", &base.apkindex).with("role", "base-packages"),
    ]
}
