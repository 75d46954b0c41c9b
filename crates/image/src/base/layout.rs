//! Reading images of an OCI layout (OCI image specification 1.1, `image-layout.md`).

use super::OpenBaseError;
use crate::Architecture;
use crate::oci::{BaseConfig, Blob, CONFIG, INDEX, MANIFEST};
use bessemer_digest::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest index, manifest or configuration, in bytes: the registries' limit.
const MAX_DOCUMENT: u64 = 4 << 20;

/// A folder with images.
#[derive(Debug)]
pub(super) struct Layout {
    folder: PathBuf,
    /// The document that lists the images.
    pub(super) index: Blob,
    /// Its file, and what it lists.
    listing: (PathBuf, Vec<Descriptor>),
}

/// An image, as its documents describe it.
#[derive(Debug)]
pub(super) struct FoundImage {
    pub(super) manifest: Blob,
    /// The manifest's file.
    pub(super) path: PathBuf,
    pub(super) layers: Vec<Descriptor>,
    pub(super) config: BaseConfig,
    pub(super) config_document: Blob,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Platform {
    architecture: String,
    os: String,
    #[serde(default)]
    variant: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

impl Platform {
    /// Whether this is for Linux on `arch`. What runs on every arm64 is called `v8` by some.
    fn is(&self, arch: Architecture) -> bool {
        let (name, variant) = arch.platform();
        let own = self.variant.as_deref().filter(|own| !own.is_empty());
        let own = own.filter(|own| (name, *own) != ("arm64", "v8"));
        self.os == "linux" && self.architecture == name && own == variant
    }
}

impl Layout {
    /// Opens a layout. Its `index.json` lists images, or one index that does.
    pub(super) fn open(folder: PathBuf) -> Result<Self, OpenBaseError> {
        let path = folder.join("index.json");
        let bytes = read(&path, MAX_DOCUMENT)?;
        let top: Index = parse(&path, "index of images", &bytes)?;
        let index = Blob {
            digest: Digest::of(&bytes),
            bytes,
        };
        let mut layout = Self {
            folder,
            index,
            listing: (path.clone(), Vec::new()),
        };
        let is_index = |one: &&Descriptor| one.media_type == INDEX;
        let indexes: Vec<&Descriptor> = top.manifests.iter().filter(is_index).collect();
        layout.listing = match indexes[..] {
            [] => (path, top.manifests),
            [index] => {
                let (path, document) = layout.document(index)?;
                let index: Index = parse(&path, "index of images", &document.bytes)?;
                layout.index = document;
                (path, index.manifests)
            }
            _ => return Err(OpenBaseError::Indexes(path)),
        };
        Ok(layout)
    }

    /// The one image for an architecture: by the platform in its descriptor, else by its configuration.
    pub(super) fn image(&self, arch: Architecture) -> Result<FoundImage, OpenBaseError> {
        let (listing, all) = &self.listing;
        let mut found = Vec::new();
        for descriptor in all.iter().filter(|one| one.media_type == MANIFEST) {
            let fits = match &descriptor.platform {
                Some(platform) => platform.is(arch),
                None => self.described(descriptor)?.1.is(arch),
            };
            if fits {
                found.push(descriptor);
            }
        }
        let [descriptor] = found[..] else {
            return Err(OpenBaseError::Images {
                path: listing.clone(),
                arch: arch.oci(),
                count: found.len(),
            });
        };
        let (image, platform, config) = self.described(descriptor)?;
        if !platform.is(arch) {
            return Err(OpenBaseError::Platform {
                path: config,
                found: format!("{}/{}", platform.os, platform.architecture),
                arch: arch.oci(),
            });
        }
        Ok(image)
    }

    /// The image of a manifest, what its configuration says it is for, and the configuration's file.
    fn described(
        &self,
        descriptor: &Descriptor,
    ) -> Result<(FoundImage, Platform, PathBuf), OpenBaseError> {
        let (path, document) = self.document(descriptor)?;
        let manifest: Manifest = parse(&path, "manifest of an image", &document.bytes)?;
        if manifest.config.media_type != CONFIG {
            let found = manifest.config.media_type;
            return Err(OpenBaseError::MediaType { path, found });
        }
        let (config_path, config) = self.document(&manifest.config)?;
        let what = "configuration of an image";
        let platform: Platform = parse(&config_path, what, &config.bytes)?;
        let image = FoundImage {
            manifest: document,
            path,
            layers: manifest.layers,
            config: parse(&config_path, what, &config.bytes)?,
            config_document: config,
        };
        Ok((image, platform, config_path))
    }

    /// Where a blob is.
    pub(super) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    /// A document and its file; it is what its descriptor says.
    fn document(&self, descriptor: &Descriptor) -> Result<(PathBuf, Blob), OpenBaseError> {
        let path = self.path(&descriptor.digest);
        let bytes = read(&path, MAX_DOCUMENT)?;
        let found = Digest::of(&bytes);
        if found != descriptor.digest || bytes.len() as u64 != descriptor.size {
            return Err(OpenBaseError::Mismatch {
                path,
                digest: descriptor.digest,
                expected: descriptor.size,
                found,
                size: bytes.len() as u64,
            });
        }
        Ok((
            path,
            Blob {
                bytes,
                digest: found,
            },
        ))
    }
}

fn parse<T: DeserializeOwned>(
    path: &Path,
    what: &'static str,
    bytes: &[u8],
) -> Result<T, OpenBaseError> {
    serde_json::from_slice(bytes).map_err(|source| OpenBaseError::Document {
        path: path.to_owned(),
        what,
        source,
    })
}

/// Opens a file that is one: a link could lead anywhere, and a pipe would never end.
pub(super) fn open(path: &Path) -> Result<fs_err::File, OpenBaseError> {
    let failed = |source| OpenBaseError::Read {
        path: path.to_owned(),
        source,
    };
    if !std::fs::symlink_metadata(path).map_err(failed)?.is_file() {
        return Err(OpenBaseError::Kind(path.to_owned()));
    }
    fs_err::File::open(path).map_err(failed)
}

/// A whole file of at most `limit` bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, OpenBaseError> {
    let mut bytes = Vec::new();
    let file = open(path)?.into_file();
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|source| OpenBaseError::Read {
        path: path.to_owned(),
        source,
    })?;
    if bytes.len() as u64 > limit {
        return Err(OpenBaseError::Large {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}
