//! An OCI layout as a directory.

use super::ImageIndex;
use bessemer_digest::Digest;
use std::io;
use std::path::Path;

/// The content of the file `oci-layout`.
pub(super) const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// Why a layout cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the OCI layout")]
pub struct WriteLayoutError(#[from] io::Error);

/// Writes images into a directory, which is there: `oci-layout`, `index.json`, which is the index of
/// the architectures itself as apko has it, and everything it refers to by digest in `blobs/sha256`.
/// Blobs that are there are left alone; `index.json` comes last, by rename.
pub fn write_layout(images: &ImageIndex, directory: &Path) -> Result<(), WriteLayoutError> {
    let blobs = directory.join("blobs/sha256");
    fs_err::create_dir_all(&blobs)?;
    let put = |digest: &Digest, from: &mut dyn io::Read| -> io::Result<()> {
        let place = blobs.join(digest.hex());
        if place.exists() {
            return Ok(());
        }
        put_file(&place, from)
    };
    for image in &images.images {
        for layer in &image.layers {
            put(&layer.digest, &mut fs_err::File::open(&layer.path)?)?;
        }
        for blob in [&image.config, &image.manifest] {
            put(&blob.digest, &mut &blob.bytes[..])?;
        }
    }
    put_file(&directory.join("oci-layout"), &mut LAYOUT.as_bytes())?;
    put_file(&directory.join("index.json"), &mut &images.index.bytes[..])?;
    Ok(())
}

/// Writes a file that appears whole or not at all.
fn put_file(place: &Path, from: &mut dyn io::Read) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = place.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".partial-")
        .permissions(std::fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    io::copy(from, &mut file)?;
    file.as_file().sync_all()?;
    file.persist(place).map_err(|error| error.error)?;
    Ok(())
}
