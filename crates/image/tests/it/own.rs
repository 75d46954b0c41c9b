//! The packages of `test-data/own`: what is in them. Its README says how they are signed.

use crate::made::{directory, file, link};
use bessemer_apk::package::{control_member, write_data};
use bessemer_apk::{Entry, PkgInfo};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A commit that nobody made.
const COMMIT: &str = "5eed5eed5eed5eed5eed5eed5eed5eed5eed5eed";

fn data() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/test-data/own"))
}

/// A bill of material: the package, the recipe that describes it, and something unrelated.
fn document(info: &PkgInfo) -> Vec<u8> {
    let (name, version) = (&info.name, &info.version);
    let id = format!("SPDXRef-Package-{name}-{version}");
    let recipe = format!("SPDXRef-Recipe-{name}.yaml");
    let locator = |text: String| json!([{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": text}]);
    let document = json!({
        "SPDXID": "SPDXRef-DOCUMENT",
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "name": format!("{name}-{version}"),
        "documentNamespace": format!("https://bills.example.com/{name}/{}", info.arch),
        "creationInfo": {"created": "1970-01-01T00:00:00Z", "creators": ["Tool: hand"]},
        "documentDescribes": [id],
        "packages": [
            {
                "SPDXID": id,
                "name": name,
                "versionInfo": version,
                "filesAnalyzed": false,
                "licenseConcluded": "NOASSERTION",
                "licenseDeclared": info.licenses[0],
                "downloadLocation": "NOASSERTION",
                "originator": "Organization: Foundry",
                "supplier": "Organization: Foundry",
                "copyrightText": "NOASSERTION",
                "primaryPackagePurpose": "APPLICATION",
                "externalRefs": locator(format!("pkg:apk/foundry/{name}@{version}?arch={}", info.arch)),
            },
            {
                "SPDXID": recipe,
                "name": format!("{name}.yaml"),
                "versionInfo": COMMIT,
                "filesAnalyzed": false,
                "licenseConcluded": "NOASSERTION",
                "licenseDeclared": "NOASSERTION",
                "downloadLocation": "NOASSERTION",
                "originator": "Organization: Foundry",
                "supplier": "Organization: Foundry",
                "primaryPackagePurpose": "INSTALL",
                "externalRefs": locator(format!("pkg:generic/recipes@{COMMIT}#{name}.yaml")),
            },
            {
                "SPDXID": "SPDXRef-Bystander",
                "name": "bystander",
                "filesAnalyzed": false,
                "downloadLocation": "NOASSERTION",
            },
        ],
        "relationships": [{
            "spdxElementId": id,
            "relationshipType": "DESCRIBED_BY",
            "relatedSpdxElement": recipe,
        }],
    });
    serde_json::to_vec_pretty(&document).unwrap()
}

/// Writes a package with the entries, the folders that they are in and a bill of material.
fn write(mut info: PkgInfo, mut entries: Vec<(Entry, Vec<u8>)>) {
    let (name, version) = (info.name.clone(), info.version.clone());
    let bill = format!("var/lib/db/sbom/{name}-{version}.spdx.json");
    entries.push(file(&bill, 0o644, document(&info)));
    let mut folders = Vec::new();
    for (entry, _) in &entries {
        let text = entry.path.to_string();
        let ends = text.match_indices('/').map(|(end, _)| end);
        folders.extend(ends.map(|end| text[..end].to_owned()));
    }
    folders.sort();
    folders.dedup();
    entries.extend(folders.iter().map(|folder| directory(folder)));
    entries.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
    let mut data_member = Vec::new();
    let summary = write_data(entries, 0, &mut data_member).unwrap();
    info.size = summary.installed_size;
    info.datahash = Some(summary.sha256);
    let control = control_member(&info, &BTreeMap::new(), &BTreeMap::new(), 0).unwrap();
    let folder = data().join("packages").join(&info.arch);
    fs::create_dir_all(&folder).unwrap();
    let bytes = [control, data_member].concat();
    fs::write(folder.join(format!("{name}-{version}.apk")), bytes).unwrap();
}

/// The words that say which system this is, owned by somebody.
fn os_release(text: &str) -> (Entry, Vec<u8>) {
    let (mut entry, content) = file("etc/os-release", 0o644, text);
    (entry.uid, entry.gid) = (740, 74);
    (entry, content)
}

fn authorities(names: [&str; 2]) -> Vec<(Entry, Vec<u8>)> {
    let files = names.map(|name| {
        let certificate = fs::read(data().join(format!("certificates/{name}.crt"))).unwrap();
        let place = format!("usr/local/share/ca-certificates/{name}.crt");
        file(&place, 0o644, certificate)
    });
    files.into()
}

#[test]
#[ignore = "makes the packages of test-data/own anew, unsigned"]
fn packages_are_made() {
    for arch in ["x86_64", "aarch64"] {
        let info = |name: &str, version: &str, description: &str| PkgInfo {
            name: name.into(),
            version: version.into(),
            arch: arch.into(),
            origin: name.into(),
            description: description.into(),
            commit: COMMIT.into(),
            maintainer: Some("foundry".into()),
            licenses: vec!["Apache-2.0".into()],
            ..PkgInfo::default()
        };
        write(
            info("layout", "2.4-r1", "the folders of a small system"),
            vec![
                os_release(
                    "NAME=Ingot\nID=ingot\nVERSION_ID=2.4\nPRETTY_NAME='Ingot, not yet cast'\n",
                ),
                file(
                    "usr/share/layout/about",
                    0o644,
                    "Folders, and who we are.\n",
                ),
                link("usr/share/layout/again", "about"),
            ],
        );
        write(
            PkgInfo {
                depends: vec!["layout".into()],
                replaces: vec!["layout".into()],
                ..info("layout-next", "3.0-r0", "who the system will be")
            },
            vec![os_release(
                "NAME=Billet\nID=billet\nVERSION_ID=3.0\nPRETTY_NAME='Billet, rolled'\n",
            )],
        );
        let provides = vec!["own-authorities".to_owned()];
        write(
            PkgInfo {
                provides: provides.clone(),
                ..info("trust-one", "1-r0", "authorities of running water")
            },
            authorities(["river", "bridge"]),
        );
        write(
            PkgInfo {
                provides,
                ..info("trust-two", "1-r0", "authorities of still water")
            },
            authorities(["harbour", "ferry"]),
        );
    }
}
