//! Images in a folder.
//!
//! Source: OCI image specification 1.1, `image-layout.md`.

use crate::content::Content;
use crate::documents::{Descriptor, Document, MANIFEST_LIMIT, ParseManifestError, Stored};
use bessemer_digest::Digest;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The version of layouts that is read.
const VERSION: &str = "1.0.0";

/// A folder with images: `oci-layout`, `index.json` and `blobs/sha256/<hex>`.
#[derive(Debug, Clone)]
pub struct Layout {
    folder: PathBuf,
    images: Vec<Descriptor>,
}

/// Why a folder's images cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `oci-layout` does not say version 1.0.0.
    #[error("`{0}` is not an OCI layout of version {VERSION}")]
    Version(PathBuf),
    /// A manifest is none.
    #[error("`{path}` cannot be used")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ParseManifestError,
    },
    /// A file has another content than its name says.
    #[error("`{0}` has another digest or size than it should")]
    Mismatch(PathBuf),
    /// `index.json` has none, or several.
    #[error("`{path}` has {count} images at its top, not one")]
    Images {
        /// The folder.
        path: PathBuf,
        /// How many.
        count: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Layout {
    /// Opens a folder.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, LayoutError> {
        let folder = folder.into();
        let marker = read(&folder.join("oci-layout"))?;
        let marker = serde_json::from_slice::<Marker>(&marker);
        if !marker.is_ok_and(|marker| marker.image_layout_version == VERSION) {
            return Err(LayoutError::Version(folder));
        }
        let path = folder.join("index.json");
        let index: Document = serde_json::from_slice(&read(&path)?).map_err(|error| {
            let source = ParseManifestError::Shape(error);
            LayoutError::Manifest { path, source }
        })?;
        let images = index.manifests.unwrap_or_default();
        Ok(Self { folder, images })
    }

    /// What `index.json` lists.
    pub fn images(&self) -> &[Descriptor] {
        &self.images
    }

    /// The one image, or index of images, of a layout that has one.
    pub fn image(&self) -> Result<&Descriptor, LayoutError> {
        match self.images.as_slice() {
            [image] => Ok(image),
            images => Err(LayoutError::Images {
                path: self.folder.clone(),
                count: images.len(),
            }),
        }
    }

    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Stored, LayoutError> {
        let path = self.path(digest);
        let bytes = read(&path)?;
        if Digest::of(&bytes) != *digest {
            return Err(LayoutError::Mismatch(path));
        }
        Stored::read(None, bytes).map_err(|source| LayoutError::Manifest { path, source })
    }

    pub(crate) fn blob(&self, blob: &Descriptor) -> Result<Content, LayoutError> {
        let path = self.path(&blob.digest);
        let opened = File::open(&path).and_then(Content::file);
        let digest = opened.and_then(|content| Ok((content.digest()?, content)));
        let (digest, content) = digest.map_err(|source| LayoutError::Read {
            path: path.clone(),
            source,
        })?;
        if digest != blob.digest || content.size() != blob.size {
            return Err(LayoutError::Mismatch(path));
        }
        Ok(content)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LayoutError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MANIFEST_LIMIT).read_to_end(&mut bytes))
        .map_err(|source| LayoutError::Read {
            path: path.to_owned(),
            source,
        })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let message = || Layout::open(folder.path()).unwrap_err().to_string();
        assert!(message().contains("cannot read"));
        write("oci-layout", r#"{"imageLayoutVersion":"2"}"#);
        assert!(message().contains("version 1.0.0"));
        write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        write("index.json", "{}");
        assert!(message().contains("cannot be used"));
        write("index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
        let layout = Layout::open(folder.path()).unwrap();
        let message = layout.image().unwrap_err().to_string();
        assert!(message.contains("0 images"), "{message}");
    }

    #[test]
    fn reads_only_what_its_name_says() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let layout = Layout {
            folder: folder.path().to_owned(),
            images: Vec::new(),
        };
        let blob = Descriptor::of("a/b", b"content");
        let path = blobs.join(blob.digest.hex());
        for (content, is_right) in [("content", true), ("contenT", false), ("content+", false)] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(layout.blob(&blob).is_ok(), is_right, "{content}");
        }
        assert!(matches!(
            layout.manifest(&blob.digest),
            Err(LayoutError::Mismatch(_))
        ));
    }
}
