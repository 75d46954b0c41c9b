//! Documents that packages bring.

use super::Elements;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const FILE: &str = "SPDXRef-File-";

/// A document, if it is one. A package that brings something else is described by its metadata.
pub(super) fn parse(bytes: &[u8]) -> Option<Value> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let described = described(&document);
    let all = ids(&document);
    let reachable = reachable(&document, &described);
    let whole = !described.is_empty() && reachable.iter().all(|id| all.contains(id));
    whole.then_some(document)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(document: &'a Value, key: &str) -> &'a [Value] {
    document[key].as_array().map_or(&[], Vec::as_slice)
}

fn ids(document: &Value) -> BTreeSet<String> {
    let packages = list(document, "packages").iter();
    packages
        .map(|package| text(package, "SPDXID").to_owned())
        .collect()
}

/// Packages that the document is about, by both ways in which a document says so.
fn described(document: &Value) -> BTreeSet<String> {
    let listed = list(document, "documentDescribes").iter();
    let listed = listed.filter_map(|id| id.as_str());
    let related = list(document, "relationships").iter();
    let related = related
        .filter(|one| text(one, "spdxElementId") == DOCUMENT)
        .filter(|one| text(one, "relationshipType") == "DESCRIBES")
        .map(|one| text(one, "relatedSpdxElement"));
    let all = ids(document);
    let names = listed.chain(related).map(str::to_owned);
    names.filter(|id| all.contains(id)).collect()
}

/// These and everything that they are related to, but files.
fn reachable(document: &Value, start: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = start.clone();
    loop {
        let before = found.len();
        for one in list(document, "relationships") {
            let related = text(one, "relatedSpdxElement");
            if found.contains(text(one, "spdxElementId")) && !related.starts_with(FILE) {
                found.insert(related.to_owned());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

impl Elements {
    /// Takes over what a document says of its package and of what that is made of.
    pub(super) fn embed(&mut self, document: &Value, root: &str, supplier: &str) {
        let described = described(document);
        let reachable = reachable(document, &described);
        for package in list(document, "packages") {
            if reachable.contains(text(package, "SPDXID")) {
                self.packages.push(completed(package, supplier));
            }
        }
        for one in list(document, "relationships") {
            let to_file = text(one, "relatedSpdxElement").starts_with(FILE);
            if reachable.contains(text(one, "spdxElementId")) && !to_file {
                self.relationships.push(one.clone());
            }
        }
        for license in list(document, "hasExtractedLicensingInfos") {
            let id = text(license, "licenseId");
            if !self
                .licensing
                .iter()
                .any(|known| text(known, "licenseId") == id)
            {
                self.licensing.push(license.clone());
            }
        }
        for id in described {
            self.relate(root, "CONTAINS", &id);
        }
    }
}

/// Files are left out, so none were analysed; checkers want somebody to have supplied a package.
fn completed(package: &Value, supplier: &str) -> Value {
    let mut package = package.clone();
    if text(&package, "originator").is_empty() {
        package["originator"] = json!(supplier);
    }
    if text(&package, "supplier").is_empty() {
        package["supplier"] = package["originator"].clone();
    }
    package["filesAnalyzed"] = json!(false);
    if let Value::Object(map) = &mut package {
        map.remove("packageVerificationCode");
        map.remove("hasFiles");
    }
    package
}
