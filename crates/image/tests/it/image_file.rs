//! Parsing, merging and checking.

use bessemer_image::{Configuration, LoadError, image_schema, load, parse};
use bessemer_yaml::SourceFile;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data/files")
}

fn of(text: &str) -> Configuration {
    parse(&SourceFile::new("image.yaml", text)).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Loads a file of the test data, named as somebody would who works in that directory.
fn loaded(name: &str) -> Result<bessemer_image::Loaded, LoadError> {
    {
        crate::workplace::enter();
        load(Path::new(name), &[data()])
    }
}

#[test]
fn every_key_is_understood_and_printed_again() {
    let everything = loaded("everything.yaml").unwrap();
    insta::assert_snapshot!(everything.configuration.redacted().to_yaml().unwrap());
    insta::assert_snapshot!(
        "json",
        serde_json::to_string(&everything.configuration).unwrap()
    );
    // sha256sum everything.yaml | xxd -r -p | base64
    insta::assert_snapshot!("checksum", everything.checksum);
}

#[test]
fn a_printed_configuration_means_the_same() {
    for name in ["everything.yaml", "upper.yaml"] {
        let mut configuration = loaded(name).unwrap().configuration;
        // The command and the package of a service bundle are added again.
        configuration
            .contents
            .packages
            .retain(|package| package != "s6");
        let mut again = of(&configuration.to_yaml().unwrap());
        again.contents.packages.retain(|package| package != "s6");
        assert_eq!(again, configuration, "{name}");
    }
}

#[test]
fn a_file_extends_what_it_includes() {
    let upper = loaded("upper.yaml").unwrap();
    insta::assert_snapshot!(upper.configuration.to_yaml().unwrap());
    insta::assert_snapshot!("upper-checksum", upper.checksum);
}

#[test]
fn an_empty_file_is_an_empty_image() {
    for text in [
        "",
        "{}",
        "contents:\n",
        "contents: {packages: }\npaths: null\n",
    ] {
        assert_eq!(of(text), Configuration::default(), "{text}");
    }
}

/// Each wrong in one way.
const WRONG: [&str; 56] = [
    "contents: [a]",
    "conntents: {}",
    "contents: {package: [a]}",
    "cmd: a\ncmd: b",
    "contents:\n  packages: [a b]",
    "contents:\n  packages: ['>=1']",
    "contents:\n  packages: ['']",
    "contents:\n  repositories: ['@tag']",
    "contents:\n  repositories: [\"a\\nb\"]",
    "contents:\n  repositories: ['https://me:secret@host/?q']",
    "contents:\n  keyring: ['']",
    "contents:\n  runtime_keyring: [{content: x}]",
    "contents:\n  runtime_keyring: [{name: ../x, content: x}]",
    "contents:\n  runtime_keyring: [{name: x, content: y}]",
    "contents:\n  runtime_keyring:\n    - {name: x, content: '-----BEGIN PUBLIC KEY-----'}",
    "contents:\n  runtime_keyring:\n  - name: x\n    content: |\n      -----BEGIN PUBLIC KEY-----\n      MAA=\n      -----END PUBLIC KEY-----\n  - name: x\n    content: |\n      -----BEGIN PUBLIC KEY-----\n      MAA=\n      -----END PUBLIC KEY-----\n",
    "contents: {baseimage: {image: ./base}}",
    "contents: {baseimage: {image: ./base, apkindex: ./index}}\ncmd: a",
    "entrypoint: {type: service-bundel}",
    "entrypoint: {command: \"a 'b\"}",
    "entrypoint: {services: {a/b: c}}",
    "entrypoint: {shell_fragment: a}",
    "cmd: 'a \\'",
    "accounts: {users: [{uid: 1}]}",
    "accounts: {users: [{username: a}]}",
    "accounts: {users: [{username: a, uid: 0}]}",
    "accounts: {users: [{username: a, uid: -1}]}",
    "accounts: {users: [{username: a, uid: one}]}",
    "accounts: {users: [{username: a, uid: 4294967296}]}",
    "accounts: {users: [{username: 'a:b', uid: 1}]}",
    "accounts: {users: [{username: a, uid: 1, gid: +1}]}",
    "accounts: {groups: [{gid: 1}]}",
    "accounts: {groups: [{groupname: a, gid: 1, members: ['a,b']}]}",
    "accounts: {groups: [{groupname: a, gid: b}]}",
    "accounts: {run_as: a}",
    "archs: [x86-64]",
    "archs: [all]",
    "archs: [vax]",
    "environment: {A=B: c}",
    "environment: [A=B]",
    "paths: [{type: directory}]",
    "paths: [{path: /a}]",
    "paths: [{path: /a, type: dir}]",
    "paths: [{path: /a, type: symlnk}]",
    "paths: [{path: /a, type: symlink}]",
    "paths: [{path: /a/../b, type: directory}]",
    "paths: [{path: \"/a\\nb\", type: directory}]",
    "paths: [{path: /a, type: directory, permissions: 0o17777}]",
    "paths: [{path: /a, type: directory, permissions: 0855}]",
    "paths: [{path: /a, type: directory, recursive: yes}]",
    "layering: {strategy: origins, budget: 3}",
    "layering: {budget: 3}",
    "layering: {strategy: origin, budget: many}",
    "format: zip",
    "format: erofs\nlayering: {strategy: origin, budget: 3}",
    "include: other.yaml",
];

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let mut all = String::new();
    for text in WRONG {
        let error = parse(&SourceFile::new("image.yaml", text)).expect_err(text);
        let shown = text.replace("\\n", "⏎").replace('\n', "\n    ");
        writeln!(all, "    {shown}\n{error}\n").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn includes_that_cannot_be_read_are_said_where_they_stand() {
    let mut all = String::new();
    for name in [
        "itself.yaml",
        "missing.yaml",
        "includes-wrong.yaml",
        "nowhere.yaml",
    ] {
        let error = loaded(name).unwrap_err();
        writeln!(all, "{name}: {error}").unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_schema_has_every_key() {
    insta::assert_snapshot!(format!("{:#}", image_schema()));
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "(?s).{0,300}") {
        let _ = parse(&SourceFile::new("image.yaml", text));
    }

    #[test]
    fn values_come_back_whatever_they_are(
        values in prop::collection::btree_map("[a-zA-Z][a-zA-Z0-9_.-]{0,8}", "(?s)[^\u{0}\u{feff}]{0,30}", 0..5),
        cmd in "[a-z0-9 .:#&*!|>%@`{}-]{0,12}",
    ) {
        let configuration = Configuration {
            environment: values.clone(),
            annotations: values,
            work_dir: cmd,
            ..Configuration::default()
        };
        let again = of(&configuration.to_yaml().unwrap());
        prop_assert_eq!(again, configuration);
    }
}
