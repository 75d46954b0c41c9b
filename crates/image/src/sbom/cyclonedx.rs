//! CycloneDX 1.6.

use super::spdx::apk_purl;
use super::{Inventory, TOOL, digest_of, oci_purl, purl_name};
use crate::oci::{self, DescribeError, Image, ImageIndex};
use bessemer_attest::go_json;
use bessemer_digest::Digest;
use serde_json::{Value, json};

/// The document of an image of one architecture: the image, its system and its packages, which are
/// described by their metadata. `reference` is what the image is called, `vcs_url` where its image file
/// comes from.
pub fn image_cyclonedx(
    image: &Image,
    inventory: &Inventory,
    reference: &str,
    vcs_url: &str,
) -> Result<String, DescribeError> {
    let system = &inventory.system;
    let mut components = vec![json!({
        "type": "operating-system",
        "bom-ref": format!("os:{}@{}", system.id, system.version),
        "name": system.id,
        "version": system.version,
    })];
    for (entry, _) in &inventory.packages {
        let purl = apk_purl(entry, system);
        let mut component = json!({
            "type": "library",
            "bom-ref": purl,
            "name": entry.name,
            "version": entry.version.as_str(),
            "description": entry.description,
            "purl": purl,
        });
        if !entry.license.is_empty() {
            component["licenses"] = json!([{"license": {"name": entry.license}}]);
        }
        components.push(component);
    }
    let mut root = container(reference, &image.manifest.digest, Some(image));
    add_source(&mut root, vcs_url);
    document(&image.manifest.digest, &root, &components, image.created)
}

/// The document of an index: its images, each with the name of its own document (a BOM-Link).
pub fn index_cyclonedx(
    images: &ImageIndex,
    reference: &str,
    vcs_url: &str,
) -> Result<String, DescribeError> {
    let component = |image: &Image| {
        let mut component = container(reference, &image.manifest.digest, Some(image));
        let link = serial_number(&image.manifest.digest).replace("urn:uuid:", "urn:cdx:");
        let own = json!([{"type": "bom", "url": format!("{link}/1")}]);
        component["externalReferences"] = own;
        component
    };
    let components: Vec<Value> = images.images.iter().map(component).collect();
    let mut root = container(reference, &images.index.digest, None);
    add_source(&mut root, vcs_url);
    let created = images.images.iter().map(|image| image.created).max();
    document(
        &images.index.digest,
        &root,
        &components,
        created.unwrap_or(0),
    )
}

/// An image, or an index where there is none.
fn container(reference: &str, digest: &Digest, image: Option<&Image>) -> Value {
    let media_type = image.map_or(oci::INDEX, |_| oci::MANIFEST);
    let purl = oci_purl(reference, digest, image, media_type);
    json!({
        "type": "container",
        "bom-ref": purl,
        "name": purl_name(reference),
        "version": digest_of(digest),
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest.hex()}],
    })
}

/// Where the image file comes from: `URL@COMMIT`. Only a URL may be a reference; `host:path`, which git
/// understands, is none.
fn add_source(component: &mut Value, vcs_url: &str) {
    if let Some((url, commit)) = vcs_url.rsplit_once('@')
        && url.contains("://")
    {
        let comment = format!("image configuration source, commit {commit}");
        let source = json!([{"type": "vcs", "url": url, "comment": comment}]);
        component["externalReferences"] = source;
    }
}

/// The document about `root`, which depends on all components, and they on nothing.
fn document(
    digest: &Digest,
    root: &Value,
    components: &[Value],
    created: u64,
) -> Result<String, DescribeError> {
    let (tool, version) = TOOL;
    let references: Vec<Value> = components
        .iter()
        .map(|one| one["bom-ref"].clone())
        .collect();
    let mut dependencies = vec![json!({"ref": root["bom-ref"], "dependsOn": references})];
    dependencies.extend(references.iter().map(|reference| json!({"ref": reference})));
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(digest),
        "version": 1,
        "metadata": {
            "timestamp": oci::time(created)?,
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "component": root,
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(go_json::pretty(&document)?)
}

/// A name of the document that depends on what it is about alone: a UUID of version 8 (RFC 9562), which
/// leaves its bits to whoever makes it.
fn serial_number(digest: &Digest) -> String {
    let hex = digest.hex();
    let digit = |at: usize| hex.get(at..=at).unwrap_or("0");
    let variant = match digit(16) {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}
