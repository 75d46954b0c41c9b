//! Dependency detection (ELF objects, interpreters, pkg-config files, loader configuration, kernels
//! and their modules in every compression) and the linters with the recipes they read.

use crate::Target;
use crate::input::{choice, seed};
use bessemer_apk::EntryPath;
use bessemer_lint::{Configuration, Package as Linted, Selection, lint, linters};
use bessemer_package::Tree;
use bessemer_package::detect::{Options, Package, detect};
use std::io::Write as _;

pub(crate) const DETECT: Target = Target {
    name: "package_detect",
    run,
    seeds,
    words: &[
        "\u{7f}ELF",
        "#!/",
        "/bin/env ",
        "Requires: ",
        "libc.so.6",
        "\n",
        "$ORIGIN",
        "/usr/lib",
        "vermagic=",
        "Linux version ",
        "HdrS",
        ".linux",
        "\u{1f}",
    ],
};

/// Where each kind of file is looked for.
const PLACES: [&str; 9] = [
    "usr/lib/libx.so.1",
    "usr/bin/x",
    "usr/lib/pkgconfig/x.pc",
    "etc/ld.so.conf.d/x.conf",
    "usr/lib/deep/libx.so",
    "boot/vmlinuz",
    "usr/lib/modules/6.1/x.ko",
    "usr/lib/python3.12/site-packages/x.so",
    "tmp/x.a",
];

pub(crate) const LINT: Target = Target {
    name: "package_lint",
    run: run_lint,
    seeds: lint_seeds,
    words: &[
        "package:",
        "name: x",
        "checks:",
        "disabled:",
        "subpackages:",
        "test:",
        "pipeline:",
        "- uses: test/pkgconf",
        "\u{7f}ELF",
        ".debug_info",
    ],
};

/// A recipe where the first byte is even, else one file at one of [`PLACES`]; all linters run.
fn run_lint(data: &[u8]) {
    let Some((place, rest)) = choice(data) else {
        return;
    };
    let mut tree = Tree::new();
    let path = PLACES[usize::from(place / 2) % PLACES.len()];
    tree.insert_file(EntryPath::new(path).unwrap(), 0o4757, rest.to_vec());
    let configuration = match place % 2 {
        0 => Configuration::parse(&String::from_utf8_lossy(rest)).ok(),
        _ => None,
    };
    let all: Vec<String> = linters().map(|linter| linter.name.to_owned()).collect();
    let selection = Selection::new(Some(&all), None).unwrap();
    let disabled = configuration.as_ref().map(|found| found.disabled("x"));
    let selection = selection.without(disabled.unwrap_or_default());
    let package = Linted {
        name: "x",
        tree: &tree,
        configuration: configuration.as_ref(),
    };
    let report = lint(&package, "1-r0", &selection).unwrap();
    let both = report.failures().count() + report.warnings().count();
    assert_eq!(both, report.findings().count());
    // The file is setuid, and everybody may write it.
    assert!(
        report
            .findings()
            .any(|finding| finding.linter == "setuidgid")
    );
    serde_json::to_string(&report).unwrap();
}

fn lint_seeds() -> Vec<Vec<u8>> {
    let recipe = "package:\n  name: x\n  checks:\n    disabled:\n      - setuidgid\ntest:\n  pipeline:\n    - uses: test/pkgconf\nsubpackages:\n  - name: y\n";
    vec![seed(4, recipe), seed(1, elf()), seed(15, elf())]
}

/// One file with the input as its content, at one of [`PLACES`].
fn run(data: &[u8]) {
    let Some((place, rest)) = choice(data) else {
        return;
    };
    let mut tree = Tree::new();
    let place = PLACES[usize::from(place) % PLACES.len()];
    tree.insert_file(EntryPath::new(place).unwrap(), 0o755, rest.to_vec());
    look_at(&tree);
}

