//! SPDX 2.3, with the elements that apko's documents have.

mod embedded;

use super::{Inventory, OperatingSystem, TOOL, digest_of, oci_purl};
use crate::oci::{self, DescribeError, Image, ImageIndex};
use bessemer_apk::IndexEntry;
use bessemer_attest::go_json;
use bessemer_digest::Digest;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const NOTHING: &str = "NOASSERTION";

/// A document on its way.
#[derive(Debug, Default)]
struct Elements {
    packages: Vec<Value>,
    relationships: Vec<Value>,
    licensing: Vec<Value>,
}

/// The document of an image of one architecture. `reference` is what the image is called, `vcs_url`
/// where its image file comes from.
pub fn image_spdx(
    image: &Image,
    inventory: &Inventory,
    reference: &str,
    vcs_url: &str,
) -> Result<String, DescribeError> {
    let supplier = supplier(&inventory.system);
    let digest = digest_of(&image.manifest.digest);
    let root = identifier(&format!("SPDXRef-Package-Image-{digest}"));
    let mut elements = Elements::default();
    elements.packages.push(json!({
        "SPDXID": root,
        "name": digest,
        "versionInfo": digest,
        "filesAnalyzed": false,
        "description": "container image",
        "downloadLocation": NOTHING,
        "supplier": supplier,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [checksum(&image.manifest.digest)],
        "externalRefs": [purl(&oci_purl(reference, &image.manifest.digest, Some(image), oci::MANIFEST))],
    }));
    for layer in &image.layers {
        let id = identifier(&format!(
            "SPDXRef-Package-ImageLayer-{}",
            digest_of(&layer.digest)
        ));
        elements.relate(&root, "CONTAINS", &id);
        let media_type = layer.encoding.media_type();
        elements.packages.push(json!({
            "SPDXID": id,
            "name": digest_of(&layer.digest),
            "versionInfo": inventory.system.version,
            "filesAnalyzed": false,
            "description": "operating system layer",
            "downloadLocation": NOTHING,
            "supplier": supplier,
            "primaryPackagePurpose": "CONTAINER",
            "externalRefs": [purl(&oci_purl(reference, &layer.digest, Some(image), media_type))],
        }));
    }
    elements.add_system(&inventory.system, &supplier);
    elements.add_source(vcs_url, &root, &supplier);
    for (entry, document) in &inventory.packages {
        let embedded = document.as_ref().and_then(|bytes| embedded::parse(bytes));
        match embedded {
            Some(document) => elements.embed(&document, &root, &supplier),
            None => elements.add_package(entry, &root, &inventory.system),
        }
    }
    elements.document(&digest, &root, image.created)
}

/// The document of an index: its images.
pub fn index_spdx(
    images: &ImageIndex,
    system: &OperatingSystem,
    reference: &str,
    vcs_url: &str,
) -> Result<String, DescribeError> {
    let supplier = supplier(system);
    let digest = digest_of(&images.index.digest);
    let root = identifier(&format!("SPDXRef-Package-{digest}"));
    let mut elements = Elements::default();
    elements.packages.push(json!({
        "SPDXID": root,
        "name": digest,
        "versionInfo": digest,
        "filesAnalyzed": false,
        "description": "Multi-arch image index",
        "downloadLocation": NOTHING,
        "supplier": supplier,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [checksum(&images.index.digest)],
        "externalRefs": [purl(&oci_purl(reference, &images.index.digest, None, oci::INDEX))],
    }));
    for image in &images.images {
        let manifest = &image.manifest.digest;
        let id = identifier(&format!("SPDXRef-Package-{}", digest_of(manifest)));
        elements.relate(&root, "VARIANT_OF", &id);
        elements.packages.push(json!({
            "SPDXID": id,
            "name": digest_of(manifest),
            "versionInfo": digest_of(manifest),
            "filesAnalyzed": false,
            "downloadLocation": NOTHING,
            "supplier": supplier,
            "primaryPackagePurpose": "CONTAINER",
            "checksums": [checksum(manifest)],
            "externalRefs": [purl(&oci_purl(reference, manifest, Some(image), oci::MANIFEST))],
        }));
    }
    elements.add_source(vcs_url, &root, &supplier);
    let created = images.images.iter().map(|image| image.created).max();
    elements.document(&digest, &root, created.unwrap_or(0))
}

impl Elements {
    fn relate(&mut self, element: &str, kind: &str, related: &str) {
        self.relationships.push(json!({
            "spdxElementId": element,
            "relationshipType": kind,
            "relatedSpdxElement": related,
        }));
    }

