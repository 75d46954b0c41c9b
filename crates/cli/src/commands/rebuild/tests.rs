//! Reading and comparing; building again is tested with guests.

use super::comparing::Comparison;
use super::contents::Contents;
use super::reading::Original;
use super::sbom::described;
use std::path::{Path, PathBuf};

pub(super) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../package/tests/fixtures")
        .join(name)
}

fn refused(path: &Path) -> String {
    format!("{:#}", Original::read(path).unwrap_err())
}

#[test]
fn a_real_package_of_melange_is_read() {
    let original = Original::read(&fixture("perl-json-4.11-r0.apk")).unwrap();
    assert_eq!(
        original.origin(),
        ("perl-json".into(), "4.11-r0".into(), "x86_64".into())
    );
    let plan = original.plan().unwrap();
    assert_eq!(plan.source_date_epoch, 1_774_154_192);
    assert!(
        plan.environment
            .packages
            .contains(&"perl=5.42.1-r1".to_owned())
    );
    assert_eq!(plan.sources.len(), 1);
    assert!(plan.sources[0].git.is_some());
    // melange's own checkout wants the network; the built-in one does without.
    let first = &plan.package.steps[0].runs;
    assert!(first.contains("/var/cache/melange/request:"), "{first}");
    let parameters = original.parameters();
    assert_eq!(parameters.namespace.as_deref(), Some("wolfi"));
    let repository = parameters.git_repository_url.unwrap();
    assert!(
        repository.starts_with("https://github.com/"),
        "{repository}"
    );
}

#[test]
fn what_an_older_package_lacks_is_said() {
    for name in ["libcap-2.69-r0.apk", "ruby3.2-base64-0.2.0-r2.apk"] {
        let error = refused(&fixture(name));
        assert!(error.contains("has no .melange.yaml"), "{error}");
        assert!(error.contains(name), "{error}");
    }
}

/// The real packages beside the project, where they are.
#[test]
fn every_real_package_is_read_or_what_it_lacks_is_said() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let Ok(entries) = std::fs::read_dir(&data) else {
        eprintln!("{} is not there", data.display());
        return;
    };
    let mut read = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "apk") {
            read += 1;
            match Original::read(&path) {
                Ok(original) => drop(original.plan().unwrap()),
                Err(error) => {
                    let error = format!("{error:#}");
                    // One of them was cut down by whoever made test data of it.
                    let lacks = [
                        "has no .melange.yaml",
                        "is not an intact package: data member",
                    ];
                    assert!(lacks.iter().any(|lack| error.contains(lack)), "{error}");
                }
            }
        }
    }
    assert!(read > 0);
}

#[test]
fn what_is_no_package_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(fixture("perl-json-4.11-r0.apk")).unwrap();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"no package"),
        ("cut", &whole[..whole.len() / 2]),
    ] {
        let path = folder.path().join(format!("{name}\u{1b}[2J.apk"));
        std::fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(error.contains("is not an intact package"), "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_package_is_equal_to_itself_and_another_is_described() {
    let original = Original::read(&fixture("perl-json-4.11-r0.apk")).unwrap();
    let path = &original.path;
    let same = Comparison::new(&original, false, path, &original.contents);
    assert!(same.equal());
    assert_eq!(same.to_text(true), "equal: perl-json-4.11-r0.apk\n");
    let other = Contents::read(&fixture("libcap-2.69-r0.apk")).unwrap();
    let different = Comparison::new(&original, false, path, &other);
    assert!(!different.equal());
    let text = different.to_text(true);
    for says in [
        "different: perl-json-4.11-r0.apk\n",
        "  removed .melange.yaml: sha256:",
        "  changed .PKGINFO: sha256:",
        "    -pkgname = perl-json\n",
        "    +pkgname = libcap\n",
        "  added usr/lib/libcap.so.2.69: sha256:",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert_eq!(different.to_json()["equal"], false);
}

#[test]
fn an_sbom_says_where_the_recipe_is_from() {
    let text = r#"{"packages": [
        {"SPDXID": "a", "externalRefs": [{"referenceLocator": "pkg:apk/example/one@1-r0?arch=x86_64"}]},
        {"SPDXID": "r", "name": "one.yaml", "versionInfo": "4b825d", "licenseDeclared": "NOASSERTION",
         "downloadLocation": "git+https://example.test/tree@4b825d#one.yaml"}],
        "relationships": [{"spdxElementId": "a", "relationshipType": "DESCRIBED_BY", "relatedSpdxElement": "r"}]}"#;
    let found = described(text).unwrap();
    assert_eq!(found.namespace.as_deref(), Some("example"));
    assert_eq!(found.commit.as_deref(), Some("4b825d"));
    assert_eq!(
        found.repository.as_deref(),
        Some("https://example.test/tree")
    );
    assert_eq!((found.license, found.recipe), (None, None));
    assert!(described("[").is_err());
}
