//! `bessemer apk`, on small indexes. Needs no guest. What each command prints is in `apk/*.txt`.

use bessemer_apk::{Index, write_index};
use bessemer_testkit::{Outcome, Workshop, compare};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const MAIN: &str = "\
P:app\nV:1.0-r0\nA:x86_64\nD:so:libz.so.1 lib>=2\n
P:lib\nV:2.0-r1\nA:x86_64\n
P:lib\nV:1.9-r0\nA:x86_64\n
P:zlib\nV:1.3-r0\nA:x86_64\np:so:libz.so.1=1.3\n
P:old\nV:1-r0\nA:x86_64\nD:lib<2\n
P:app-doc\nV:1.0-r0\nA:x86_64\ni:docs app=1.0-r0\n
P:docs\nV:1-r0\nA:x86_64\n
P:broken\nV:1-r0\nA:x86_64\nD:nothing-like-it\n";
const EDGE: &str = "P:app\nV:2.0-r0\nA:x86_64\nD:lib\n";
const OTHER: &str = "P:lib\nV:1.9-r0\nA:aarch64\n";

fn workshop() -> Workshop {
    let workshop = Workshop::new();
    for (name, text) in [("main", MAIN), ("edge", EDGE), ("other", OTHER)] {
        let bytes = write_index(&Index::parse(text).unwrap()).unwrap();
        workshop.file(&format!("{name}.tar.gz"), bytes);
    }
    workshop.file("adb.tar.gz", b"ADBd and more");
    workshop.file("pairs", "1.2_rc1\t1.2\n1.10\t1.9\n6.8.0p2-r4\t6.8.0p2-r4\n");
    workshop.file("no-pairs", "1.2\t1.3\n1.2 1.3\n");
    workshop
}

fn run(words: &[&str], stdin: Option<&str>, workshop: &Workshop) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
    let input = stdin.map_or_else(Stdio::null, |name| {
        File::open(workshop.at(name)).unwrap().into()
    });
    command
        .env_clear()
        .env("HOME", workshop.path())
        .stdin(input)
        .current_dir(workshop.path())
        .args(words);
    Outcome::of(&mut command, Duration::from_secs(20))
}

#[test]
fn what_apk_commands_print() {
    let workshop = workshop();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/apk");
    let main = ["apk", "solve", "--index", "main.tar.gz"];
    let with_main = |words: &[&'static str]| [&main[..], words].concat();
    let version = |words: &[&'static str]| [&["apk", "version", "--test"][..], words].concat();
    for (name, words, stdin, status) in [
        ("version", version(&["1.2_rc1", "1.2"]), None, 0),
        ("version-json", version(&["1", "1.0", "--json"]), None, 0),
        ("version-stdin", version(&["-"]), Some("pairs"), 0),
        ("version-no-pairs", version(&["-"]), Some("no-pairs"), 1),
        ("version-one", version(&["1.2"]), None, 2),
        ("solve", with_main(&["app"]), None, 0),
        ("solve-json", with_main(&["app", "--json"]), None, 0),
        ("solve-conflict", with_main(&["app", "old"]), None, 1),
        (
            "solve-missing",
            with_main(&["ap", "zlip", "--json"]),
            None,
            1,
        ),
        ("solve-not-a-constraint", with_main(&["a=", "b"]), None, 1),
        ("solve-each", with_main(&["--each"]), None, 0),
        (
            "solve-each-json",
            with_main(&["--each", "--json", "--arch", "x86_64"]),
            None,
            0,
        ),
        (
            "solve-tagged",
            with_main(&["--index", "@edge edge.tar.gz", "app@edge"]),
            None,
            0,
        ),
        (
            "solve-other-tag",
            with_main(&["--index", "@edge edge.tar.gz", "lib@testing"]),
            None,
            0,
        ),
        ("solve-without-tags", with_main(&["lib@testing"]), None, 0),
        (
            "sign-no-key",
            vec!["sign-index", "--signing-key", "none.rsa", "main.tar.gz"],
            None,
            1,
        ),
        ("solve-no-tag", with_main(&["nope@edge"]), None, 1),
        (
            "solve-install-if",
            with_main(&["app", "docs", "--install-if", "all"]),
            None,
            0,
        ),
        (
            "solve-several",
            with_main(&["--index", "other.tar.gz", "lib"]),
            None,
            0,
        ),
        (
            "solve-no-arch",
            with_main(&["--arch", "riscv64", "lib"]),
            None,
            1,
        ),
        (
            "solve-adb",
            vec!["apk", "solve", "--index", "adb.tar.gz", "a"],
            None,
            1,
        ),
        (
            "solve-no-index",
            vec!["apk", "solve", "--index", "none.tar.gz", "a"],
            None,
            1,
        ),
    ] {
        let outcome = run(&words, stdin, &workshop);
        outcome.expect(status);
        let line = words.join(" ");
        let text = format!("$ bessemer {line}\n{outcome}");
        compare(&directory.join(name).with_extension("txt"), &text);
    }
}