/// What is found can stand in a line of a PKGINFO.
pub(crate) fn look_at(tree: &Tree) {
    let package = Package {
        name: "x",
        version: "1-r0",
        tree,
        runtime: &[],
        options: Options::default(),
    };
    // A hard link to nothing is an error of the tree; anything else must be found or passed over.
    let Ok(found) = detect(&package, &[tree]) else {
        return;
    };
    let bad = |sign: char| sign.is_whitespace() || sign.is_control();
    for name in found
        .depends
        .iter()
        .chain(&found.provides)
        .chain(&found.vendored)
    {
        assert!(!name.is_empty() && !name.contains(bad), "{name:?}");
    }
}

/// This very program is an ELF object with everything the detection reads, and too large to mutate
/// usefully; a small one is made by hand.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        seed(0, elf()),
        seed(4, elf()),
        seed(1, "#!/usr/bin/env python3\n"),
        seed(
            2,
            "prefix=/usr\nName: x\nVersion: 1\nRequires: zlib >= 1.2, y\nLibs: -lx\n",
        ),
        seed(5, boot_image()),
        seed(5, gzipped(b"\0Linux version 6.1-x (a@b)\n")),
        seed(6, "x\0vermagic=6.1-x SMP\0"),
        seed(6, gzipped(b"x\0vermagic=6.1-x SMP\0")),
        seed(6, XZ),
        seed(6, ZSTD),
        seed(3, "/usr/lib/deep\ninclude /etc/ld.so.conf.d/*.conf\n"),
    ]
}

/// `x\0vermagic=6.1-x SMP\0`, compressed by `xz --check=crc32`.
const XZ: &[u8] = &[
    253, 55, 122, 88, 90, 0, 0, 1, 105, 34, 222, 54, 2, 0, 33, 1, 22, 0, 0, 0, 116, 47, 229, 163,
    1, 0, 20, 120, 0, 118, 101, 114, 109, 97, 103, 105, 99, 61, 54, 46, 49, 45, 120, 32, 83, 77,
    80, 0, 0, 0, 0, 0, 165, 20, 56, 248, 0, 1, 41, 21, 43, 206, 29, 9, 144, 66, 153, 13, 1, 0, 0,
    0, 0, 1, 89, 90,
];
/// The same by `zstd -19`.
const ZSTD: &[u8] = &[
    40, 181, 47, 253, 0, 104, 169, 0, 0, 120, 0, 118, 101, 114, 109, 97, 103, 105, 99, 61, 54, 46,
    49, 45, 120, 32, 83, 77, 80, 0,
];

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An x86 boot image whose header points to a version.
fn boot_image() -> Vec<u8> {
    let mut image = vec![0; 0x310];
    image[514..518].copy_from_slice(b"HdrS");
    image[526..528].copy_from_slice(&0x100_u16.to_le_bytes());
    image.extend(b"6.1-x (a@b)\0");
    image
}

/// A 64-bit little-endian shared object: one loadable segment, one dynamic segment with a name, a
/// needed library and their string table (System V ABI, chapters 4 and 5).
fn elf() -> Vec<u8> {
    const STRINGS: &[u8] = b"\0libx.so.1\0libc.so.6\0";
    let dynamic_at = 64 + 2 * 56;
    let entries: [(u64, u64); 5] = [
        (1, 11),
        (14, 1),
        (5, dynamic_at + 5 * 16),
        (10, STRINGS.len() as u64),
        (0, 0),
    ];
    let length = dynamic_at + 5 * 16 + STRINGS.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for (value, bytes) in [
        (3, 2),
        (62, 2),
        (1, 4),
        (0, 8),
        (64, 8),
        (0, 8),
        (0, 4),
        (64, 2),
        (56, 2),
        (2, 2),
        (0, 2),
        (0, 2),
        (0, 2),
    ] {
        put(&mut file, value, bytes);
    }
    for (kind, offset, size) in [(1, 0, length), (2, dynamic_at, 5 * 16)] {
        put(&mut file, kind, 4);
        put(&mut file, 4, 4);
        for value in [offset, offset, offset, size, size, 8] {
            put(&mut file, value, 8);
        }
    }
    for (tag, value) in entries {
        put(&mut file, tag, 8);
        put(&mut file, value, 8);
    }
    file.extend_from_slice(STRINGS);
    file
}

fn put(file: &mut Vec<u8>, value: u64, bytes: usize) {
    file.extend_from_slice(&value.to_le_bytes()[..bytes]);
}
