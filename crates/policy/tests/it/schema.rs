//! The schema says what the reader takes.

use crate::factory::no_files;
use bessemer_policy::{Policy, policy_schema};
use bessemer_yaml::SourceFile;
use serde_json::{Value, json};

fn refusal(value: &Value) -> Option<String> {
    let source = SourceFile::new("policy.yaml", value.to_string());
    let refused = Policy::parse(&source, &no_files).err()?;
    Some(refused.message.clone())
}

#[test]
fn the_schema_has_every_key() {
    insta::assert_snapshot!(format!("{:#}", policy_schema()));
}

#[test]
fn what_the_schema_requires_is_required() {
    let whole = json!({
        "schema": "bessemer.policy/v1",
        "source-verifiers": [{"id": "https://v.example", "public-key-file": "good.pub"}],
        "packages": [{"names": ["a"], "expect": {"sources": [{"repository": "https://a.example"}]}}],
        "images": [{"names": ["a"]}],
    });
    assert_eq!(refusal(&whole), None);
    let schema = policy_schema();
    for (kind, pointer) in [
        ("Document", ""),
        ("SourceVerifier", "/source-verifiers/0"),
        ("PackageRule", "/packages/0"),
        ("Source", "/packages/0/expect/sources/0"),
        ("ImageRule", "/images/0"),
    ] {
        let required = schema["$defs"][kind]["required"].as_array().unwrap();
        assert_eq!(required.len(), 1, "{kind}");
        for key in required {
            let mut less = whole.clone();
            let mapping = less.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
            mapping.remove(key.as_str().unwrap()).unwrap();
            assert!(refusal(&less).is_some(), "{kind} {key}");
        }
    }
}

/// All keys of all mappings.
fn keys() -> Vec<String> {
    let schema = policy_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let properties = definitions
        .values()
        .map(|one| one["properties"].as_object().unwrap());
    properties.flat_map(|one| one.keys().cloned()).collect()
}

#[test]
fn the_example_of_every_key_is_read_and_the_page_has_every_key() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(folder.join("test-data/everything.yaml")).unwrap();
    let source = SourceFile::new("everything.yaml", text.as_str());
    assert!(Policy::parse(&source, &no_files).is_ok());
    let page = std::fs::read_to_string(folder.join("../../docs/policy.md")).unwrap();
    assert!(keys().len() > 30);
    for key in keys() {
        // A key may be given in a file or in place.
        let written = text.contains(&format!("{key}:")) || key == "public-key";
        assert!(written, "everything.yaml has no `{key}`");
        assert!(
            page.contains(&format!("| `{key}` |")),
            "docs/policy.md has no `{key}`"
        );
    }
}
