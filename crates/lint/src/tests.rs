//! Each linter with packages that it finds fault with and packages that it does not.

use super::*;
use bessemer_apk::{Entry, EntryPath};
use std::collections::BTreeSet;

/// What a fixture's package holds.
#[derive(Clone, Copy)]
enum Has {
    /// A file with mode 0644.
    File(&'static str),
    /// A file with this mode.
    Mode(&'static str, u32),
    /// A file with 2 KiB of this byte.
    Full(&'static str, u8),
    /// A directory.
    Directory(&'static str),
    /// A symbolic link to `x`.
    Link(&'static str),
    /// An executable ELF file for this machine with one section of this name.
    Elf(&'static str, u16, &'static str),
}

use Has::{Directory, Elf, File, Full, Link, Mode};

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

/// A 64-bit little-endian relocatable file: header, section names, section table (ELF gABI 4).
fn elf(machine: u16, section: &str) -> Vec<u8> {
    let names = [b"\0", section.as_bytes(), b"\0.shstrtab\0"].concat();
    let table = 64 + names.len();
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([1_u16.to_le_bytes(), machine.to_le_bytes()].concat());
    file.extend(1_u32.to_le_bytes());
    file.extend([0; 16]);
    file.extend((table as u64).to_le_bytes());
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 0, 0, 64, 3, 2] {
        file.extend(half.to_le_bytes());
    }
    file.extend(&names);
    let own = u32::try_from(section.len() + 2).unwrap();
    for (name, kind, offset, size) in [(0, 0, 0_u64, 0), (1, 1, 0, 0), (own, 3, 64, names.len())] {
        for word in [name, kind] {
            file.extend(u32::to_le_bytes(word));
        }
        for word in [0, 0, offset, size as u64] {
            file.extend(u64::to_le_bytes(word));
        }
        file.extend([0; 24]);
    }
    file
}

fn tree(entries: &[Has]) -> Tree {
    let mut tree = Tree::new();
    for entry in entries {
        match *entry {
            File(name) => tree.insert_file(path(name), 0o644, b"x".to_vec()),
            Mode(name, mode) => tree.insert_file(path(name), mode, b"x".to_vec()),
            Full(name, byte) => tree.insert_file(path(name), 0o644, vec![byte; 2048]),
            Directory(name) => tree.insert_entry(Entry::directory(path(name))),
            Link(name) => tree.insert_entry(Entry::symlink(path(name), "x")),
            Elf(name, machine, section) => {
                tree.insert_file(path(name), 0o755, elf(machine, section))
            }
        };
    }
    tree
}

/// Linter, package, its files, and the paths in the finding; `None` where nothing is found.
type Case = (
    &'static str,
    &'static str,
    &'static [Has],
    Option<&'static [&'static str]>,
);

const CASES: &[Case] = &[
    (
        "binaryarch",
        "x",
        &[Elf("usr/bin/a", 243, ".text")],
        Some(&["usr/bin/a"]),
    ),
    (
        "binaryarch",
        "x",
        &[
            Elf("usr/bin/a", 62, ".text"),
            Elf("usr/bin/b", 183, ".text"),
            Mode("usr/bin/c", 0o755),
        ],
        None,
    ),
    (
        "cudaruntimelib",
        "x",
        &[File("usr/lib/libcuda.so.1")],
        Some(&["usr/lib/libcuda.so.1"]),
    ),
    (
        "cudaruntimelib",
        "x",
        &[File("usr/lib/libcudart.so.1"), File("opt/libcuda.so")],
        None,
    ),
    ("dev", "x", &[File("dev/null")], Some(&["dev/null"])),
    ("dev", "x", &[Directory("dev/pts"), File("usr/dev/a")], None),
    (
        "dll",
        "x",
        &[File("usr/share/a.dll")],
        Some(&["usr/share/a.dll"]),
    ),
    ("dll", "x-dev", &[File("usr/share/a.dll")], None),
    (
        "documentation",
        "x",
        &[
            File("usr/share/README"),
            File("usr/share/a.md"),
            File("usr/share/a.1x"),
        ],
        Some(&["usr/share/README", "usr/share/a.1x", "usr/share/a.md"]),
    ),
    ("documentation", "x-doc", &[File("usr/share/README")], None),
    (
        "documentation",
        "x",
        &[File("usr/share/READ.txt"), File("usr/share/a.1")],
        None,
    ),
    (
        "duplicate",
        "x",
        &[Full("a/data", 1), Full("b/data", 1)],
        Some(&["a/data", "b/data"]),
    ),
    (
        "duplicate",
        "x",
        &[
            Full("a/data", 1),
            Full("b/data", 2),
            Full("a/LICENSE", 1),
            Full("b/LICENSE", 1),
            Full("b/other", 1),
            File("a/small"),
            File("b/small"),
        ],
        None,
    ),
    (
        "dylib",
        "x",
        &[File("usr/lib/a.dylib")],
        Some(&["usr/lib/a.dylib"]),
    ),
    ("dylib", "x-dev", &[File("usr/lib/a.dylib")], None),
    (
        "empty",
        "x",
        &[Directory("usr"), File("var/lib/db/sbom/x.spdx.json")],
        Some(&[]),
    ),
    ("empty", "x", &[Link("usr/bin/a")], None),
    (
        "infodir",
        "x",
        &[File("usr/share/info/dir/a")],
        Some(&["usr/share/info/dir/a"]),
    ),
    (
        "infodir",
        "x",
        &[File("usr/share/info/dir")],
        Some(&["usr/share/info/dir"]),
    ),
    ("infodir", "x", &[File("usr/share/info/x.info")], None),
    (
        "lddcheck",
        "x",
        &[File("usr/lib/a.so"), Link("usr/lib/b.so.1.2")],
        Some(&["usr/lib/a.so", "usr/lib/b.so.1.2"]),
    ),
    (
        "lddcheck",
        "x",
        &[
            File("usr/lib/a.so.conf"),
            File("usr/lib/aso.1"),
            File("usr/lib/a.so."),
        ],
        None,
    ),
    (
        "libtool/la-files",
        "x",
        &[File("usr/lib/a.la")],
        Some(&["usr/lib/a.la"]),
    ),
    (
        "libtool/la-files",
        "x",
        &[File("usr/lib/a.lab"), Directory("usr/b.la")],
        None,
    ),
    (
        "maninfo",
        "x",
        &[
            File("usr/share/man/man1/a.1.gz"),
            File("usr/share/info/a.info-1"),
            File("usr/man/man3/b.3"),
        ],
        Some(&[
            "usr/man/man3/b.3",
            "usr/share/info/a.info-1",
            "usr/share/man/man1/a.1.gz",
        ]),
    ),
    (
        "maninfo",
        "x-doc",
        &[File("usr/share/man/man1/a.1.gz")],
        None,
    ),
    (
        "maninfo",
        "x",
        &[
            File("usr/share/manual/a.1"),
            File("usr/share/info/a.txt"),
            Directory("usr/share/man/man1"),
        ],
        None,
    ),
    (
        "nonlinux",
        "x",
        &[File("usr/share/win32/a"), File("usr/share/Darwin.txt")],
        Some(&["usr/share/Darwin.txt", "usr/share/win32/a"]),
    ),
    (
        "nonlinux",
        "x",
        &[File("usr/share/win/a"), Directory("usr/windows")],
        None,
    ),
    (
        "object",
        "x",
        &[File("usr/lib/a.o")],
        Some(&["usr/lib/a.o"]),
    ),
    (
        "object",
        "x",
        &[File("usr/lib/a.ko"), File("usr/lib/o")],
        None,
    ),
    ("opt", "x", &[File("opt/a")], Some(&["opt/a"])),
    ("opt", "x-compat", &[File("opt/a")], None),
    (
        "pkgconf",
        "x",
        &[File("usr/lib/pkgconfig/a.pc")],
        Some(&["usr/lib/pkgconfig/a.pc"]),
    ),
    (
        "pkgconf",
        "x",
        &[File("usr/local/lib/pkgconfig/a.pc")],
        None,
    ),
    (
        "python/docs",
        "x",
        &[File("usr/lib/python3.12/site-packages/docs/a")],
        Some(&["usr/lib/python3.12/site-packages/docs"]),
    ),
    (
        "python/docs",
        "x",
        &[File("usr/lib/python3.12/site-packages/a/docs/b")],
        None,
    ),
    (
        "python/multiple",
        "x",
        &[
            File("usr/lib/python3.12/site-packages/a/b"),
            File("usr/lib/python3.12/site-packages/six.py"),
        ],
        Some(&[]),
    ),
    (
        "python/multiple",
        "x",
        &[
            File("usr/lib/python3.12/site-packages/a/b"),
            File("usr/lib/python3.12/site-packages/a.cpython-312.so"),
            File("usr/lib/python3.12/site-packages/a-1.dist-info/x"),
            File("usr/lib/python3.12/site-packages/_a.py"),
        ],
        None,
    ),
    (
        "python/test",
        "x",
        &[File("usr/lib/python3.12/site-packages/tests/a")],
        Some(&["usr/lib/python3.12/site-packages/tests"]),
    ),
    (
        "python/test",
        "x",
        &[File("usr/lib/python3.12/tests/a")],
        None,
    ),
    (
        "sbom",
        "x",
        &[File("var/lib/db/sbom/a.json")],
        Some(&["var/lib/db/sbom/a.json"]),
    ),
    ("sbom", "x", &[File("var/lib/db/sbom/a.spdx.json")], None),
    (
        "setuidgid",
        "x",
        &[Mode("usr/bin/a", 0o4755), Mode("usr/bin/b", 0o2755)],
        Some(&["usr/bin/a", "usr/bin/b"]),
    ),
    ("setuidgid", "x", &[Mode("usr/bin/a", 0o755)], None),
    ("srv", "x", &[File("srv/a")], Some(&["srv/a"])),
    ("srv", "x-compat", &[File("srv/a")], None),
    (
        "staticarchive",
        "x",
        &[File("usr/lib/a.a")],
        Some(&["usr/lib/a.a"]),
    ),
    ("staticarchive", "x-dev", &[File("usr/lib/a.a")], None),
    ("staticarchive", "x-static", &[File("usr/lib/a.a")], None),
    (
        "strip",
        "x",
        &[Elf("usr/bin/a", 62, ".debug_info")],
        Some(&["usr/bin/a"]),
    ),
    (
        "strip",
        "x",
        &[
            Elf("usr/bin/a", 62, ".text"),
            Elf("usr/bin/b", 62, ".debug_gdb_scripts"),
            Elf("usr/lib/debug/a", 62, ".debug_info"),
        ],
        None,
    ),
    (
        "tempdir",
        "x",
        &[
            File("tmp/a"),
            File("var/tmp/a"),
            File("run/a"),
            Directory("var/run/b"),
            Directory("run/c"),
        ],
        Some(&["run/a", "run/c", "tmp/a", "var/run/b", "var/tmp/a"]),
    ),
    (
        "tempdir",
        "x",
        &[
            Directory("tmp/a"),
            Directory("run/c"),
            File("usr/lib/tmpfiles.d/a.conf"),
        ],
        None,
    ),
    (
        "unsupportedarch",
        "x",
        &[File("usr/lib/i386/a"), File("usr/lib/a-ppc64.so")],
        Some(&["usr/lib/a-ppc64.so", "usr/lib/i386/a"]),
    ),
    (
        "unsupportedarch",
        "x",
        &[File("usr/lib/x86_64/a-ppc64.so"), File("usr/lib/amips.so")],
        None,
    ),
    (
        "usrlocal",
        "x",
        &[File("usr/local/bin/a")],
        Some(&["usr/local/bin/a"]),
    ),
    ("usrlocal", "x-compat", &[File("usr/local/bin/a")], None),
    (
        "usrmerge",
        "x",
        &[Link("lib64"), File("bin/a"), Directory("usr/sbin")],
        Some(&["bin/a", "lib64", "usr/sbin"]),
    ),
    (
        "usrmerge",
        "x",
        &[File("usr/bin/a"), File("library/a")],
        None,
    ),
    (
        "varempty",
        "x",
        &[File("var/empty/a")],
        Some(&["var/empty/a"]),
    ),
    ("varempty", "x", &[Directory("var/empty")], None),
    (
        "worldwrite",
        "x",
        &[Mode("usr/bin/a", 0o777)],
        Some(&["usr/bin/a"]),
    ),
    (
        "worldwrite",
        "x",
        &[Mode("usr/bin/a", 0o775), Link("usr/bin/b")],
        None,
    ),
];

fn report(linter: &str, package: &Package<'_>) -> Report {
    let only = Selection::new(Some(&[linter.to_owned()]), Some(&[])).unwrap();
    lint(package, "1-r0", &only).unwrap()
}

fn check((linter, name, files, expected): &Case) {
    let tree = tree(files);
    let package = Package {
        name,
        tree: &tree,
        configuration: None,
    };
    let report = report(linter, &package);
    let found: Option<Vec<&str>> = report.findings().next().map(Finding::paths);
    assert_eq!(found.as_deref(), *expected, "{linter}");
    for finding in report.findings() {
        assert!(finding.message.starts_with(name), "{}", finding.message);
        assert!(!finding.explain.is_empty());
    }
}

#[test]
fn every_linter_finds_what_it_should_and_nothing_else() {
    CASES.iter().for_each(check);
    let of = |found: bool| -> BTreeSet<&str> {
        let cases = CASES.iter().filter(|case| case.3.is_some() == found);
        cases.map(|case| case.0).collect()
    };
    let all: BTreeSet<&str> = linters().map(|linter| linter.name).collect();
    assert_eq!(of(true), all, "a linter without a positive fixture");
    assert_eq!(of(false), all, "a linter without a negative fixture");
}

#[test]
fn defaults_are_melanges() {
    let of = |level| -> Vec<&str> {
        let linters = linters().filter(|linter| linter.level == level);
        linters.map(|linter| linter.name).collect()
    };
    assert_eq!(
        of(Level::Require),
        [
            "dev",
            "infodir",
            "libtool/la-files",
            "setuidgid",
            "tempdir",
            "usrmerge",
            "varempty",
            "worldwrite"
        ]
    );
    assert_eq!(of(Level::Off), ["documentation", "empty"]);
    let mut sorted: Vec<&str> = linters().map(|linter| linter.name).collect();
    assert_eq!(sorted.len(), 30);
    sorted.sort_unstable();
    assert!(linters().map(|linter| linter.name).eq(sorted));
}

#[test]
fn disabled_linters_warn_for_their_package_alone() {
    let configuration = Configuration::parse(
        "package:\n  name: x\n  checks:\n    disabled: [setuidgid, no-such-linter]\nsubpackages:\n  - name: y\n",
    )
    .unwrap();
    let tree = tree(&[Mode("usr/bin/a", 0o4755), File("dev/a")]);
    let failures = |name: &str| -> Vec<&str> {
        let selection = Selection::default().without(configuration.disabled(name));
        let package = Package {
            name,
            tree: &tree,
            configuration: Some(&configuration),
        };
        let report = lint(&package, "1-r0", &selection).unwrap();
        assert_eq!(report.findings().count(), 2);
        report.failures().map(|finding| finding.linter).collect()
    };
    assert_eq!(failures("x"), ["dev"]);
    assert_eq!(failures("y"), ["dev", "setuidgid"]);
}

#[test]
fn what_melange_does_not_find_fails_no_build() {
    let tree = tree(&[File("usr/share/info/dir")]);
    let package = Package {
        name: "x",
        tree: &tree,
        configuration: None,
    };
    let report = report("infodir", &package);
    assert_eq!(report.failures().count(), 0);
    assert_eq!(report.warnings().count(), 1);
}

#[test]
fn a_test_of_the_package_itself_counts() {
    let text = "package: {name: x, version: 1}\ntest:\n  pipeline:\n    - uses: test/tw/ldd-check\n      with: {a: b}\n    - runs: a\nsubpackages:\n  - name: y\n    test:\n      pipeline: [{uses: test/pkgconf}]\n";
    let configuration = Configuration::parse(text).unwrap();
    let tree = tree(&[File("usr/lib/a.so"), File("usr/lib/pkgconfig/a.pc")]);
    for (linter, name, expected) in [
        ("lddcheck", "x", false),
        ("lddcheck", "y", true),
        ("lddcheck", "z", true),
        ("pkgconf", "x", true),
        ("pkgconf", "y", false),
    ] {
        let package = Package {
            name,
            tree: &tree,
            configuration: Some(&configuration),
        };
        assert_eq!(
            !report(linter, &package).is_empty(),
            expected,
            "{linter} {name}"
        );
    }
}

#[test]
fn lists_replace_the_defaults_and_must_name_linters() {
    let names =
        |names: &[&str]| -> Vec<String> { names.iter().map(|&name| name.to_owned()).collect() };
    let selection = Selection::new(Some(&names(&["empty"])), None).unwrap();
    assert_eq!(selection.level("empty"), Level::Require);
    assert_eq!(selection.level("dev"), Level::Off);
    assert_eq!(selection.level("opt"), Level::Warn);
    let error = Selection::new(None, Some(&names(&["opt", "nope"]))).unwrap_err();
    assert_eq!(error, UnknownLinter("nope".to_owned()));
}

#[test]
fn the_json_has_melanges_shape() {
    let tree = tree(&[Mode("usr/bin/a", 0o4755)]);
    let package = Package {
        name: "x",
        tree: &tree,
        configuration: None,
    };
    let report = serde_json::to_value(report("setuidgid", &package)).unwrap();
    let hint = linters()
        .find(|linter| linter.name == "setuidgid")
        .unwrap()
        .hint;
    let expected = serde_json::json!({
        "package_name": "x-1-r0",
        "findings": {"setuidgid": [{
            "message": "x has 1 file with setuid, setgid or sticky bit",
            "explain": hint,
            "details": {"files": [
                {"path": "usr/bin/a", "mode": "4755", "permissions": ["setuid"]}
            ]},
        }]},
    });
    assert_eq!(report, expected);
}
