//! Dependency detection: ELF objects, interpreters, pkg-config files, loader configuration.

use crate::Target;
use crate::input::{choice, seed};
use bessemer_apk::EntryPath;
use bessemer_package::Tree;
use bessemer_package::detect::{Options, Package, detect};

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
    ],
};

/// Where each kind of file is looked for.
const PLACES: [&str; 5] = [
    "usr/lib/libx.so.1",
    "usr/bin/x",
    "usr/lib/pkgconfig/x.pc",
    "etc/ld.so.conf.d/x.conf",
    "usr/lib/deep/libx.so",
];

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
        seed(3, "/usr/lib/deep\ninclude /etc/ld.so.conf.d/*.conf\n"),
    ]
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
