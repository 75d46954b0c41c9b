//! Image files and locks.

use crate::Target;
use crate::input::{seal_tar, text};
use bessemer_erofs::{Directory, Metadata, Node, Options, Writer};
use bessemer_image::lock::Lock;
use bessemer_image::{Inventory, parse};
use bessemer_yaml::SourceFile;
use std::io::Cursor;

pub(crate) const FILE: Target = Target {
    name: "image_file",
    run: file,
    seeds: file_seeds,
    words: &[
        "contents:\n",
        "packages: ",
        "paths: ",
        "permissions: 0o",
        "- ",
        "\n  ",
        "&a ",
        "*a",
        "<<: ",
        "-----BEGIN CERTIFICATE-----",
        "service-bundle",
        "|\n",
        "!!binary ",
    ],
};

pub(crate) const LOCK: Target = Target {
    name: "image_lock",
    run: lock,
    seeds: lock_seeds,
    words: &["\"packages\":", "bytes=", "sha1-", "{}", "[]", "null"],
};

pub(crate) const LAYERS: Target = Target {
    name: "image_layers",
    run: layers,
    seeds: layers_seeds,
    words: &[
        ".wh.",
        ".wh..wh..opq",
        "../",
        "ustar\0",
        "usr/lib/apk/db/installed",
        "path=",
        "linkpath=",
    ],
};

/// Whatever layers hold, what a path leads to is in the inventory under its own name, without links.
fn layers(data: &[u8]) {
    let mut inventory = Inventory::default();
    for (number, layer) in data.chunks(8192).enumerate() {
        let media_type = "application/vnd.oci.image.layer.v1.tar";
        let _ = inventory.add(number, media_type, Cursor::new(layer));
    }
    reaches(&inventory, data);
}

/// What a path leads to is there under its own name, without links.
fn reaches(inventory: &Inventory, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let words = text.split('\0').filter(|word| word.len() < 200);
    for path in words.take(64).chain(["usr/lib/apk/db/installed", "a/b"]) {
        if let Some(reached) = inventory.reach(path) {
            let again = inventory.reach(&reached.path);
            assert_eq!(again.as_ref(), Some(&reached), "{path}");
            assert!(!reached.path.split('/').any(|part| part == ".."), "{path}");
        }
    }
}

pub(crate) const EROFS: Target = Target {
    name: "image_erofs",
    run: erofs,
    seeds: erofs_seeds,
    words: &["\0\0\0\0", "trusted.", "overlay.opaque", "..", "/"],
};

/// The same for layers that are erofs images, of which an image alone is what it is.
fn erofs(data: &[u8]) {
    let mut inventory = Inventory::default();
    for number in 0..2 {
        let layer = Cursor::new(data);
        if inventory
            .add(number, "application/vnd.erofs", layer)
            .is_err()
        {
            break;
        }
    }
    reaches(&inventory, data);
}

fn erofs_seeds() -> Vec<Vec<u8>> {
    let options = Options {
        uuid: [0; 16],
        mtime: 7,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut bytes, options).unwrap();
    let mut root = Directory::new(Metadata::root(0o755));
    let data = writer.append_file(&b"P:a"[..], 3).unwrap();
    for path in ["usr/lib/apk/db/installed", "a/b"] {
        let meta = Metadata::root(0o644);
        let inode_id = Some(1);
        let node = Node::File {
            meta,
            data,
            inode_id,
        };
        root.insert(path, node).unwrap();
    }
    let mut meta = Metadata::root(0o755);
    let opaque = ("trusted.overlay.opaque".to_owned(), b"y".to_vec());
    meta.xattrs.extend([opaque]);
    root.insert("usr", Node::Directory(Directory::new(meta.clone())))
        .unwrap();
    meta.xattrs.clear();
    let whiteout = Node::CharDevice {
        meta: meta.clone(),
        major: 0,
        minor: 0,
    };
    root.insert("gone", whiteout).unwrap();
    let target = b"usr/lib".to_vec();
    root.insert("lib", Node::Symlink { meta, target }).unwrap();
    writer.finish(root).unwrap();
    vec![bytes.into_inner()]
}

fn layers_seeds() -> Vec<Vec<u8>> {
    let header = |name: &str, kind: u8, target: &str, size: &str| {
        let mut block = vec![0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[100..107].copy_from_slice(b"0000644");
        block[124..124 + size.len()].copy_from_slice(size.as_bytes());
        block[156] = kind;
        block[157..157 + target.len()].copy_from_slice(target.as_bytes());
        block[257..263].copy_from_slice(b"ustar\0");
        seal_tar(&mut block);
        block
    };
    let file = |name: &str| [header(name, b'0', "", "00000000001"), vec![b'x'; 512]].concat();
    let lower = [
        file("usr/lib/apk/db/installed"),
        header("lib", b'2', "usr/lib", "0"),
        header("same", b'1', "usr/lib/apk/db/installed", "0"),
    ]
    .concat();
    let mut layers = lower.clone();
    layers.resize(8192, 0);
    layers.extend(file("usr/lib/apk/db/.wh.installed"));
    layers.extend(file("usr/.wh..wh..opq"));
    vec![lower, layers]
}

/// What is accepted can be printed, and means the same again but for what a service bundle adds.
fn file(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(first) = parse(&SourceFile::new("fuzz.yaml", text)) else {
        return;
    };
    let printed = first.to_yaml().expect("a configuration can be printed");
    let second = parse(&SourceFile::new("printed.yaml", printed.as_str()));
    let mut second = second.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    if first.entrypoint.kind == "service-bundle" {
        second.contents.packages.pop();
    }
    assert_eq!(second, first, "{printed}");
}

fn lock(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(lock) = Lock::parse(text) {
        let again = Lock::parse(&lock.render().expect("a lock can be written"));
        assert_eq!(again.expect("a lock can be read"), lock);
        let _ = lock.keys();
    }
}

fn file_seeds() -> Vec<Vec<u8>> {
    let texts = [
        include_str!("../../../crates/image/test-data/files/everything.yaml"),
        include_str!("../../../crates/image/test-data/files/base.yaml"),
        include_str!("../../../crates/image/test-data/own/layers.yaml"),
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn lock_seeds() -> Vec<Vec<u8>> {
    let text = include_str!("../../../crates/image/test-data/own/golden/small.lock.json");
    vec![text.as_bytes().to_vec()]
}
