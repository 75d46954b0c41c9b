//! Whether an image record is about the documents that were handed over: their digests, and what the
//! index says of its images.

use super::{DeriveError, same};
use crate::ResourceDescriptor;
use crate::derive::ImageFiles;
use crate::documents::ImageRecord;
use bessemer_digest::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The most images of one index.
const PLATFORM_LIMIT: usize = 64;

/// What statements are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// `index`, or the image's platform as the index has it.
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

/// As much of an index as must agree (OCI image specification 1.1, `image-index.md`).
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    digest: Digest,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
    #[serde(default)]
    variant: Option<String>,
}

/// As much of a manifest as must agree.
#[derive(Deserialize)]
struct Manifest {
    config: Described,
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
    let mut subjects = vec![Subject {
        name: "index".to_owned(),
        digest: measured,
        architecture: None,
    }];
    let all = record.platforms.iter().zip(&files.platforms);
    for ((platform, (manifest, config)), listed) in all.zip(&index.manifests) {
        let measured = Digest::of(manifest);
        same("a record's manifest", &measured, &platform.manifest)?;
        same("a manifest that the index lists", &measured, &listed.digest)?;
        let of_config = Digest::of(config);
        same("a record's configuration", &of_config, &platform.config)?;
        let manifest: Manifest = parsed("a manifest", manifest)?;
        let named = manifest.config.digest;
        same("the configuration of a manifest", &of_config, &named)?;
        subjects.push(Subject {
            name: named_platform(listed),
            digest: measured,
            architecture: Some(platform.architecture.clone()),
        });
    }
    Ok(subjects)
}

fn named_platform(listed: &Described) -> String {
    let Some(platform) = &listed.platform else {
        return "image".to_owned();
    };
    let variant = platform.variant.iter();
    let variant = variant.map(|variant| format!("/{variant}"));
    let variant: String = variant.collect();
    format!("{}/{}{variant}", platform.os, platform.architecture)
}

fn parsed<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, DeriveError> {
    serde_json::from_slice(bytes).map_err(|source| DeriveError::ImageDocument { what, source })
}
