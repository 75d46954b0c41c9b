//! The SPDX document inside a package.
//!
//! SPDX 2.3, JSON. The bytes depend on the description alone: no version of any tool, the creation
//! time is the source date. The document's namespace carries package, version, architecture and the
//! digest of what went in (of the contents where there is none), so that no two documents share one.

mod license;
#[cfg(test)]
mod schema;

use bessemer_digest::Digest;
use license::{Expression, LICENSE_LIST, UNKNOWN};
use serde::Serialize;
use std::fmt::Write as _;

/// What a document describes: one package and what it was made from.
#[derive(Debug, Clone)]
pub struct Description<'a> {
    /// A URI without fragment that the document's namespace starts with.
    pub namespace: &'a str,
    /// The digest of what the package was built from, with which the namespace ends; the digest of
    /// the document's own contents where nothing was built.
    pub inputs: Option<Digest>,
    /// Who created the document.
    pub organization: &'a str,
    /// Vendor part of the package URL, `pkg:apk/<distribution>/<name>`.
    pub distribution: &'a str,
    /// Package name.
    pub name: &'a str,
    /// Full version, `<version>-r<epoch>`.
    pub version: &'a str,
    /// Architecture in apk's spelling.
    pub architecture: &'a str,
    /// Licence expressions as declared, which all hold; empty when none is known. What SPDX does
    /// not list becomes `LicenseRef-…`.
    pub licenses: &'a [&'a str],
    /// Copyright text as declared; `None` when it is not known.
    pub copyright: Option<&'a str>,
    /// Seconds since 1970 (the source date).
    pub created: u64,
    /// The recipe, when one exists.
    pub recipe: Option<Source>,
    /// What the package was generated from, in order.
    pub sources: Vec<Source>,
}

/// Something that a package was made from or is described by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version, commit or empty.
    pub version: String,
    /// Where it can be had; `None` when that is nobody's business or unknown.
    pub location: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// The digest of its bytes.
    pub sha256: Option<Digest>,
    /// Its licence as declared; `None` when it is not known.
    pub license: Option<String>,
}

/// Why no document could be made.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// The creation time is outside the calendar.
    #[error("source date {0} is not a time")]
    Created(u64),
    /// Serialisation failed.
    #[error("cannot write the SBOM as JSON")]
    Json(#[from] serde_json::Error),
}

/// Where the document lies in its package: `var/lib/db/sbom/<name>-<version>.spdx.json`.
pub fn path(name: &str, version: &str) -> String {
    format!("var/lib/db/sbom/{name}-{version}.spdx.json")
}

/// The document as indented JSON, with a final newline.
pub fn spdx(description: &Description<'_>) -> Result<Vec<u8>, SbomError> {
    let seconds = i64::try_from(description.created).ok();
    let created = seconds
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .ok_or(SbomError::Created(description.created))?;
    let mut document = Document::new(description, created.to_string());
    let digest = match description.inputs {
        Some(inputs) => inputs,
        None => Digest::of(serde_json::to_vec(&document)?),
    };
    document.namespace = format!(
        "{}/{}-{}-{}/{}",
        description.namespace.trim_end_matches('/'),
        escape(description.name),
        escape(description.version),
        escape(description.architecture),
        digest.hex()
    );
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: String,
    spdx_version: &'static str,
    creation_info: CreationInfo,
    data_license: &'static str,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    #[serde(rename = "documentDescribes")]
    describes: Vec<String>,
    packages: Vec<Package>,
    relationships: Vec<Relationship>,
    #[serde(rename = "hasExtractedLicensingInfos")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extracted: Vec<Extracted>,
}

