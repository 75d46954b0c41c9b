//! What the JSON schema of SPDX 2.3 demands of the parts that documents here have, and what the
//! specification demands beyond it: ids that are unique and referred to ids that exist.

use serde_json::Value;
use std::collections::BTreeSet;

/// Object, required keys, further keys that it may have (`additionalProperties` is false).
type Shape = (&'static [&'static str], &'static [&'static str]);

const DOCUMENT: Shape = (
    &[
        "SPDXID",
        "creationInfo",
        "dataLicense",
        "name",
        "spdxVersion",
    ],
    &[
        "annotations",
        "comment",
        "documentDescribes",
        "documentNamespace",
        "externalDocumentRefs",
        "files",
        "hasExtractedLicensingInfos",
        "packages",
        "relationships",
        "reviewers",
        "revieweds",
        "snippets",
    ],
);
const CREATION: Shape = (&["created", "creators"], &["comment", "licenseListVersion"]);
const PACKAGE: Shape = (
    &["SPDXID", "downloadLocation", "name"],
    &[
        "annotations",
        "attributionTexts",
        "builtDate",
        "checksums",
        "comment",
        "copyrightText",
        "description",
        "externalRefs",
        "filesAnalyzed",
        "hasFiles",
        "homepage",
        "licenseComments",
        "licenseConcluded",
        "licenseDeclared",
        "licenseInfoFromFiles",
        "originator",
        "packageFileName",
        "packageVerificationCode",
        "primaryPackagePurpose",
        "releaseDate",
        "sourceInfo",
        "summary",
        "supplier",
        "validUntilDate",
        "versionInfo",
    ],
);
const CHECKSUM: Shape = (&["algorithm", "checksumValue"], &[]);
const REFERENCE: Shape = (
    &["referenceCategory", "referenceLocator", "referenceType"],
    &["comment"],
);
const RELATIONSHIP: Shape = (
    &["spdxElementId", "relatedSpdxElement", "relationshipType"],
    &["comment"],
);
const EXTRACTED: Shape = (
    &["extractedText", "licenseId"],
    &["comment", "crossRefs", "name", "seeAlsos"],
);
/// Those that documents here use, of the schema's enumerations.
const RELATIONS: [&str; 3] = ["DESCRIBES", "DESCRIBED_BY", "GENERATED_FROM"];
const CATEGORIES: [&str; 5] = [
    "OTHER",
    "PERSISTENT-ID",
    "PERSISTENT_ID",
    "SECURITY",
    "PACKAGE-MANAGER",
];

/// Every rule that the document breaks.
pub(super) fn violations(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    shape("document", document, DOCUMENT, &mut found);
    shape(
        "creationInfo",
        &document["creationInfo"],
        CREATION,
        &mut found,
    );
    rule(
        document["spdxVersion"] == "SPDX-2.3",
        "spdxVersion",
        &mut found,
    );
    rule(
        document["dataLicense"] == "CC0-1.0",
        "dataLicense",
        &mut found,
    );
    rule(
        document["SPDXID"] == "SPDXRef-DOCUMENT",
        "SPDXID",
        &mut found,
    );
    let namespace = document["documentNamespace"].as_str().unwrap_or("#");
    rule(
        !namespace.contains(['#', ' ']),
        "documentNamespace",
        &mut found,
    );
    let created = document["creationInfo"]["created"].as_str().unwrap_or("");
    let is_time = created.len() == 20 && created.ends_with('Z') && created.contains('T');
    rule(is_time, "created", &mut found);
    for creator in list(&document["creationInfo"]["creators"]) {
        let creator = creator.as_str().unwrap_or("");
        let known = ["Tool: ", "Organization: ", "Person: "];
        rule(
            known.iter().any(|start| creator.starts_with(start)),
            "creators",
            &mut found,
        );
    }
    let mut ids = BTreeSet::from(["SPDXRef-DOCUMENT".to_owned()]);
    for package in list(&document["packages"]) {
        check_package(package, &mut ids, &mut found);
    }
    check_references(document, &ids, &mut found);
    found
}

fn check_package(package: &Value, ids: &mut BTreeSet<String>, found: &mut Vec<String>) {
    shape("package", package, PACKAGE, found);
    let id = package["SPDXID"].as_str().unwrap_or("");
    let rest = id.strip_prefix("SPDXRef-").unwrap_or("");
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    rule(!rest.is_empty() && rest.bytes().all(allowed), id, found);
    rule(ids.insert(id.to_owned()), &format!("{id} twice"), found);
    rule(package["filesAnalyzed"] == false, "filesAnalyzed", found);
    for text in [
        "name",
        "downloadLocation",
        "licenseDeclared",
        "copyrightText",
    ] {
        rule(package[text].is_string(), text, found);
    }
    for checksum in list(&package["checksums"]) {
        shape("checksum", checksum, CHECKSUM, found);
        rule(checksum["algorithm"] == "SHA256", "algorithm", found);
        let value = checksum["checksumValue"].as_str().unwrap_or("");
        let is_hex = value.len() == 64
            && value
                .bytes()
                .all(|byte| b"0123456789abcdef".contains(&byte));
        rule(is_hex, "checksumValue", found);
    }
    for reference in list(&package["externalRefs"]) {
        shape("externalRef", reference, REFERENCE, found);
        let category = reference["referenceCategory"].as_str().unwrap_or("");
        rule(CATEGORIES.contains(&category), "referenceCategory", found);
        let locator = reference["referenceLocator"].as_str().unwrap_or("");
        let is_purl =
            locator.starts_with("pkg:") && locator.bytes().all(|byte| byte.is_ascii_graphic());
        rule(
            reference["referenceType"] != "purl" || is_purl,
            "referenceLocator",
            found,
        );
    }
}

fn check_references(document: &Value, ids: &BTreeSet<String>, found: &mut Vec<String>) {
    let exists = |id: &Value| id.as_str().is_some_and(|id| ids.contains(id));
    for described in list(&document["documentDescribes"]) {
        rule(exists(described), "documentDescribes", found);
    }
    for relation in list(&document["relationships"]) {
        shape("relationship", relation, RELATIONSHIP, found);
        let kind = relation["relationshipType"].as_str().unwrap_or("");
        rule(RELATIONS.contains(&kind), "relationshipType", found);
        let both = exists(&relation["spdxElementId"]) && exists(&relation["relatedSpdxElement"]);
        rule(both, "relationship names what is not there", found);
    }
    let extracted: BTreeSet<&str> = list(&document["hasExtractedLicensingInfos"])
        .iter()
        .map(|licence| {
            shape("extracted licence", licence, EXTRACTED, found);
            licence["licenseId"].as_str().unwrap_or("")
        })
        .collect();
    for package in list(&document["packages"]) {
        let declared = package["licenseDeclared"].as_str().unwrap_or("");
        let words = declared.split([' ', '(', ')']);
        for word in words.filter(|word| word.starts_with("LicenseRef-")) {
            rule(extracted.contains(word), word, found);
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn shape(what: &str, value: &Value, (required, optional): Shape, found: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        found.push(format!("{what} is no object"));
        return;
    };
    for key in required {
        rule(
            object.contains_key(*key),
            &format!("{what} without {key}"),
            found,
        );
    }
    for key in object.keys() {
        let known = required.contains(&key.as_str()) || optional.contains(&key.as_str());
        rule(known, &format!("{what} with {key}"), found);
    }
}

fn rule(holds: bool, what: &str, found: &mut Vec<String>) {
    if !holds {
        found.push(what.to_owned());
    }
}
