//! `bessemer apk install`: into a directory, an archive and an image, and what strangers may try.
//! Needs no guest. What each command prints is in `apk/install-*.txt`.

mod archive;

use archive::{
    Key, data, described, gzip, index, long_line, many_packages, package, raw_data, wrong_index,
};
use bessemer_apk::install::Database;
use bessemer_apk::{Entry, EntryKind, EntryPath, Limits};
use bessemer_testkit::{FileServer, Filter, Outcome, Workshop, compare};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

fn file(name: &str, mode: u32, content: &[u8]) -> (Entry, Vec<u8>) {
    let entry = Entry::file(path(name), content.len() as u64, mode);
    (entry, content.to_vec())
}

/// Repositories and files: `good` as it should be, the others each wrong in one way.
fn workshop(keys: &[&Key; 2]) -> Workshop {
    let workshop = Workshop::new();
    let [key, other] = keys;
    workshop.file(key.name, key.pem());
    workshop.file(other.name, other.pem());
    let repository = |name: &str, index: &[u8], files: &[(&str, Vec<u8>)]| {
        workshop.file(&format!("{name}/x86_64/APKINDEX.tar.gz"), index);
        for (file, bytes) in files {
            workshop.file(&format!("{name}/x86_64/{file}"), bytes);
        }
    };
    let (base, tool, loser) = good_packages();
    let good = key.sign(&index(&[&base, &tool, &loser]), &[]);
    let files = [
        ("base-1-r0.apk", base.file()),
        ("tool-1-r0.apk", tool.file()),
        ("loser-1-r0.apk", loser.file()),
    ];
    repository("good", &good, &files);
    workshop.file("tool.apk", key.sign(&tool.control, &tool.data));
    workshop.file("unsigned.apk", tool.file());
    workshop.file("foreign.apk", other.sign(&tool.control, &tool.data));
    workshop.file("adb.apk", b"ADBd and more");

    let cut = |bytes: Vec<u8>| bytes[..bytes.len() * 2 / 3].to_vec();
    let signed = |bytes: &[u8]| key.sign(bytes, &[]);
    repository("unsigned", &index(&[&base]), &[]);
    repository("foreign", &other.sign(&index(&[&base]), &[]), &[]);
    repository("changed", &[&good[..], &gzip(b"")].concat(), &[]);
    repository("cut-index", &cut(good.clone()), &[]);
    let only_base = signed(&index(&[&base]));
    repository("cut", &only_base, &[("base-1-r0.apk", cut(base.file()))]);
    repository("missing", &only_base, &[]);
    repository("swapped", &only_base, &[("base-1-r0.apk", tool.file())]);
    let renamed = signed(&wrong_index(&base, "2-r0"));
    repository("renamed", &renamed, &[("base-2-r0.apk", base.file())]);
    let other_data = [&base.control[..], &tool.data].concat();
    repository("wrong-data", &only_base, &[("base-1-r0.apk", other_data)]);
    repository("many-packages", &signed(&many_packages()), &[]);
    repository("long-line", &signed(&long_line()), &[]);
    for (name, entries) in HOSTILE {
        let evil = package("evil", raw_data(entries));
        let files = [("evil-1-r0.apk", evil.file())];
        repository(name, &signed(&index(&[&evil])), &files);
    }
    workshop
}

/// `base`, `tool` which needs it, and `loser`, which has a file of `base` and may not.
fn good_packages() -> (archive::Made, archive::Made, archive::Made) {
    let mut home = Entry::directory(path("home/alice"));
    (home.uid, home.gid, home.mode) = (1000, 100, 0o2750);
    let base = package(
        "base",
        data(vec![
            (Entry::directory(path("home")), vec![]),
            (home, vec![]),
            (Entry::symlink(path("lib"), "usr/lib"), vec![]),
            file("etc/motd", 0o644, b"hello\n"),
        ]),
    );
    let target = path("usr/bin/tool");
    let link = Entry::new(
        path("usr/bin/toollink"),
        EntryKind::Hardlink { target },
        0o4755,
    );
    let entries = vec![
        file("lib/libtool.so", 0o755, b"library"),
        file("usr/bin/tool", 0o4755, b"program"),
        (link, vec![]),
        (Entry::symlink(path("usr/bin/x"), "/etc/motd"), vec![]),
        file("usr/lib/other", 0o600, b"other"),
    ];
    let tool = described(data(entries), |info| {
        info.name = "tool".into();
        info.depends = vec!["base".into()];
        info.triggers = vec!["/usr/lib".into()];
    });
    let loser = described(data(vec![file("etc/motd", 0o644, b"other\n")]), |info| {
        info.name = "loser".into();
        info.depends = vec!["base".into()];
    });
    (base, tool, loser)
}

