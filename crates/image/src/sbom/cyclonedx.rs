//! CycloneDX 1.6.

use super::spdx::apk_purl;
use super::{Inventory, TOOL, digest_of, oci_purl};
use crate::oci::{self, DescribeError, Image};
use bessemer_attest::go_json;
use serde_json::{Value, json};

/// The document of an image of one architecture: the image, its system and its packages, which are
/// described by their metadata.
pub fn image_cyclonedx(
    image: &Image,
    inventory: &Inventory,
    reference: &str,
) -> Result<String, DescribeError> {
    let digest = digest_of(&image.manifest.digest);
    let purl = oci_purl(
        reference,
        &image.manifest.digest,
        Some(image),
        oci::MANIFEST,
    );
    let (tool, version) = TOOL;
    let system = &inventory.system;
    let mut components = vec![json!({
        "type": "operating-system",
        "bom-ref": format!("os:{}@{}", system.id, system.version),
        "name": system.id,
        "version": system.version,
    })];
    let mut references = vec![components[0]["bom-ref"].clone()];
    for (entry, _) in &inventory.packages {
        let purl = apk_purl(entry, system);
        references.push(json!(purl));
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
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&image.manifest.digest.hex()),
        "version": 1,
        "metadata": {
            "timestamp": oci::time(image.created)?,
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "component": {
                "type": "container",
                "bom-ref": purl,
                "name": super::purl_name(reference),
                "version": digest,
                "purl": purl,
                "hashes": [{"alg": "SHA-256", "content": image.manifest.digest.hex()}],
            },
        },
        "components": components,
        "dependencies": dependencies(&purl, &references),
    });
    Ok(go_json::pretty(&document)?)
}

fn dependencies(root: &str, references: &[Value]) -> Value {
    let mut all = vec![json!({"ref": root, "dependsOn": references})];
    all.extend(references.iter().map(|reference| json!({"ref": reference})));
    Value::Array(all)
}

/// A name of the document that depends on the image alone: a UUID of version 8 (RFC 9562), which leaves
/// its bits to whoever makes it.
fn serial_number(hex: &str) -> String {
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
