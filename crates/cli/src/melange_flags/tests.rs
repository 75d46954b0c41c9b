//! Flags of melange, alone and as the makefiles of recipe trees compose them: expanded by make and
//! parsed here. The trees are the fixture beside this crate's tests, and one named by
//! `BESSEMER_TEST_TREE`, which must have the public trees' targets.

use crate::arguments::definition;
use clap::FromArgMatches as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn parsed(words: &[&str]) -> Result<(), String> {
    let refused = |error: clap::Error| error.to_string();
    let read = crate::switch_words::read(&definition(), words.iter().map(Into::into));
    let mut matches = definition()
        .try_get_matches_from(read.words)
        .map_err(refused)?;
    crate::arguments::Arguments::from_arg_matches_mut(&mut matches)
        .map(drop)
        .map_err(refused)
}

#[test]
fn what_happens_anyway_may_be_asked_for() {
    let words = ["--runner", "qemu", "--generate-provenance", "--rm=true"];
    parsed(&[&["bessemer", "build", "a.yaml"][..], &words].concat()).unwrap();
    parsed(&["bessemer", "build", "a.yaml", "--cleanup=true"]).unwrap();
}

#[test]
fn what_has_no_meaning_is_refused_with_a_reason_and_a_hint() {
    let refused = |words: &[&str]| {
        parsed(&[&["bessemer", "build", "a.yaml"][..], words].concat()).unwrap_err()
    };
    assert_eq!(
        refused(&["--runner", "docker"]),
        "error: `--runner docker` is refused: every build runs in a microVM of its own\n  hint: leave it out; --accelerator chooses how the microVM runs\n"
    );
    assert!(refused(&["--rm=false"]).contains("--keep"));
    for flag in ["--workspace-dir=a", "--log-policy=b", "--dependency-log=c"] {
        let text = refused(&[flag]);
        assert!(
            text.contains("is refused") && text.contains("hint: "),
            "{text}"
        );
    }
}

/// melange's flags of the commands that need no guest, at its version of August 2026.
const FLAGS: [(&str, &[&str]); 10] = [
    ("query", &[]),
    ("package-version", &[]),
    (
        "lint",
        &[
            "lint-require",
            "lint-warn",
            "out-dir",
            "persist-lint-results",
            "fail-on-lint-warning",
        ],
    ),
    ("license-check", &["fix", "format", "scan-type", "workdir"]),
    ("update-cache", &["cache-dir"]),
    (
        "index",
        &["arch", "merge", "output", "signing-key", "source"],
    ),
    ("sign", &["signing-key"]),
    ("sign-index", &["force", "signing-key"]),
    ("keygen", &["key-size"]),
    (
        "scan",
        &[
            "arch",
            "comments",
            "diff",
            "keyring-append",
            "namespace",
            "package",
            "repository-append",
        ],
    ),
];

#[test]
fn every_flag_of_melange_is_known() {
    let definition = definition();
    for (name, flags) in FLAGS {
        let command = definition.find_subcommand(name).unwrap();
        let known: Vec<&str> = command
            .get_arguments()
            .filter_map(|flag| flag.get_long())
            .collect();
        for flag in flags.iter().chain(&["log-level"]) {
            assert!(known.contains(flag), "{name} --{flag}");
        }
    }
}

/// What people and Makefiles call, with the program's name left out, and what a refusal says.
const LINES: [(&str, Option<&str>); 36] = [
    ("query a.yaml {{.Package.Name}}", None),
    ("query --log-level info a.yaml x", None),
    (
        "query --log-level debug a.yaml x",
        Some("there are no levels"),
    ),
    ("package-version a.yaml", None),
    ("lint a.apk b.apk", None),
    ("lint --lint-require=dev,opt --lint-warn= a.apk", None),
    (
        "lint --persist-lint-results --out-dir=out https://host/a.apk",
        None,
    ),
    ("lint --fail-on-lint-warning a.apk", None),
    ("license-check a.yaml", None),
    ("license-check --fix --format=simple a.yaml", None),
    (
        "license-check --format other a.yaml",
        Some("none of flat, simple"),
    ),
    ("license-check --scan-type deep --workdir w a.apk", None),
    (
        "license-check --scan-type=half .",
        Some("none of shallow, deep"),
    ),
    ("update-cache a.yaml", None),
    ("update-cache --cache-dir c a.yaml", None),
    (
        "update-cache --cache-dir gs://c a.yaml",
        Some("no folder of this machine"),
    ),
    ("index -o APKINDEX.tar.gz a.apk", None),
    (
        "index --signing-key local-melange.rsa -o x/APKINDEX.tar.gz x/a.apk",
        None,
    ),
    ("index -m -s old.tar.gz -a x86_64 a.apk", None),
    (
        "index --merge --source old.tar.gz --arch aarch64 --output o a.apk",
        None,
    ),
    (
        "index --merge=false a.apk",
        Some("unexpected value 'false' for '--merge'"),
    ),
    ("sign a.apk", None),
    ("sign -k key.rsa a.apk b.apk", None),
    ("sign --signing-key=key.rsa a.apk", None),
    ("sign-index APKINDEX.tar.gz", None),
    (
        "sign-index --signing-key=key.rsa APKINDEX.tar.gz --force",
        None,
    ),
    ("sign-index -f APKINDEX.tar.gz", None),
    ("keygen", None),
    ("keygen local-melange.rsa", None),
    ("keygen --key-size 2048 k.rsa", None),
    ("keygen --log-level warn k.rsa", Some("there are no levels")),
    ("scan a.yaml", None),
    (
        "scan --arch aarch64 --diff --comments -p a-dev -r ./packages a.yaml",
        None,
    ),
    (
        "scan --arch x86_64,aarch64 a.yaml",
        Some("one run is for one architecture"),
    ),
    ("scan -k key.rsa.pub a.yaml", Some("does nothing with it")),
    ("scan --namespace wolfi a.yaml", Some("is refused")),
];

