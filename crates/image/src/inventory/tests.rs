//! Layers of a few lines each, and what is reached in them.

use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Write as _};
use tar::{Builder, Header};

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// `path` with content, `path -> target`, `path => target` (hard link), `path/`.
fn layer(lines: &[&str]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for line in lines {
        let mut header = Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(0);
        if let Some((path, target)) = line.split_once(" -> ") {
            header.set_entry_type(EntryType::Symlink);
            archive.append_link(&mut header, path, target).unwrap();
        } else if let Some((path, target)) = line.split_once(" => ") {
            header.set_entry_type(EntryType::Link);
            archive.append_link(&mut header, path, target).unwrap();
        } else if line.ends_with('/') {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, line, io::empty()).unwrap();
        } else {
            let (path, content) = line.split_once(' ').unwrap_or((line, ""));
            header.set_size(content.len() as u64);
            archive
                .append_data(&mut header, path, content.as_bytes())
                .unwrap();
        }
    }
    archive.into_inner().unwrap()
}

fn inventory(layers: &[&[&str]]) -> Inventory {
    let mut inventory = Inventory::default();
    for (number, lines) in layers.iter().enumerate() {
        inventory
            .add(number, TAR, Cursor::new(layer(lines)))
            .unwrap();
    }
    inventory
}

/// `PATH@LAYER` and the content that is expected there.
fn reached(inventory: &Inventory, path: &str) -> Option<(String, Option<Digest>)> {
    let reached = inventory.reach(path)?;
    let digest = match reached.seen.kind {
        SeenKind::File { sha256, .. } => Some(sha256),
        _ => None,
    };
    Some((format!("{}@{}", reached.path, reached.seen.layer), digest))
}

#[test]
fn upper_layers_replace_and_take_away() {
    let found = inventory(&[
        &[
            "etc/",
            "etc/a one",
            "etc/b two",
            "opt/x/y old",
            "var/z old",
            "bin/sh first",
        ],
        &[
            "etc/a three",
            "etc/.wh.b",
            "opt/.wh.x",
            "var/.wh..wh..opq",
            "var/new new",
        ],
    ]);
    let file = |path: &str, content: &str| Some((path.to_owned(), Some(Digest::of(content))));
    assert_eq!(reached(&found, "/etc/a"), file("etc/a@1", "three"));
    assert_eq!(reached(&found, "/bin/sh"), file("bin/sh@0", "first"));
    assert_eq!(reached(&found, "/var/new"), file("var/new@1", "new"));
    for gone in ["/etc/b", "/opt/x/y", "/var/z", "/etc/.wh.b", "/nothing"] {
        assert_eq!(reached(&found, gone), None, "{gone}");
    }
}

#[test]
fn links_are_followed_within_the_image() {
    let found = inventory(&[&[
        "usr/bin/tool content",
        "bin -> usr/bin",
        "usr/bin/other -> /bin/tool",
        "usr/bin/up -> ../../../../usr/bin/tool",
        "loop -> loop",
        "self => self",
    ]]);
    let expected = Some(("usr/bin/tool@0".to_owned(), Some(Digest::of("content"))));
    for path in ["/bin/tool", "bin/other", "/usr/bin/up", "/./bin//tool"] {
        assert_eq!(reached(&found, path), expected, "{path}");
    }
    for nowhere in ["/loop", "/self"] {
        assert_eq!(reached(&found, nowhere), None, "{nowhere}");
    }
    assert_eq!(found.resolve("/loop"), None);
}

#[test]
fn compressed_layers_and_the_database_are_read() {
    let plain = layer(&["usr/lib/apk/db/installed P:a", "lib -> usr/lib"]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let layers = [
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(&plain[..], 1).unwrap()),
    ];
    for (kind, bytes) in layers {
        let mut found = Inventory::default();
        found
            .add(0, &format!("{TAR}+{kind}"), Cursor::new(bytes))
            .unwrap();
        assert_eq!(found.database(), Some(&b"P:a"[..]));
        assert!(found.reach("/lib/apk/db/installed").is_some());
    }
    let error = Inventory::default().add(0, "application/octet-stream", io::empty());
    assert!(matches!(error, Err(InventoryError::MediaType(_))));
}