    fn add_system(&mut self, system: &OperatingSystem, supplier: &str) {
        self.packages.push(json!({
            "SPDXID": identifier(&format!("SPDXRef-OperatingSystem-{}", system.id)),
            "name": system.id,
            "versionInfo": system.version,
            "filesAnalyzed": false,
            "description": "Operating System",
            "downloadLocation": NOTHING,
            "supplier": supplier,
            "primaryPackagePurpose": "OPERATING_SYSTEM",
        }));
    }

    /// Where the image file comes from: `URL@COMMIT`.
    fn add_source(&mut self, vcs_url: &str, root: &str, supplier: &str) {
        let Some((url, commit)) = vcs_url.rsplit_once('@') else {
            return;
        };
        let id = identifier(&format!("SPDXRef-Package-{vcs_url}"));
        self.relate(root, "GENERATED_FROM", &id);
        self.packages.push(json!({
            "SPDXID": id,
            "name": url.split_once("://").map_or(url, |(_, name)| name),
            "versionInfo": commit,
            "filesAnalyzed": false,
            "description": "Image configuration source",
            "downloadLocation": vcs_url,
            "supplier": supplier,
            "primaryPackagePurpose": "SOURCE",
            "checksums": [{"algorithm": "SHA1", "checksumValue": commit}],
        }));
    }

    /// A package that says nothing of itself but its metadata.
    fn add_package(&mut self, entry: &IndexEntry, root: &str, system: &OperatingSystem) {
        let id = format!("SPDXRef-Package-apk-{}-{}", entry.name, entry.version);
        let id = identifier(&id);
        self.relate(root, "CONTAINS", &id);
        let license = if entry.license.is_empty() {
            NOTHING
        } else {
            &entry.license
        };
        let supplier = supplier(system);
        self.packages.push(json!({
            "SPDXID": id,
            "name": entry.name,
            "versionInfo": entry.version.as_str(),
            "filesAnalyzed": false,
            "licenseConcluded": NOTHING,
            "licenseDeclared": license,
            "description": entry.description,
            "downloadLocation": NOTHING,
            "originator": supplier,
            "supplier": supplier,
            "copyrightText": NOTHING,
            "primaryPackagePurpose": "APPLICATION",
            "externalRefs": [purl(&apk_purl(entry, system))],
        }));
    }

    /// The finished document: every element once, the first of its name.
    fn document(self, name: &str, root: &str, created: u64) -> Result<String, DescribeError> {
        let mut seen = BTreeSet::new();
        let mut packages = self.packages;
        packages.retain(|package| {
            let id = package["SPDXID"].as_str().unwrap_or_default();
            seen.insert(id.to_owned())
        });
        let (tool, version) = TOOL;
        let mut document = json!({
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": format!("sbom-{name}"),
            "spdxVersion": "SPDX-2.3",
            "creationInfo": {
                "created": oci::time(created)?,
                "creators": [format!("Tool: {tool}-{version}")],
                "licenseListVersion": "3.27",
            },
            "dataLicense": "CC0-1.0",
            "documentNamespace": format!("https://spdx.org/spdxdocs/{tool}/{name}"),
            "documentDescribes": [root],
            "packages": packages,
            "relationships": self.relationships,
        });
        if !self.licensing.is_empty() {
            document["hasExtractedLicensingInfos"] = Value::Array(self.licensing);
        }
        Ok(go_json::pretty(&document)?)
    }
}

pub(super) fn apk_purl(entry: &IndexEntry, system: &OperatingSystem) -> String {
    let escaped = |text| percent_encoding::utf8_percent_encode(text, &super::ESCAPED).to_string();
    format!(
        "pkg:apk/{}/{}@{}?arch={}",
        escaped(&system.id),
        escaped(&entry.name),
        escaped(entry.version.as_str()),
        escaped(&entry.arch)
    )
}

fn supplier(system: &OperatingSystem) -> String {
    if system.name.is_empty() {
        return NOTHING.to_owned();
    }
    format!("Organization: {}", system.name)
}

fn checksum(digest: &Digest) -> Value {
    json!({"algorithm": "SHA256", "checksumValue": digest.hex()})
}

fn purl(locator: &str) -> Value {
    json!({
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceLocator": locator,
        "referenceType": "purl",
    })
}

/// A text as the name of an element may be: letters, digits, `.` and `-`. A colon becomes `-`, any other
/// byte `C` and its number, as apko does.
fn identifier(text: &str) -> String {
    let mut id = String::new();
    for byte in text.bytes() {
        match byte {
            b':' => id.push('-'),
            b'-' | b'.' => id.push(char::from(byte)),
            other if other.is_ascii_alphanumeric() => id.push(char::from(other)),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(id, "C{other}");
            }
        }
    }
    id
}
