//! An image of two architectures in a folder.

use bessemer_digest::Digest;
use bessemer_registry::Layout;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

pub(crate) struct Image {
    pub(crate) layout: Layout,
    /// The index.
    pub(crate) index: Digest,
    /// The larger of the two layers.
    pub(crate) layer: Digest,
    pub(crate) folder: TempDir,
}

/// Writes an image whose layers have about `size` bytes, and a hundredth of that; `mark` makes it
/// another one.
pub(crate) fn write_image(mark: u8, size: usize) -> Image {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    std::fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let mut manifests = Vec::new();
    for (number, architecture) in [(0_u8, "amd64"), (1, "arm64")] {
        let size = if number == 0 { size } else { size / 100 };
        let layer = tar(mark, number, size);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {},
            "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
            "history": [{ "created": "1970-01-01T00:00:00Z" }],
        });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": blob(path, CONFIG, config.to_string().as_bytes()),
            "layers": [blob(path, LAYER, &layer)],
        });
        let mut descriptor = blob(path, MANIFEST, manifest.to_string().as_bytes());
        descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
        manifests.push(descriptor);
    }
    let digest = |descriptor: &Value| descriptor["digest"].as_str().unwrap().parse().unwrap();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let descriptor = blob(path, INDEX, index.to_string().as_bytes());
    let top = json!({ "schemaVersion": 2, "manifests": [descriptor] });
    std::fs::write(path.join("index.json"), top.to_string()).unwrap();
    Image {
        layout: Layout::open(path).unwrap(),
        index: digest(&descriptor),
        layer: Digest::of(tar(mark, 0, size)),
        folder,
    }
}

/// Writes a blob; its descriptor.
fn blob(folder: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::of(bytes);
    std::fs::write(folder.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
}

/// A tar archive with one file of `size` bytes that do not repeat.
fn tar(mark: u8, number: u8, size: usize) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..4].copy_from_slice(b"file");
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = header.to_vec();
    let mut state = (u64::from(mark) << 8 | u64::from(number)) + 1;
    while bytes.len() < 512 + size {
        // xorshift: two images share nothing, and a wrong offset shows.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(512 + size);
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}