/// A licence that SPDX does not list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extracted {
    license_id: String,
    name: String,
    #[serde(rename = "extractedText")]
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationInfo {
    created: String,
    creators: Vec<String>,
    license_list_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version_info: String,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: String,
    download_location: String,
    copyright_text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalReference>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
struct ExternalReference {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: String,
    #[serde(rename = "referenceType")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Relationship {
    #[serde(rename = "spdxElementId")]
    element: String,
    #[serde(rename = "relationshipType")]
    kind: &'static str,
    #[serde(rename = "relatedSpdxElement")]
    related: String,
}

impl Document {
    fn new(from: &Description<'_>, created: String) -> Self {
        let license = Expression::all(from.licenses);
        let own = Package::of_apk(from, license.text);
        let mut extracted = license.extracted;
        for source in from.recipe.iter().chain(&from.sources) {
            let declared = source.license.as_deref().map(Expression::of);
            extracted.extend(declared.into_iter().flat_map(|license| license.extracted));
        }
        let extracted = extracted.into_iter();
        let extracted = extracted.map(|(license_id, name)| Extracted {
            license_id,
            text: format!("The recipe names this licence `{name}`."),
            name,
        });
        let own_id = own.id.clone();
        let mut packages = vec![own];
        let mut relationships = vec![Relationship {
            element: "SPDXRef-DOCUMENT".into(),
            kind: "DESCRIBES",
            related: own_id.clone(),
        }];
        let recipe = from
            .recipe
            .iter()
            .map(|source| ("DESCRIBED_BY", "Recipe", source));
        let sources = from
            .sources
            .iter()
            .map(|source| ("GENERATED_FROM", "Source", source));
        for (index, (kind, role, source)) in recipe.chain(sources).enumerate() {
            let package = Package::of_source(&format!("{role}-{index}"), source);
            relationships.push(Relationship {
                element: own_id.clone(),
                kind,
                related: package.id.clone(),
            });
            packages.push(package);
        }
        Self {
            id: "SPDXRef-DOCUMENT",
            name: format!("apk-{}-{}", from.name, from.version),
            spdx_version: "SPDX-2.3",
            creation_info: CreationInfo {
                created,
                creators: vec![
                    "Tool: bessemer".into(),
                    format!("Organization: {}", from.organization),
                ],
                license_list_version: LICENSE_LIST,
            },
            data_license: "CC0-1.0",
            namespace: String::new(),
            describes: vec![own_id],
            packages,
            relationships,
            extracted: extracted.collect(),
        }
    }
}

impl Package {
    fn of_apk(from: &Description<'_>, license_declared: String) -> Self {
        let purl = format!(
            "pkg:apk/{}/{}@{}?arch={}",
            escape(from.distribution),
            escape(from.name),
            escape(from.version),
            escape(from.architecture)
        );
        Self {
            id: identifier(&format!("Package-{}-{}", from.name, from.version)),
            name: from.name.into(),
            version_info: from.version.into(),
            files_analyzed: false,
            license_concluded: UNKNOWN,
            license_declared,
            download_location: UNKNOWN.into(),
            copyright_text: from.copyright.unwrap_or(UNKNOWN).into(),
            checksums: Vec::new(),
            external_refs: vec![ExternalReference::purl(purl)],
        }
    }

    fn of_source(role: &str, source: &Source) -> Self {
        let checksum = |digest: &Digest| Checksum {
            algorithm: "SHA256",
            checksum_value: digest.hex(),
        };
        Self {
            id: identifier(&format!("{role}-{}-{}", source.name, source.version)),
            name: source.name.clone(),
            version_info: source.version.clone(),
            files_analyzed: false,
            license_concluded: UNKNOWN,
            license_declared: source
                .license
                .as_deref()
                .map_or_else(|| UNKNOWN.into(), |license| Expression::of(license).text),
            download_location: source.location.clone().unwrap_or_else(|| UNKNOWN.into()),
            copyright_text: UNKNOWN.into(),
            checksums: source.sha256.iter().map(checksum).collect(),
            external_refs: source
                .purl
                .iter()
                .cloned()
                .map(ExternalReference::purl)
                .collect(),
        }
    }
}

impl ExternalReference {
    fn purl(locator: String) -> Self {
        Self {
            category: "PACKAGE-MANAGER",
            locator,
            kind: "purl",
        }
    }
}

/// `SPDXRef-` and the text with every byte that an SPDX id may not have written as `C<number>`
/// (the scheme of melange and apko).
fn identifier(text: &str) -> String {
    let mut id = String::from("SPDXRef-");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' {
            id.push(char::from(byte));
        } else {
            id.push('C');
            id.push_str(&byte.to_string());
        }
    }
    id
}

/// Percent-encodes a component of a package URL.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description<'static> {
        Description {
            namespace: "urn:test",
            organization: "Test",
            distribution: "test",
            name: "libstdc++",
            version: "1.2-r0",
            architecture: "x86_64",
            inputs: None,
            licenses: &["MIT"],
            copyright: None,
            created: 0,
            recipe: None,
            sources: vec![Source {
                name: "src".into(),
                version: String::new(),
                location: None,
                purl: None,
                sha256: Some(Digest::of(b"")),
                license: None,
            }],
        }
    }

    #[test]
    fn same_description_same_bytes_and_no_other_namespace_alike() {
        let first = spdx(&description()).unwrap();
        assert_eq!(first, spdx(&description()).unwrap());
        let json: serde_json::Value = serde_json::from_slice(&first).unwrap();
        assert_eq!(json["creationInfo"]["created"], "1970-01-01T00:00:00Z");
        assert_eq!(
            json["packages"][0]["SPDXID"],
            "SPDXRef-Package-libstdcC43C43-1.2-r0"
        );
        assert_eq!(
            json["relationships"][1]["relationshipType"],
            "GENERATED_FROM"
        );
        let mut other = description();
        other.licenses = &[];
        let other: serde_json::Value = serde_json::from_slice(&spdx(&other).unwrap()).unwrap();
        assert_ne!(json["documentNamespace"], other["documentNamespace"]);
    }

    #[test]
    fn the_namespace_is_the_inputs() {
        let inputs = Digest::of(b"inputs");
        let with_inputs = Description {
            inputs: Some(inputs),
            ..description()
        };
        let json: serde_json::Value = serde_json::from_slice(&spdx(&with_inputs).unwrap()).unwrap();
        let expected = format!("urn:test/libstdc%2B%2B-1.2-r0-x86_64/{}", inputs.hex());
        assert_eq!(json["documentNamespace"], expected);
    }

    #[test]
    fn documents_obey_the_schema() {
        let source = |name: &str, purl: Option<&str>| Source {
            name: name.into(),
            version: "1/2 ü".into(),
            location: Some("https://example.org/a.tar.gz".into()),
            purl: purl.map(str::to_owned),
            sha256: Some(Digest::of(b"a")),
            license: purl.is_none().then(|| "Apache-2.0 AND HOUSE-RULES".into()),
        };
        let full = Description {
            licenses: &["MIT OR PROPRIETARY", "Public Domain"],
            copyright: Some("2026 somebody"),
            recipe: Some(source("r.yaml", None)),
            sources: vec![
                source("src", Some("pkg:generic/src@1")),
                source("src", None),
            ],
            ..description()
        };
        for description in [description(), full] {
            let json = serde_json::from_slice(&spdx(&description).unwrap()).unwrap();
            assert_eq!(schema::violations(&json), Vec::<String>::new());
        }
    }

    #[test]
    fn refuses_a_date_outside_the_calendar() {
        let description = Description {
            created: u64::MAX,
            ..description()
        };
        assert!(matches!(spdx(&description), Err(SbomError::Created(_))));
    }
}
