//! Bills of material: what is in an image, in SPDX and in CycloneDX.
//!
//! A package that brings its own document (`/var/lib/db/sbom`) is described by it, as apko does. One
//! that brings none is described by what its metadata says; apko leaves it out.

mod cyclonedx;
mod inventory;
mod spdx;

pub use cyclonedx::{image_cyclonedx, index_cyclonedx};
pub use inventory::{Inventory, OperatingSystem};
pub use spdx::{image_spdx, index_spdx};

use crate::oci::Image;
use bessemer_digest::Digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is escaped in a package URL (purl-spec): everything but these.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name and version of what makes documents.
pub(crate) const TOOL: (&str, &str) = ("bessemer", env!("CARGO_PKG_VERSION"));

fn digest_of(digest: &Digest) -> String {
    format!("sha256:{}", digest.hex())
}

/// The name that an image has in package URLs: the last component of its reference, without the tag.
fn purl_name(reference: &str) -> &str {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let name = name.split(['@', ':']).next().unwrap_or(name);
    if name.is_empty() { "image" } else { name }
}

/// A package URL of an image or a part of one.
fn oci_purl(reference: &str, digest: &Digest, image: Option<&Image>, media_type: &str) -> String {
    let name = purl_name(reference);
    let digest = digest_of(digest);
    let media_type = utf8_percent_encode(media_type, &ESCAPED);
    match image {
        Some(image) => {
            let arch = utf8_percent_encode(image.arch.oci(), &ESCAPED);
            format!("pkg:oci/{name}@{digest}?arch={arch}&mediaType={media_type}&os=linux")
        }
        None => format!("pkg:oci/{name}@{digest}?mediaType={media_type}"),
    }
}
