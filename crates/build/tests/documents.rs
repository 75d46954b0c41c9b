//! The examples in `docs/formats` are documents: each reads through its type and writes back the
//! same, so neither the code nor the page can change alone.

use bessemer_attest::BuilderKind;
use bessemer_attest::derive::{apk_build_type, image_build_type, image_builder_id};
use bessemer_attest::documents::{GuestInputs, JobSpec, Lock, NetworkRecord, Record};
use bessemer_attest::predicates::{Import, Provenance, Summary, TestResult};
use bessemer_attest::{Statement, TrustRoot};
use bessemer_recipe::Plan;
use bessemer_vm::KernelDescriptor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;

/// The pages that must show an example, and of what.
const EXPECTED: [(&str, &str); 11] = [
    ("guest-inputs.md", "bessemer.guest-inputs/v1"),
    ("job-spec.md", "bessemer.job-spec/v1"),
    ("kernel.md", "bessemer.kernel/v1"),
    ("lock.md", "bessemer.lock/v1"),
    ("network.md", "bessemer.network/v1"),
    ("plan.md", "bessemer.plan/v1"),
    (
        "provenance.md",
        "https://in-toto.io/attestation/test-result/v0.1",
    ),
    ("provenance.md", "https://slsa.dev/provenance/v1"),
    ("provenance.md", "import/v1"),
    ("record.md", "bessemer.record/v1"),
    ("trust-root.md", "bessemer.trust-root/v1"),
];

#[test]
fn examples_in_the_documentation_are_documents() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).expect("docs") {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("name").to_string_lossy();
        let page = std::fs::read_to_string(&path).expect("page");
        for block in blocks(&page) {
            let kind = check(&format!("{name}: {block:.60}"), block);
            found.insert((name.to_string(), kind));
        }
    }
    let expected = EXPECTED.map(|(page, kind)| (page.to_owned(), kind.to_owned()));
    assert_eq!(found, BTreeSet::from(expected));
}

#[test]
fn an_example_with_another_key_is_seen() {
    let page = include_str!("../../../docs/formats/job-spec.md");
    let block = blocks(page).next().expect("example");
    let changed = block.replace("\"interactive\"", "\"is_interactive\"");
    assert_ne!(block, changed);
    assert!(std::panic::catch_unwind(|| check("changed", &changed)).is_err());
}

#[test]
fn the_pages_behind_uris_stand_where_the_uris_say() {
    let builders = BuilderKind::ALL.map(|kind| kind.id("<base>"));
    let images = [image_build_type("<base>"), image_builder_id("<base>")];
    let builds = [apk_build_type("<base>")].into_iter().chain(images);
    for uri in builds.chain(builders) {
        let below = uri.trim_start_matches("<base>");
        let path = format!("{}/../../docs{below}.md", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{uri}: {error}"));
        let title = page.lines().next().expect("title");
        assert!(title.ends_with(&format!("`{uri}`")), "{title}");
    }
}

#[test]
fn the_build_types_page_names_every_parameter() {
    let formats = include_str!("../../../docs/formats/provenance.md");
    let page = include_str!("../../../docs/buildtypes/apk-package/v1.md");
    let example: Value =
        serde_json::from_str(blocks(formats).next().expect("example")).expect("JSON");
    let definition = &example["predicate"]["buildDefinition"];
    let mut count = 0;
    for parameters in ["externalParameters", "internalParameters"] {
        for key in definition[parameters].as_object().expect("object").keys() {
            assert!(page.contains(&format!("`{key}`")), "{key}");
            count += 1;
        }
    }
    for dependency in definition["resolvedDependencies"].as_array().expect("list") {
        let role = dependency["annotations"]["role"].as_str().expect("role");
        assert!(page.contains(&format!("| `{role}` |")), "{role}");
        count += 1;
    }
    assert!(count > 12, "{count}");
}

/// The fenced blocks marked as JSON.
fn blocks(page: &str) -> impl Iterator<Item = &str> {
    page.split("```json\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap_or(rest))
}

/// Reads and writes a block; returns which document it is.
fn check(place: &str, block: &str) -> String {
    let value: Value = serde_json::from_str(block).unwrap_or_else(|error| {
        panic!("{place}: {error}");
    });
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let kind = [text("schema"), text("predicateType")].concat();
    match kind.as_str() {
        "bessemer.plan/v1" => same::<Plan>(place, &value),
        "bessemer.lock/v1" => same::<Lock>(place, &value),
        "bessemer.job-spec/v1" => same::<JobSpec>(place, &value),
        "bessemer.network/v1" => same::<NetworkRecord>(place, &value),
        "bessemer.guest-inputs/v1" => same::<GuestInputs>(place, &value),
        "bessemer.record/v1" => same::<Record>(place, &value),
        "bessemer.kernel/v1" => same::<KernelDescriptor>(place, &value),
        "bessemer.trust-root/v1" => {
            TrustRoot::parse(block.as_bytes()).unwrap_or_else(|error| panic!("{place}: {error}"));
            same::<TrustRoot>(place, &value);
        }
        "https://slsa.dev/provenance/v1" => same::<Statement<Provenance>>(place, &value),
        "https://slsa.dev/verification_summary/v1" => same::<Statement<Summary>>(place, &value),
        "https://in-toto.io/attestation/test-result/v0.1" => {
            same::<Statement<TestResult>>(place, &value);
        }
        import if import.ends_with("/import/v1") => {
            same::<Statement<Import>>(place, &value);
            return "import/v1".to_owned();
        }
        other => panic!("{place}: no type reads `{other}`"),
    }
    kind
}

fn same<T: DeserializeOwned + Serialize>(place: &str, value: &Value) {
    let document: T =
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    let written = serde_json::to_value(document).expect("JSON");
    assert_eq!(&written, value, "{place}");
}
