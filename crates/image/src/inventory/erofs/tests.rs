//! Images of a few lines each, above each other.

use super::*;
use bessemer_digest::Digest;
use bessemer_erofs::{Directory, Metadata, Node, Options, Writer};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Cursor;

const EROFS: &str = "application/vnd.erofs";

/// `path content`, `path -> target`, `path => target` (hard link), `path/`, `path/ opaque`, `path !` (gone).
fn layer(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let options = Options {
        uuid: [0; 16],
        mtime: 0,
    };
    let mut writer = Writer::new(&mut bytes, options).unwrap();
    let mut root = Directory::new(Metadata::root(0o755));
    let mut files: BTreeMap<&str, Node> = BTreeMap::new();
    for (number, line) in lines.iter().enumerate() {
        let mut meta = Metadata::root(0o755);
        let (path, node) = if let Some((path, target)) = line.split_once(" -> ") {
            let target = target.as_bytes().to_vec();
            (path, Node::Symlink { meta, target })
        } else if let Some((path, target)) = line.split_once(" => ") {
            (path, files[target].clone())
        } else if let Some(path) = line.strip_suffix("/ opaque") {
            let name = "trusted.overlay.opaque".to_owned();
            meta.xattrs.insert(name, b"y".to_vec());
            (path, Node::Directory(Directory::new(meta)))
        } else if let Some(path) = line.strip_suffix('/') {
            (path, Node::Directory(Directory::new(meta)))
        } else if let Some(path) = line.strip_suffix(" !") {
            let (major, minor) = (0, 0);
            (path, Node::CharDevice { meta, major, minor })
        } else {
            let (path, content) = line.split_once(' ').unwrap_or((line, ""));
            let size = content.len() as u64;
            let data = writer.append_file(content.as_bytes(), size).unwrap();
            let inode_id = Some(number as u64);
            let node = Node::File {
                meta,
                data,
                inode_id,
            };
            files.insert(path, node.clone());
            (path, node)
        };
        root.insert(path, node).unwrap();
    }
    writer.finish(root).unwrap();
    bytes.into_inner()
}

fn inventory(layers: &[&[&str]]) -> Inventory {
    let mut inventory = Inventory::default();
    for (number, lines) in layers.iter().enumerate() {
        let layer = Cursor::new(layer(lines));
        inventory.add(number, EROFS, layer).unwrap();
    }
    inventory
}

/// Where a path leads, in which layer, and what is there.
fn reached(inventory: &Inventory, path: &str) -> String {
    let Some(reached) = inventory.reach(path) else {
        return "nothing".to_owned();
    };
    let kind = match reached.seen.kind {
        SeenKind::File { sha256, .. } => {
            let known = ["one", "two", "three", "P:a"];
            let known = known.into_iter().find(|text| Digest::of(text) == sha256);
            known.unwrap_or("another content").to_owned()
        }
        SeenKind::Link(target) => target,
        SeenKind::Directory => "directory".to_owned(),
        SeenKind::Device => "device".to_owned(),
    };
    let same = reached
        .seen
        .same
        .map_or_else(String::new, |same| format!(" = {same}"));
    format!("{}@{} {kind}{same}", reached.path, reached.seen.layer)
}

#[test]
fn what_is_in_an_image_is_found() {
    let found = inventory(&[&[
        "etc/a one",
        "etc/b => etc/a",
        "usr/lib/apk/db/installed P:a",
        "lib -> usr/lib",
        "empty/",
        "dev/zero !",
        ".wh.x two",
    ]]);
    for (path, expected) in [
        ("/etc/a", "etc/a@0 one"),
        ("/etc/b", "etc/b@0 one = etc/a"),
        ("/lib/apk/db/installed", "usr/lib/apk/db/installed@0 P:a"),
        ("/empty", "empty@0 directory"),
        ("/", "@0 directory"),
        // Alone, it takes nothing away.
        ("/dev/zero", "dev/zero@0 device"),
        ("/.wh.x", ".wh.x@0 two"),
        ("/x", "nothing"),
    ] {
        assert_eq!(reached(&found, path), expected, "{path}");
    }
    assert_eq!(found.database(), Some(&b"P:a"[..]));
}

#[test]
fn the_database_may_be_a_second_name() {
    let found = inventory(&[&["a P:a", "usr/lib/apk/db/installed => a"]]);
    assert_eq!(found.database(), Some(&b"P:a"[..]));
    let path = "usr/lib/apk/db/installed";
    assert_eq!(reached(&found, path), format!("{path}@0 P:a = a"));
}

#[test]
fn upper_images_take_away_as_overlayfs_does() {
    let found = inventory(&[
        &[
            "etc/a one",
            "etc/b two",
            "opt/x/old one",
            "var/z one",
            "bin one",
        ],
        &[
            "etc/a three",
            "etc/b !",
            "opt/x !",
            "var/ opaque",
            "var/new two",
            "bin/sh three",
        ],
    ]);
    for (path, expected) in [
        ("/etc/a", "etc/a@1 three"),
        ("/etc/b", "nothing"),
        ("/opt/x/old", "nothing"),
        ("/opt/x", "nothing"),
        ("/var/z", "nothing"),
        ("/var/new", "var/new@1 two"),
        ("/bin/sh", "bin/sh@1 three"),
    ] {
        assert_eq!(reached(&found, path), expected, "{path}");
    }
}

#[test]
fn what_is_no_image_is_said() {
    let said = |bytes: &[u8]| {
        let error = Inventory::default().add(0, EROFS, Cursor::new(bytes));
        let error = error.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        format!("{error}: {cause}")
    };
    let short = "the layer cannot be read: byte 1024 of the image: there is no superblock: the image is too short";
    assert_eq!(said(b"x"), short);
    let other = said(&vec![0; 9000]);
    assert!(other.ends_with("this is no erofs"), "{other}");
}

proptest! {
    #[test]
    fn no_bytes_panic(place in 0..400_usize, bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
        let mut image = layer(&["etc/a one", "etc/b => etc/a", "lib -> etc", "d/ opaque", "x !"]);
        // Superblock and inodes.
        let start = if place < 100 { 1024 + place } else { 4096 * 2 + 64 + (place - 100) };
        image[start..start + bytes.len()].copy_from_slice(&bytes);
        let mut found = Inventory::default();
        for number in 0..2 {
            if found.add(number, EROFS, Cursor::new(&image)).is_err() {
                break;
            }
        }
        let _ = found.reach("/lib/a");
    }
}