/// Name, type, link and content of entries.
type Raw = &'static [(&'static str, u8, &'static str, &'static [u8])];

/// Archives whose index and digests are right, so that only what they hold is wrong.
const HOSTILE: [(&str, Raw); 12] = [
    ("dots", &[("usr/../../../outside/x", b'0', "", b"evil")]),
    ("absolute", &[("/outside/x", b'0', "", b"evil")]),
    (
        "link-out",
        &[("out", b'2', "/outside", b""), ("out/x", b'0', "", b"evil")],
    ),
    (
        "link-up",
        &[
            ("out", b'2', "../../outside", b""),
            ("out/x", b'0', "", b"evil"),
        ],
    ),
    ("hard-absolute", &[("x", b'1', "/etc/passwd", b"")]),
    ("hard-dots", &[("x", b'1', "../../etc/passwd", b"")]),
    ("hard-missing", &[("x", b'1', "etc/passwd", b"")]),
    (
        "hard-symlink",
        &[("s", b'2', "/etc/passwd", b""), ("x", b'1', "s", b"")],
    ),
    ("twice", &[("x", b'0', "", b"one"), ("x", b'0', "", b"two")]),
    ("metadata", &[(".post-install", b'0', "", b"evil")]),
    ("forged", &[("x\n\nP:forged\nV:1", b'0', "", b"evil")]),
    (
        "in-the-way",
        &[("usr/lib/apk/db/installed", b'2', "/etc/passwd", b"")],
    ),
];

fn bessemer(words: &[&str], workshop: &Workshop) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bessemer"));
    command
        .env_clear()
        .env("HOME", workshop.path())
        .current_dir(workshop.path())
        .args(words);
    Outcome::of(&mut command, Duration::from_secs(60))
}

