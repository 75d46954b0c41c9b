mod property;

use super::table::{ENTRIES, VARIABLES};
use super::{Influence, defined, markdown, name};
use crate::arguments::{Arguments, Command, definition};
use crate::commands::build;
use crate::melange_flags::{
    BuildTable, CompileTable, LintTable, PlainTable, RebuildTable, ScanTable, Table as _, TestTable,
};
use bessemer_attest::documents::NetworkPolicy;
use bessemer_attest::predicates::{
    ImageExternalParameters, ImageInternalParameters, ImagePolicy, InternalParameters,
    IsolationParameters, ResourceParameters,
};
use clap::FromArgMatches as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Whether a flag is one of melange's that the other table answers for.
fn of_melange(command: &str, flag: &str) -> bool {
    let flags = match command {
        "build" => BuildTable::FLAGS,
        "test" => TestTable::FLAGS,
        "compile" => CompileTable::FLAGS,
        "lint" => LintTable::FLAGS,
        "rebuild" => RebuildTable::FLAGS,
        "scan" => ScanTable::FLAGS,
        "license-check" | "update-cache" | "query" | "package-version" | "index" | "sign"
        | "sign-index" | "keygen" => PlainTable::FLAGS,
        _ => &[],
    };
    flags.iter().any(|own| flag == format!("--{}", own.name))
}

fn entries() -> Vec<(String, String)> {
    let pair = |command: &&str, flag: &str| ((*command).to_owned(), flag.to_owned());
    ENTRIES
        .iter()
        .flat_map(|entry| {
            entry
                .commands
                .iter()
                .map(|command| pair(command, entry.flag))
        })
        .collect()
}

#[test]
fn every_flag_has_one_entry_and_every_entry_a_flag() {
    let defined: BTreeSet<(String, String)> = defined(&definition())
        .into_iter()
        .map(|(command, argument)| (command, name(&argument)))
        .filter(|(command, flag)| !of_melange(command, flag))
        .collect();
    let listed = entries();
    let known: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), known.len(), "an entry stands twice");
    let without: Vec<_> = defined.difference(&known).collect();
    assert!(without.is_empty(), "flags without an entry: {without:?}");
    let dead: Vec<_> = known.difference(&defined).collect();
    assert!(dead.is_empty(), "entries without a flag: {dead:?}");
}

#[test]
fn the_walk_sees_flags_positionals_and_inner_commands() {
    let found = defined(&definition());
    for (command, flag) in [
        ("build", "--arch"),
        ("build", "<recipe>"),
        ("build", "--runner"),
        ("bootstrap debian", "--list"),
        ("", "--inherited"),
    ] {
        assert!(
            found
                .iter()
                .any(|(own, argument)| own == command && name(argument) == flag),
            "{command} {flag}"
        );
    }
}

fn parsed(words: &[&str]) -> Box<build::Arguments> {
    let mut matches = definition().try_get_matches_from(words).unwrap();
    match Arguments::from_arg_matches_mut(&mut matches)
        .unwrap()
        .command
    {
        Command::Build(arguments) => arguments,
        other => panic!("{other:?}"),
    }
}

/// A field name of the job spec as provenance writes it.
fn camel(field: &str) -> String {
    let mut parts = field.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(&part[..1].to_uppercase());
        text.push_str(&part[1..]);
    }
    text
}

#[test]
fn what_is_said_to_be_external_is_in_the_external_parameters() {
    let directory = tempfile::tempdir().unwrap();
    let variables = directory.path().join("vars.yaml");
    fs_err::write(&variables, "key: value\n").unwrap();
    let variables = variables.display().to_string();
    let environment = directory.path().join("a.env");
    fs_err::write(&environment, "A=1\n").unwrap();
    let environment = environment.display().to_string();
    let samples: [(&str, &str, Value); 15] = [
        ("--env-file", &environment, json!(["a.env"])),
        ("--package-append", "busybox,jq", json!(["busybox", "jq"])),
        ("--namespace", "wolfi", json!("wolfi")),
        ("--git-commit", "4b825d", json!("4b825d")),
        (
            "--git-repo-url",
            "https://example.test/os",
            json!("https://example.test/os"),
        ),
        ("--license", "Apache-2.0", json!("Apache-2.0")),
        ("--strip-origin-name", "", json!(true)),
        (
            "--override-host-triplet-libc-substitution-flavor",
            "musl",
            json!("musl"),
        ),
        ("--debug", "", json!(true)),
        ("--arch", "aarch64", json!("aarch64")),
        ("--build-option", "tls", json!(["tls"])),
        ("--repository-append", "/srv/a", json!(["/srv/a"])),
        ("--keyring-append", "/srv/a.rsa.pub", json!(["a.rsa.pub"])),
        ("--pipeline-dir", "pipes", json!(["pipes"])),
        ("--vars-file", &variables, json!({"key": "value"})),
    ];
    let external = |words: &[&str]| -> Value {
        let arguments = parsed(&[&["bessemer", "build", "r.yaml"][..], words].concat());
        let parameters = build::external_parameters(&arguments).unwrap();
        let Value::Object(fields) = serde_json::to_value(parameters).unwrap() else {
            panic!("parameters are an object");
        };
        fields
            .into_iter()
            .map(|(field, value)| (camel(&field), value))
            .collect()
    };
    let mut checked = BTreeSet::from(["<recipe>"]);
    for entry in ENTRIES {
        let Influence::External(field) = entry.influence else {
            continue;
        };
        if !entry.commands.contains(&"build") {
            continue;
        }
        if entry.flag == "<recipe>" {
            // It is not among the parameters of the job spec but beside them.
            assert_eq!(field, "configSource");
            continue;
        }
        let (flag, value, expected) = samples
            .iter()
            .find(|(flag, ..)| *flag == entry.flag)
            .unwrap_or_else(|| panic!("{} has no sample here", entry.flag));
        let words = [*flag, value];
        let words = &words[..if value.is_empty() { 1 } else { 2 }];
        let with = external(words);
        assert_eq!(&with[field], expected, "{flag}");
        if *flag == "--env-file" {
            assert_eq!(with["environment"], json!({"A": "1"}));
        }
        let without = external(&[]);
        assert_ne!(
            without.get(field).unwrap_or(&Value::Null),
            expected,
            "{flag} is seen when given only"
        );
        checked.insert(flag);
    }
    assert_eq!(
        checked.len(),
        samples.len() + 1,
        "a sample without an entry"
    );
}