#[test]
fn lines_for_melange_are_taken_or_refused_with_a_reason() {
    for (line, refusal) in LINES {
        let words: Vec<&str> = std::iter::once("bessemer").chain(line.split(' ')).collect();
        match (parsed(&words), refusal) {
            (Ok(()), None) => {}
            (Err(text), Some(part)) => assert!(text.contains(part), "{line}: {text}"),
            (result, _) => panic!("{line}: {result:?}"),
        }
    }
}

/// The targets that large trees have, for one recipe.
const TARGETS: [&str; 4] = ["package", "debug", "test", "test-debug"];

/// A tree of recipes with a makefile, and the recipe to make.
struct Tree {
    path: PathBuf,
    recipe: String,
}

fn trees() -> Vec<Tree> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/makefile");
    let mut trees = vec![Tree {
        path: fixture,
        recipe: "greeting".to_owned(),
    }];
    if let Some(path) = std::env::var_os("BESSEMER_TEST_TREE").map(PathBuf::from) {
        let mut recipes: Vec<String> = std::fs::read_dir(&path)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
            .collect();
        recipes.sort();
        trees.push(Tree {
            path,
            recipe: recipes.swap_remove(0),
        });
    }
    trees
}

/// What `make -n` prints; `program` stands for melange, which makefiles ask for versions even then.
fn printed(tree: &Tree, program: &Path, target: &str, more: &[&str]) -> String {
    let work = program.parent().unwrap();
    let output = Command::new("make")
        .env("BESSEMER", program)
        .args(["--no-print-directory", "-n", "-C"])
        .arg(&tree.path)
        .arg(format!("MELANGE={}", program.display()))
        .arg(format!("KEY={}", work.join("local.rsa").display()))
        .arg(format!("QEMU_KERNEL_IMAGE={}", program.display()))
        .arg(format!("MELANGE_TMPDIR={}", work.display()))
        .args(["SOURCE_DATE_EPOCH=1700000000", "ARCH=x86_64"])
        .args(more)
        .arg(format!("{target}/{}", tree.recipe))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{target}: {text}{errors}");
    text.replace("\\\n", " ")
}

/// The words that a shell makes of a line.
fn words(line: &str) -> Vec<String> {
    let script = format!("each() {{ printf '%s\\n' \"$@\"; }}; each {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{line}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_makefile_for_melange_needs_another_name_of_the_program_and_nothing_else() {
    let work = tempfile::tempdir().unwrap();
    let program = work.path().join("bessemer");
    std::fs::write(&program, "#!/bin/sh\necho some-package-1.0.0-r0\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    for tree in trees() {
        for target in TARGETS {
            let last = if target.starts_with("test") {
                "test"
            } else {
                "build"
            };
            for more in [&[][..], &["LINT=yes"]] {
                let text = printed(&tree, &program, target, more);
                let commands = parse_all(&text, &program);
                assert_eq!(commands.last().map(String::as_str), Some(last), "{text}");
                assert!(commands.contains(&"keygen".to_owned()), "{text}");
            }
        }
    }
}

/// Parses every command line of the program, and returns the commands in order.
fn parse_all(text: &str, program: &Path) -> Vec<String> {
    let start = format!("{} ", program.display());
    let mut commands = Vec::new();
    // A line may do more behind a command: `program test … || rc=$?; …`.
    for line in text.lines().flat_map(|line| line.split([';', '|', '>'])) {
        let Some(at) = line.find(&start) else {
            continue;
        };
        let mut all = vec!["bessemer".to_owned()];
        all.extend(words(&line[at + start.len()..]));
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        parsed(&all).unwrap_or_else(|error| panic!("{all:?}: {error}"));
        commands.push(all[1].to_owned());
    }
    commands
}

#[test]
fn a_flag_that_melange_has_not_is_still_an_error() {
    let work = tempfile::tempdir().unwrap();
    let program = work.path().join("bessemer");
    let text = printed(&trees()[0], &program, "package", &["MORE=--no-such-flag"]);
    let line = text.lines().find(|line| line.contains(" build ")).unwrap();
    let all = words(&line[line.find(" build ").unwrap()..]);
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.insert(0, "bessemer");
    assert!(parsed(&all).unwrap_err().contains("--no-such-flag"));
}
