//! What an SBOM in a package says of the recipe. Ours and melange's: SPDX 2, JSON.

use bessemer_digest::Digest;
use serde::Deserialize;

/// What is said of the recipe, and who maintains the package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// The recipe's name and digest.
    pub(super) recipe: Option<(String, Digest)>,
    pub(super) commit: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) license: Option<String>,
    /// The vendor part of the package's own URL.
    pub(super) namespace: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    packages: Vec<Package>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version_info: String,
    #[serde(default)]
    license_declared: String,
    #[serde(default)]
    download_location: String,
    #[serde(default)]
    checksums: Vec<Checksum>,
    #[serde(default)]
    external_refs: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: String,
    checksum_value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default)]
    reference_locator: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    #[serde(default)]
    relationship_type: String,
    #[serde(default)]
    related_spdx_element: String,
}

/// Reads an SBOM.
pub(super) fn described(text: &str) -> Result<Described, serde_json::Error> {
    let document: Document = serde_json::from_str(text)?;
    let locators = document.packages.iter().flat_map(|it| &it.external_refs);
    let mut namespaces = locators.filter_map(|it| {
        let rest = it.reference_locator.strip_prefix("pkg:apk/")?;
        Some(rest.split_once('/')?.0.to_owned())
    });
    let mut described = Described {
        namespace: namespaces.next(),
        ..Described::default()
    };
    let mut relationships = document.relationships.iter();
    let recipe = relationships.find(|it| it.relationship_type == "DESCRIBED_BY");
    let recipe = recipe.map(|it| it.related_spdx_element.as_str());
    let recipe = document
        .packages
        .iter()
        .find(|it| recipe == Some(it.id.as_str()));
    if let Some(recipe) = recipe {
        let told =
            |text: &str| (!matches!(text, "" | "NOASSERTION" | "NONE")).then(|| text.to_owned());
        described.commit = told(&recipe.version_info);
        described.license = told(&recipe.license_declared);
        described.repository = repository(recipe);
        let mut checksums = recipe.checksums.iter();
        let sha256 = checksums.find(|it| it.algorithm == "SHA256");
        let sha256 = sha256.and_then(|it| Digest::from_hex(&it.checksum_value).ok());
        described.recipe = sha256.map(|sha256| (recipe.name.clone(), sha256));
    }
    Ok(described)
}

/// The repository of the recipe, by its place (`git+URL@COMMIT#PATH`) or by its package URL on
/// GitHub, which is all that melange writes.
fn repository(recipe: &Package) -> Option<String> {
    if let Some(place) = recipe.download_location.strip_prefix("git+") {
        let place = place.split('#').next().unwrap_or_default();
        let commit = format!("@{}", recipe.version_info);
        return Some(place.strip_suffix(&commit).unwrap_or(place).to_owned());
    }
    let mut locators = recipe.external_refs.iter().map(|it| &it.reference_locator);
    let rest = locators.find_map(|it| it.strip_prefix("pkg:github/"))?;
    let place = rest.split(['@', '?', '#']).next().unwrap_or_default();
    Some(format!("https://github.com/{place}"))
}