#[test]
fn what_is_said_to_be_internal_is_a_field_of_the_internal_parameters() {
    let parameters = InternalParameters {
        network: "replay".to_owned(),
        network_policy: Some(NetworkPolicy {
            allow: vec![String::new()],
            deny: vec![String::new()],
            private: vec![String::new()],
            replay: Some(bessemer_digest::Digest::of("")),
            limits: bessemer_build::network::usual_limits(),
        }),
        proxy_isolation: None,
        accelerator: "tcg".to_owned(),
        machine: "microvm".to_owned(),
        cpu_baseline: "Nehalem".to_owned(),
        isolation: IsolationParameters {
            host_kernel: Some("6.1.0".to_owned()),
            jail_profile: "host".to_owned(),
            applied: Vec::new(),
            missing: Vec::new(),
        },
        resources: ResourceParameters {
            vcpus: 1,
            memory_mib: 1,
            scratch_mib: 1,
            output_mib: 1,
            timeout_seconds: 1,
            log_bytes: 1,
        },
        source_date_epoch: 0,
    };
    let value = serde_json::to_value(parameters).unwrap();
    let of_image = serde_json::to_value(image_parameters()).unwrap();
    let is_image = |entry: &super::Entry| entry.commands.contains(&"image publish");
    let of_images: Vec<_> = ENTRIES.iter().filter(|entry| is_image(entry)).collect();
    for entry in of_images {
        if let Influence::Internal(field) = entry.influence {
            let pointer = format!("/{}", field.replace('.', "/"));
            assert!(of_image.pointer(&pointer).is_some(), "{field}");
        }
    }
    let others = ENTRIES.iter().filter(|entry| !is_image(entry));
    let listed = others.map(|entry| (entry.flag, entry.influence));
    let mut checked = 0;
    for (name, influence) in listed.chain(VARIABLES.iter().copied()) {
        if let Influence::Internal(field) = influence {
            let pointer = format!("/{}", field.replace('.', "/"));
            assert!(value.pointer(&pointer).is_some(), "{name}: {field}");
            checked += 1;
        }
    }
    assert!(checked >= 6);
}

fn image_parameters() -> ImageInternalParameters {
    ImageInternalParameters {
        compression: "gzip".to_owned(),
        source_date_epoch: 0,
        source_date_epoch_exact: false,
        configuration: String::new(),
        package_policy: ImagePolicy {
            // Left out when it is not used.
            accept_unverified_base: true,
            ..ImagePolicy::default()
        },
        trust_roots: Vec::new(),
    }
}

#[test]
fn what_is_said_to_be_external_of_images_is_in_their_closed_schema() {
    let known = json!({
        "configSource": { "path": "image.yaml" }, "architectures": ["x86_64"], "names": ["a/b"],
        "includePaths": [], "keyrings": [], "buildRepositories": [], "repositories": [],
        "packages": [], "annotations": {}, "lockFile": "a", "vcsUrl": "a", "format": "erofs",
    });
    let read: Result<ImageExternalParameters, _> = serde_json::from_value(known.clone());
    assert!(read.is_ok(), "{read:?}");
    let mut named = BTreeSet::new();
    for entry in ENTRIES {
        if let Influence::External(field) = entry.influence
            && entry.commands.contains(&"image publish")
        {
            assert!(known.get(field).is_some(), "{}: {field}", entry.flag);
            named.insert(field);
        }
    }
    assert_eq!(named.len(), known.as_object().unwrap().len());
}

/// The literals that stand after `call` in this crate's sources.
fn literals(directory: &Path, call: &str, found: &mut BTreeSet<String>) {
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            literals(&path, call, found);
        } else if path.ends_with("tests.rs") {
            // Only tests read what stands there, and this one names what it looks for.
        } else {
            let text = fs_err::read_to_string(&path).unwrap();
            for rest in text.split(call).skip(1) {
                found.extend(rest.split('"').next().map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_environment_variable_that_is_read_is_listed() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = BTreeSet::new();
    for call in ["var_os(\"", "env::var(\"", "directory(\"", "given(\""] {
        literals(&source, call, &mut read);
    }
    let listed: BTreeSet<String> = VARIABLES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(read, listed);
}

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/flags.md");
    if std::env::var_os("BLESS").is_some() {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, markdown()).unwrap();
    }
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        text == markdown(),
        "docs/reference/flags.md is old; run this test with BLESS=1"
    );
}
