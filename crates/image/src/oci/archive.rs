//! An OCI layout as a tar archive, which `docker load` reads too.

use super::directory::LAYOUT;
use super::documents::Index;
use super::{Blob, DescribeError, INDEX, Image, ImageIndex};
use bessemer_apk::install::{LayerWriter, Names, Placed, WriteLayerError};
use bessemer_apk::package::Content;
use bessemer_apk::{Entry, EntryPath};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// Why an archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteArchiveError {
    /// A document cannot be.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// The archive cannot be.
    #[error("cannot write the archive")]
    Write(#[from] WriteLayerError),
    /// The output refused.
    #[error("cannot write the archive")]
    Output(#[from] io::Error),
    /// A place in the archive is no path.
    #[error("cannot name a file of the archive")]
    Path(#[from] bessemer_apk::EntryPathError),
}

/// An entry of Docker's `manifest.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// Bytes, or where they are.
#[derive(Debug)]
enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

impl Content for Source {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(&bytes[..]),
            Self::File(path) => Box::new(fs_err::File::open(path)?),
        })
    }
}

/// Writes images as one archive: an OCI layout whose `index.json` names the index by `tag`, and
/// Docker's `manifest.json` over the same blobs. Entries are sorted and have time 0, so that the same
/// images and the same tag give the same bytes.
pub fn write_archive(
    images: &ImageIndex,
    tag: &str,
    out: impl Write,
) -> Result<(), WriteArchiveError> {
    let mut files: BTreeMap<String, (u64, Source)> = BTreeMap::new();
    let mut bytes = |name: String, bytes: Vec<u8>| {
        files.insert(name, (bytes.len() as u64, Source::Bytes(bytes)));
    };
    bytes("oci-layout".to_owned(), LAYOUT.as_bytes().to_vec());
    bytes("index.json".to_owned(), top_index(images, tag)?.bytes);
    bytes(
        "manifest.json".to_owned(),
        docker_manifest(images, tag)?.bytes,
    );
    bytes(blob_name(&images.index), images.index.bytes.clone());
    for image in &images.images {
        for blob in [&image.config, &image.manifest] {
            bytes(blob_name(blob), blob.bytes.clone());
        }
    }
    for layer in images.images.iter().flat_map(|image| &image.layers) {
        let name = format!("blobs/sha256/{}", layer.digest.hex());
        files.insert(name, (layer.size, Source::File(layer.path.clone())));
    }
    let mut archive = LayerWriter::new(Names::default(), out);
    for directory in ["blobs", "blobs/sha256"] {
        let entry = Entry::directory(EntryPath::new(directory)?);
        archive.write(&placed(entry, None))?;
    }
    for (name, (size, source)) in files {
        let entry = Entry::file(EntryPath::new(name)?, size, 0o644);
        archive.write(&placed(entry, Some(source)))?;
    }
    archive.finish()?;
    Ok(())
}

const fn placed(entry: Entry, content: Option<Source>) -> Placed<Source> {
    Placed {
        entry,
        mtime: 0,
        content,
        package: None,
    }
}

fn blob_name(blob: &Blob) -> String {
    format!("blobs/sha256/{}", blob.digest.hex())
}

/// The index of the archive: one descriptor, with the names by which tools ask for it.
fn top_index(images: &ImageIndex, tag: &str) -> Result<Blob, DescribeError> {
    let mut descriptor = images.index.descriptor(INDEX);
    let (_, short) = name_and_tag(tag);
    descriptor.annotations = BTreeMap::from([
        ("io.containerd.image.name", tag.to_owned()),
        ("org.opencontainers.image.ref.name", short.to_owned()),
    ]);
    Blob::of(&Index {
        schema_version: 2,
        media_type: INDEX,
        manifests: vec![descriptor],
        annotations: BTreeMap::new(),
    })
}

/// A reference apart: what stands after the last colon of its last component is the tag.
fn name_and_tag(reference: &str) -> (&str, &str) {
    let start = reference.rfind('/').map_or(0, |slash| slash + 1);
    match reference[start..].rfind(':') {
        Some(colon) => (&reference[..start + colon], &reference[start + colon + 1..]),
        None => (reference, "latest"),
    }
}

/// What Docker loads. Of several architectures each has a tag of its own, as apko makes them, but with
/// the variant: apko gives both kinds of `arm` the same.
fn docker_manifest(images: &ImageIndex, tag: &str) -> Result<Blob, DescribeError> {
    let several = images.images.len() > 1;
    let one = |image: &Image| {
        let (name, short) = name_and_tag(tag);
        let arch = image.arch.oci().replace('/', "_");
        let tag = if several {
            format!("{name}:{short}-{arch}")
        } else {
            format!("{name}:{short}")
        };
        let layers = image.layers.iter();
        DockerImage {
            config: blob_name(&image.config),
            repo_tags: vec![tag],
            layers: layers
                .map(|layer| format!("blobs/sha256/{}", layer.digest.hex()))
                .collect(),
        }
    };
    Blob::of(&images.images.iter().map(one).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::name_and_tag;

    #[test]
    fn tags_are_found_behind_ports() {
        for (reference, parts) in [
            ("a", ("a", "latest")),
            ("a:b", ("a", "b")),
            ("host:80/a", ("host:80/a", "latest")),
            ("host:80/a/b:c", ("host:80/a/b", "c")),
        ] {
            assert_eq!(name_and_tag(reference), parts);
        }
    }
}