/// Everything that is there, by name.
fn listing(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

fn check(name: &str, words: &[&str], status: i32, workshop: &Workshop) {
    let outcome = bessemer(words, workshop);
    outcome.expect(status);
    let line = words.join(" ");
    let text = format!("$ bessemer {line}\n{outcome}");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/apk");
    let file = directory.join(format!("install-{name}.txt"));
    compare(&file, &Filter::new().apply(&text));
}

const ROOT: [&str; 6] = ["apk", "install", "--root", "new", "-k", "test.rsa.pub"];

/// Each in words after [`ROOT`]; none of them may change anything.
const REFUSED: [(&str, &[&str]); 27] = [
    ("conflict", &["-r", "good", "loser"]),
    ("unsolvable", &["-r", "good", "tool", "!base"]),
    (
        "unsolvable-json",
        &["-r", "good", "tool", "nothing-like-it", "--json"],
    ),
    ("no-repository", &["-r", "none", "base"]),
    ("no-index", &["base"]),
    ("unsigned-index", &["-r", "unsigned", "base"]),
    ("foreign-index", &["-r", "foreign", "base"]),
    ("changed-index", &["-r", "changed", "base"]),
    ("cut-index", &["-r", "cut-index", "base"]),
    ("long-line", &["-r", "long-line", "a"]),
    ("many-packages", &["-r", "many-packages", "p1"]),
    ("cut-package", &["-r", "cut", "base"]),
    ("missing-package", &["-r", "missing", "base"]),
    ("swapped-package", &["-r", "swapped", "base"]),
    ("renamed-package", &["-r", "renamed", "base"]),
    ("wrong-data", &["-r", "wrong-data", "base"]),
    ("unsigned-file", &["-r", "good", "./unsigned.apk"]),
    ("foreign-file", &["-r", "good", "./foreign.apk"]),
    ("adb-file", &["./adb.apk"]),
    ("wrong-arch", &["--arch", "aarch64", "./tool.apk"]),
    ("dots", &["-r", "dots", "evil"]),
    ("absolute", &["-r", "absolute", "evil"]),
    ("hard-absolute", &["-r", "hard-absolute", "evil"]),
    ("hard-dots", &["-r", "hard-dots", "evil"]),
    ("hard-missing", &["-r", "hard-missing", "evil"]),
    ("hard-symlink", &["-r", "hard-symlink", "evil"]),
    ("twice", &["-r", "twice", "evil"]),
];
const MORE_REFUSED: [(&str, &[&str]); 4] = [
    ("index-itself", &["-r", "good/x86_64", "base"]),
    ("metadata", &["-r", "metadata", "evil"]),
    ("forged", &["-r", "forged", "evil"]),
    ("in-the-way", &["-r", "in-the-way", "evil"]),
];

#[test]
fn what_cannot_be_trusted_is_not_installed_and_nothing_changes() {
    let keys = [Key::new("test.rsa.pub"), Key::new("other.rsa.pub")];
    let workshop = workshop(&[&keys[0], &keys[1]]);
    workshop.folder("new");
    workshop.folder("outside");
    workshop.file("layer.tar", "the one before");
    let before = listing(workshop.path());
    for (name, words) in REFUSED.iter().chain(&MORE_REFUSED) {
        check(name, &[&ROOT[..], words].concat(), 1, &workshop);
        let tar = ["apk", "install", "--tar", "layer.tar", "-k", "test.rsa.pub"];
        bessemer(&[&tar[..], words].concat(), &workshop).expect(1);
        assert_eq!(listing(workshop.path()), before, "{name}");
        assert_eq!(listing(&workshop.at("new")), [""; 0], "{name}");
        let tar = fs::read(workshop.at("layer.tar")).unwrap();
        assert_eq!(tar, b"the one before", "{name}");
    }
    let without_key = ["apk", "install", "--root", "new", "-r", "good", "base"];
    check("no-key", &without_key, 1, &workshop);
    workshop.file("new/theirs", "");
    check(
        "not-empty",
        &[&ROOT[..], &["-r", "good", "base"]].concat(),
        1,
        &workshop,
    );
    assert_eq!(listing(&workshop.at("new")), ["theirs"]);
    let solve = [
        "apk",
        "solve",
        "--index",
        "long-line/x86_64/APKINDEX.tar.gz",
        "a",
    ];
    check("solve-long-line", &solve, 1, &workshop);
}

#[test]
fn links_out_of_the_root_lead_back_into_it() {
    let keys = [Key::new("test.rsa.pub"), Key::new("other.rsa.pub")];
    let workshop = workshop(&[&keys[0], &keys[1]]);
    workshop.folder("outside");
    for name in ["link-out", "link-up"] {
        let target = format!("{name}-root");
        let key = ["-k", "test.rsa.pub"];
        let words = [
            &["apk", "install", "--root", &target][..],
            &key,
            &["-r", name, "evil"],
        ];
        bessemer(&words.concat(), &workshop).expect(0);
        let inside = workshop.at(&target).join("outside/x");
        assert_eq!(fs::read(inside).unwrap(), b"evil", "{name}");
        assert_eq!(listing(&workshop.at("outside")), [""; 0], "{name}");
        assert!(!Path::new("/outside").exists());
    }
}

#[test]
fn good_packages_are_installed_three_ways() {
    let keys = [Key::new("test.rsa.pub"), Key::new("other.rsa.pub")];
    let workshop = workshop(&[&keys[0], &keys[1]]);
    let from = ["-k", "test.rsa.pub", "-r", "good"];
    let install = |kind: &'static str, name: &'static str, more: &[&'static str]| {
        [&["apk", "install", kind, name][..], &from, more].concat()
    };
    if rustix::process::geteuid().is_root() {
        check("root", &install("--root", "new", &["tool"]), 0, &workshop);
        check(
            "root-json",
            &install("--root", "json", &["tool", "--json"]),
            0,
            &workshop,
        );
        let owner = fs::metadata(workshop.at("new/home/alice")).unwrap();
        let found = (owner.uid(), owner.gid(), owner.mode() & 0o7777);
        assert_eq!(found, (1000, 100, 0o2750));
    } else {
        bessemer(&install("--root", "new", &["tool"]), &workshop).expect(0);
    }
    for (kind, first, second) in [
        ("--tar", "a.tar", "b.tar"),
        ("--erofs", "a.erofs", "b.erofs"),
    ] {
        check(&kind[2..], &install(kind, first, &["tool"]), 0, &workshop);
        bessemer(&install(kind, second, &["tool"]), &workshop).expect(0);
        let bytes = |name: &str| fs::read(workshop.at(name)).unwrap();
        assert!(
            bytes(first) == bytes(second),
            "{kind}: two runs, two results"
        );
    }
    let from_file = install("--root", "from-file", &["./tool.apk"]);
    bessemer(&from_file, &workshop).expect(0);
    let world = fs::read_to_string(workshop.at("from-file/etc/apk/world")).unwrap();
    assert!(world.starts_with("tool><Q1"), "{world}");

    let text = fs::read_to_string(workshop.at("new/usr/lib/apk/db/installed")).unwrap();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/apk");
    compare(&directory.join("install-database.txt"), &text);
    let database = Database::parse(&text, Limits::default()).unwrap();
    assert_eq!(database.render().unwrap(), text);
    for (name, content) in [
        ("etc/motd", "hello\n"),
        ("usr/lib/libtool.so", "library"),
        ("usr/bin/tool", "program"),
        ("etc/apk/world", "tool\n"),
        ("etc/apk/repositories", "good\n"),
        ("etc/apk/arch", "x86_64\n"),
        ("etc/apk/keys/test.rsa.pub", &keys[0].pem()),
    ] {
        let found = fs::read_to_string(workshop.at("new").join(name)).unwrap();
        assert_eq!(found, content, "{name}");
    }
    let triggers = fs::read_to_string(workshop.at("new/usr/lib/apk/db/triggers")).unwrap();
    assert!(triggers.ends_with(" /usr/lib\n"), "{triggers}");
}

#[test]
fn a_repository_may_be_on_a_server() {
    let keys = [Key::new("test.rsa.pub"), Key::new("other.rsa.pub")];
    let workshop = workshop(&[&keys[0], &keys[1]]);
    let server = FileServer::start_for(workshop.path(), Some("Basic bWU6aGlkZGVu"));
    let named = server.url().replace("http://", "http://me:hidden@");
    let (repository, key) = (format!("{named}/good"), format!("{named}/test.rsa.pub"));
    let install = |kind: &str, name: &str, more: &[&str]| {
        let words = ["apk", "install", kind, name, "-r", &repository];
        bessemer(&[&words[..], more, &["tool"]].concat(), &workshop)
    };
    let refused = install("--tar", "no.tar", &["-k", "other.rsa.pub"]);
    refused.expect(1);
    assert!(
        refused.stderr.contains("nothing vouches for http://127."),
        "{refused}"
    );
    assert!(!refused.stderr.contains("hidden"), "{refused}");
    install("--tar", "a.tar", &["-k", &key]).expect(0);
    install("--root", "new", &["-k", &key]).expect(0);
    let shown = format!("{}/good\n", server.url());
    let written = fs::read_to_string(workshop.at("new/etc/apk/repositories")).unwrap();
    assert_eq!(written, shown);
    let solved = bessemer(
        &[
            "apk",
            "solve",
            "--index",
            &format!("{repository}/x86_64/APKINDEX.tar.gz"),
            "-k",
            &key,
            "tool",
        ],
        &workshop,
    );
    solved.expect(0);
    assert_eq!(solved.stdout, "base-1-r0\ntool-1-r0\n");
    drop(server);
    install("--tar", "gone.tar", &["-k", &key]).expect(1);
    let offline = install("--tar", "b.tar", &["-k", &key, "--offline"]);
    offline.expect(0);
    let bytes = |name: &str| fs::read(workshop.at(name)).unwrap();
    assert_eq!(bytes("a.tar"), bytes("b.tar"));
}