#[test]
fn a_path_is_resolved_whether_or_not_anything_is_there() {
    let found = inventory(&[&[
        "usr/lib/a one",
        "lib -> usr/lib",
        "etc/mtab -> /proc/mounts",
    ]]);
    for (path, expected) in [
        ("lib", "usr/lib"),
        ("/lib/mod.ko", "usr/lib/mod.ko"),
        ("/lib/modules/none/x", "usr/lib/modules/none/x"),
        ("/etc/mtab", "proc/mounts"),
        ("/", ""),
    ] {
        assert_eq!(found.resolve(path).as_deref(), Some(expected), "{path}");
    }
    assert_eq!(found.reach("/etc/mtab"), None);
    for folder in ["/", "/usr", "/lib"] {
        let kind = found.reach(folder).unwrap().seen.kind;
        assert_eq!(kind, SeenKind::Directory, "{folder}");
    }
    // What stands beside a directory by its letters is not in it.
    assert_eq!(inventory(&[&["usr-local/a x"]]).reach("/usr"), None);
}

#[test]
fn another_name_keeps_its_content() {
    let found = inventory(&[
        &["usr/bin/tool old", "bin -> usr/bin", "first => bin/tool"],
        &["usr/bin/tool new", "second => usr/bin/tool"],
        &["usr/bin/.wh.tool", "third => second", "fourth => nothing"],
    ]);
    for (path, content, layer, target) in [
        ("first", "old", 0, "usr/bin/tool"),
        ("second", "new", 1, "usr/bin/tool"),
        ("third", "new", 2, "second"),
    ] {
        let expected = Some((format!("{path}@{layer}"), Some(Digest::of(content))));
        assert_eq!(reached(&found, path), expected);
        let seen = found.reach(path).unwrap().seen;
        assert_eq!(seen.same.as_deref(), Some(target), "{path}");
    }
    assert_eq!(reached(&found, "fourth"), None);
    assert_eq!(reached(&found, "usr/bin/tool"), None);
}

#[test]
fn a_whiteout_leaves_its_own_layer_alone() {
    let lines = [
        &["opt/x/old one", "opt/y two", "etc/ab three"][..],
        &[
            "opt/x/new four",
            "opt/y five",
            "opt/.wh.x",
            "opt/.wh.y",
            "etc/.wh.a",
        ],
    ];
    let found = inventory(&lines);
    let file = |path: &str, content: &str| Some((path.to_owned(), Some(Digest::of(content))));
    assert_eq!(reached(&found, "opt/x/old"), None);
    assert_eq!(reached(&found, "opt/x/new"), file("opt/x/new@1", "four"));
    assert_eq!(reached(&found, "opt/y"), file("opt/y@1", "five"));
    assert_eq!(reached(&found, "etc/ab"), file("etc/ab@0", "three"));
}

#[test]
fn a_file_in_the_place_of_a_directory_empties_it() {
    let found = inventory(&[&["opt/x/old one"], &["opt/x two"]]);
    assert_eq!(reached(&found, "opt/x/old"), None);
    assert_eq!(reached(&found, "opt/x").unwrap().0, "opt/x@1");
}

#[test]
fn the_database_is_the_one_that_the_image_shows() {
    let cases: [(&[&[&str]], Option<&str>); 7] = [
        (
            &[
                &["usr/lib/apk/db/installed P:a"],
                &["usr/lib/apk/db/.wh.installed"],
            ],
            None,
        ),
        (
            &[&["usr/lib/apk/db/installed P:a"], &["usr/lib/.wh.apk"]],
            None,
        ),
        (
            &[
                &["lib/apk/db/installed P:b", "usr/lib/apk/db/installed P:a"],
                &["usr/.wh..wh..opq"],
            ],
            Some("P:b"),
        ),
        (
            &[
                &["usr/lib/apk/db/installed P:a"],
                &["lib/apk/db/installed P:b"],
            ],
            Some("P:a"),
        ),
        (
            &[
                &["usr/lib/apk/db/installed P:a"],
                &["usr/lib/apk/db/installed P:c"],
            ],
            Some("P:c"),
        ),
        (
            &[
                &["usr/lib/apk/db/installed P:a"],
                &["usr/lib/apk/db/installed/"],
            ],
            None,
        ),
        (
            &[&["lib/apk/db/installed P:b", "usr/lib -> ../lib"]],
            Some("P:b"),
        ),
    ];
    for (layers, expected) in cases {
        let found = inventory(layers);
        assert_eq!(found.database(), expected.map(str::as_bytes), "{layers:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut found = Inventory::default();
        let _ = found.add(0, TAR, Cursor::new(bytes));
    }

    #[test]
    fn no_path_panics(path in "[a./]{0,12}", target in "[a./]{0,6}") {
        let found = inventory(&[&["a/a x", &format!("a/b -> {}", if target.is_empty() { "." } else { &target })]]);
        let _ = found.reach(&path);
        let _ = found.reach(&format!("{path}/a/b/{path}"));
    }
}
