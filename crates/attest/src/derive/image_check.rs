//! Whether an image record is about the documents that were handed over: their digests, and what the
//! index says of its images.

use super::text::shown;
use super::{DeriveError, same};
use crate::ResourceDescriptor;
use crate::derive::ImageFiles;
use crate::documents::{ImagePlatform, ImageRecord};
use bessemer_digest::Digest;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::BTreeMap;

/// The most images of one index.
const PLATFORM_LIMIT: usize = 64;

/// What statements are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// `index`, or the image's platform in OCI's words.
    name: String,
    pub(super) digest: Digest,
    /// In apk's words; none of the index.
    architecture: Option<String>,
}

impl Subject {
    pub(super) fn descriptor(&self) -> ResourceDescriptor {
        let descriptor = ResourceDescriptor::file(&self.name, &self.digest);
        match &self.architecture {
            Some(architecture) => descriptor.with("architecture", architecture),
            None => descriptor,
        }
    }
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer that is an erofs image (the draft erofs-image-spec, 5.2), and what it needs of whoever unpacks it (5.4).
const EROFS: (&str, &str) = ("application/vnd.erofs", "erofs");

/// An index (OCI image specification 1.1, `image-index.md`). Here and below a key that is not listed is an
/// error: other readers find `Manifests` where they look for `manifests`, and take the last of both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "known keys that nothing depends on")]
struct Index {
    schema_version: u8,
    media_type: String,
    manifests: Vec<Described>,
    annotations: Option<Texts>,
}

type Texts = BTreeMap<String, String>;

/// A descriptor (`descriptor.md`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "known keys that nothing depends on")]
pub(super) struct Described {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    platform: Option<Platform>,
    annotations: Option<Texts>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Platform {
    pub(super) architecture: String,
    pub(super) os: String,
    pub(super) variant: Option<String>,
    #[serde(rename = "os.features", default)]
    pub(super) features: Vec<String>,
}

/// A manifest (`manifest.md`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "known keys that nothing depends on")]
pub(super) struct Manifest {
    schema_version: u8,
    media_type: String,
    config: Described,
    pub(super) layers: Vec<Described>,
    annotations: Option<Texts>,
}

/// A configuration (`config.md`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "known keys that nothing depends on")]
struct Configuration {
    architecture: String,
    os: String,
    variant: Option<String>,
    #[serde(rename = "os.features", default)]
    features: Vec<String>,
    created: Option<String>,
    author: Option<String>,
    config: IgnoredAny,
    rootfs: IgnoredAny,
    history: Option<IgnoredAny>,
}

/// Architecture in apk's words, and OCI's architecture and variant.
const ARCHITECTURES: [(&str, &str, Option<&str>); 9] = [
    ("aarch64", "arm64", None),
    ("armhf", "arm", Some("v6")),
    ("armv7", "arm", Some("v7")),
    ("loongarch64", "loong64", None),
    ("ppc64le", "ppc64le", None),
    ("riscv64", "riscv64", None),
    ("s390x", "s390x", None),
    ("x86", "386", None),
    ("x86_64", "amd64", None),
];

/// What an image of this architecture is called in OCI's documents.
pub(super) fn platform_of(architecture: &str) -> Result<Platform, DeriveError> {
    let mut known = ARCHITECTURES.iter();
    let found = known.find(|(apk, ..)| *apk == architecture);
    let (_, oci, variant) = found.ok_or_else(|| DeriveError::Invalid {
        what: "an architecture".to_owned(),
        value: shown(architecture),
        reason: "is none of apk's that images are made for",
    })?;
    Ok(Platform {
        architecture: (*oci).to_owned(),
        os: "linux".to_owned(),
        variant: variant.map(str::to_owned),
        features: Vec::new(),
    })
}

/// What whoever unpacks these layers must be able to.
fn features(layers: &[Described]) -> Vec<String> {
    let (media_type, feature) = EROFS;
    let needed = layers.iter().any(|layer| layer.media_type == media_type);
    needed.then(|| feature.to_owned()).into_iter().collect()
}

/// Refuses unless the layers that are not a base's, below which there is one, are packed as the record says.
fn packed(layers: &[Described], on_a_base: bool, compression: &str) -> Result<(), DeriveError> {
    let expected = match compression {
        "gzip" => "application/vnd.oci.image.layer.v1.tar+gzip",
        "zstd" => "application/vnd.oci.image.layer.v1.tar+zstd",
        "none" => EROFS.0,
        _ => {
            let reason = "names a compression that no layer has";
            return Err(disagree("the record", reason));
        }
    };
    let first = if on_a_base {
        layers.len().saturating_sub(1)
    } else {
        0
    };
    let mut own = layers.iter().skip(first);
    own.try_for_each(|layer| media_type("a layer", expected, &layer.media_type))
}

/// The index and its images; every digest is of the bytes that were handed over.
pub(super) fn subjects(
    record: &ImageRecord,
    files: &ImageFiles,
) -> Result<Vec<Subject>, DeriveError> {
    let measured = Digest::of(&files.index);
    same("the record's index", &measured, &record.index)?;
    let index: Index = parsed("the index", &files.index)?;
    let counts = [
        index.manifests.len(),
        files.platforms.len(),
        record.parameters.architectures.len(),
    ];
    let images = record.platforms.len();
    if images == 0 || images > PLATFORM_LIMIT || counts.iter().any(|count| *count != images) {
        return Err(DeriveError::ImageCount {
            recorded: images,
            listed: counts[0],
        });
    }
    media_type("the index", INDEX, &index.media_type)?;
    let mut subjects = vec![Subject {
        name: "index".to_owned(),
        digest: measured,
        architecture: None,
    }];
    let all = record.platforms.iter().zip(&files.platforms);
    for ((platform, (manifest, config)), listed) in all.zip(&index.manifests) {
        let subject = image(platform, &record.compression, (manifest, config), listed)?;
        if subjects.iter().any(|other| other.digest == subject.digest) {
            return Err(disagree("the index", "names an image twice"));
        }
        subjects.push(subject);
    }
    Ok(subjects)
}

/// One image: its manifest is what the index lists, its configuration what the manifest names, and all
/// three are about the architecture that the record says.
fn image(
    recorded: &ImagePlatform,
    compression: &str,
    (manifest, config): (&[u8], &[u8]),
    listed: &Described,
) -> Result<Subject, DeriveError> {
    let measured = Digest::of(manifest);
    same("a record's manifest", &measured, &recorded.manifest)?;
    describes(
        "a manifest that the index lists",
        MANIFEST,
        manifest,
        listed.parts(),
    )?;
    let of_config = Digest::of(config);
    same("a record's configuration", &of_config, &recorded.config)?;
    let parsed_manifest: Manifest = parsed("a manifest", manifest)?;
    media_type("a manifest", MANIFEST, &parsed_manifest.media_type)?;
    let named = &parsed_manifest.config;
    let named = named.parts();
    describes("the configuration of a manifest", CONFIG, config, named)?;
    let configuration: Configuration = parsed("a configuration", config)?;
    packed(
        &parsed_manifest.layers,
        recorded.base.is_some(),
        compression,
    )?;
    let platform = Platform {
        features: features(&parsed_manifest.layers),
        ..platform_of(&recorded.architecture)?
    };
    if listed.platform.as_ref() != Some(&platform) {
        let reason = "names an image for another platform than record and layers";
        return Err(disagree("the index", reason));
    }
    let configured = Platform {
        architecture: configuration.architecture,
        os: configuration.os,
        variant: configuration.variant,
        features: configuration.features,
    };
    if configured != platform {
        let reason = "is for another platform than record and layers";
        return Err(disagree("a configuration", reason));
    }
    let variant = platform.variant.map(|variant| format!("/{variant}"));
    Ok(Subject {
        name: format!(
            "{}/{}{}",
            platform.os,
            platform.architecture,
            variant.unwrap_or_default()
        ),
        digest: measured,
        architecture: Some(recorded.architecture.clone()),
    })
}

impl Described {
    fn parts(&self) -> (&str, &Digest, u64) {
        (&self.media_type, &self.digest, self.size)
    }
}

/// Refuses a descriptor (media type, digest and size) that is not of these bytes.
pub(super) fn describes(
    what: &'static str,
    kind: &str,
    bytes: &[u8],
    (found, digest, size): (&str, &Digest, u64),
) -> Result<(), DeriveError> {
    same(what, &Digest::of(bytes), digest)?;
    media_type(what, kind, found)?;
    if size != bytes.len() as u64 {
        return Err(disagree(what, "has another size than its descriptor says"));
    }
    Ok(())
}

fn media_type(what: &'static str, expected: &str, found: &str) -> Result<(), DeriveError> {
    if expected == found {
        return Ok(());
    }
    Err(disagree(what, "has another media type than it must have"))
}

pub(super) const fn disagree(what: &'static str, reason: &'static str) -> DeriveError {
    DeriveError::ImagesDisagree { what, reason }
}

pub(super) fn parsed<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, DeriveError> {
    serde_json::from_slice(bytes).map_err(|source| DeriveError::ImageDocument { what, source })
}
