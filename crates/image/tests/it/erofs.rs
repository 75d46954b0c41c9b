//! Images of the format `erofs`: the same trees as archives have, and what documents say of them.

use crate::made::{contents, directory, file, link, package, path, shared_object};
use crate::workplace::{Workplace, own};
use bessemer_apk::{Entry, EntryKind};
use bessemer_erofs::{FoundKind, Reader};
use bessemer_image::packages::Package;
use bessemer_image::{BuildOptions, Built, Compression, Epoch, Format, Loaded, build, parse};
use bessemer_yaml::SourceFile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

const MEDIA_TYPE: &str = "application/vnd.erofs";
/// What says in the image how it was made.
const DESCRIPTION: &str = "etc/apko.json";

/// What a tree has at one path: kind, mode, owners, time, target or device, attributes, content.
type Listed = (
    char,
    u32,
    [u32; 2],
    u64,
    String,
    BTreeMap<String, Vec<u8>>,
    Vec<u8>,
);

/// A set-uid program with a capability, links of both kinds, owners, modes, a device, large and empty files.
fn packages(workplace: &Workplace) -> Vec<Package> {
    let mut owned = file("etc/owned", 0o640, "owned\n");
    (owned.0.uid, owned.0.gid) = (1000, 70_000);
    let mut able = file("usr/bin/able", 0o4755, vec![7; 10_000]);
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let name = "security.capability".to_owned();
    able.0.xattrs.insert(name, capability.to_vec());
    let mut sticky = directory("var/spool");
    sticky.0.mode = 0o3775;
    let again = EntryKind::Hardlink {
        target: path("usr/bin/able"),
    };
    let device = EntryKind::CharDevice { major: 5, minor: 1 };
    let entries = vec![
        (Entry::new(path("dev/console"), device, 0o600), vec![]),
        file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n"),
        file("etc/empty", 0o600, ""),
        able,
        (Entry::new(path("usr/bin/again"), again, 0o4755), vec![]),
        file("usr/lib/libc.so.6", 0o755, shared_object("libc.so.6")),
        link("usr/lib/libc.so", "libc.so.6"),
        link("lib", "usr/lib"),
        owned,
        sticky,
    ];
    vec![package(&workplace.at(""), "base", entries, |_| {})]
}

const FILE: &str = "\
accounts:
  users: [{username: alice, uid: 1000, gid: 100}]
paths:
  - {path: /data/deep, type: directory, uid: 1000, permissions: 0o2750}
  - {path: /srv/able, type: hardlink, source: /usr/bin/able, permissions: 0o4711}
  - {path: /usr/bin/also, type: symlink, source: ../../etc/owned, permissions: 0o751}
";

fn loaded(text: &str) -> Loaded {
    Loaded {
        base: None,
        name: "image.yaml".into(),
        configuration: parse(&SourceFile::new("image.yaml", text)).unwrap(),
        checksum: String::new(),
        files: Vec::new(),
    }
}

fn built(workplace: &Workplace, format: &str) -> Built {
    let text = format!("{FILE}format: {format}\n");
    let contents = contents(packages(workplace));
    workplace.build_of(&loaded(&text), &[contents], &[], Compression::Gzip)
}

/// What an archive has, in the order of an image: by path.
fn of_archive(built: &Built) -> BTreeMap<String, Listed> {
    let layer = File::open(&built.images.images[0].layers[0].path).unwrap();
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(layer));
    let mut all: BTreeMap<String, Listed> = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let target = entry.link_name().unwrap();
        let target = target.map_or_else(String::new, |to| to.display().to_string());
        let attributes = entry.pax_extensions().unwrap().into_iter().flatten();
        let attributes = attributes.filter_map(|pair| {
            let pair = pair.unwrap();
            let name = pair.key().unwrap().strip_prefix("SCHILY.xattr.")?;
            Some((name.to_owned(), pair.value_bytes().to_vec()))
        });
        let attributes: BTreeMap<String, Vec<u8>> = attributes.collect();
        let header = entry.header().clone();
        let number = |value: std::io::Result<u64>| u32::try_from(value.unwrap()).unwrap();
        let owners = [number(header.uid()), number(header.gid())];
        let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let listed = match header.entry_type() {
            // As the file that it is another name of; links of links there are none.
            tar::EntryType::Link => all[&target].clone(),
            // Linux shows no other.
            tar::EntryType::Symlink => ('l', 0o777, owners, time, target, attributes, content),
            tar::EntryType::Directory => ('d', mode, owners, time, target, attributes, content),
            tar::EntryType::Regular => ('-', mode, owners, time, target, attributes, content),
            tar::EntryType::Char => {
                let number = |found: Option<u32>| found.unwrap();
                let major = number(header.device_major().unwrap());
                let minor = number(header.device_minor().unwrap());
                let device = format!("{major}:{minor}");
                ('c', mode, owners, time, device, attributes, content)
            }
            other => panic!("{name}: {other:?}"),
        };
        all.insert(name, listed);
    }
    all
}

/// What an image has but for its root, and for each inode with several names these.
fn of_image(path: &Path) -> (BTreeMap<String, Listed>, Vec<Vec<String>>) {
    let image = File::open(path).unwrap();
    let mut reader = Reader::open(&image).unwrap();
    let mut all = BTreeMap::new();
    let mut names: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    while let Some(found) = reader.next_found().unwrap() {
        let name = String::from_utf8(found.path.clone()).unwrap();
        if name.is_empty() {
            let root = (found.mode, found.uid, found.gid, found.mtime);
            assert_eq!(root, (0o755, 0, 0, reader.time()));
            continue;
        }
        let (mut target, mut content) = (String::new(), Vec::new());
        let kind = match &found.kind {
            FoundKind::Directory => 'd',
            FoundKind::Symlink(to) => {
                target = String::from_utf8(to.clone()).unwrap();
                'l'
            }
            FoundKind::CharDevice(major, minor) => {
                target = format!("{major}:{minor}");
                'c'
            }
            FoundKind::File(place) => {
                reader.content(place).read_to_end(&mut content).unwrap();
                names.entry(found.inode).or_default().push(name.clone());
                '-'
            }
            other => panic!("{name}: {other:?}"),
        };
        let attributes = reader.attributes(&found).unwrap().into_iter();
        let attributes = attributes.map(|(name, value)| (String::from_utf8(name).unwrap(), value));
        let owners = [found.uid, found.gid];
        let attributes = attributes.collect();
        let listed = (
            kind,
            found.mode,
            owners,
            found.mtime,
            target,
            attributes,
            content,
        );
        all.insert(name, listed);
    }
    names.retain(|_, names| names.len() > 1);
    (all, names.into_values().collect())
}

#[test]
fn an_image_has_the_tree_of_the_archive() {
    let workplace = Workplace::new();
    let mut archive = of_archive(&built(&workplace, "tar"));
    let of_erofs = built(&workplace, "erofs");
    let layer = &of_erofs.images.images[0].layers[0];
    let (mut image, linked) = of_image(&layer.path);
    // Each says its own format.
    for (tree, format) in [(&mut archive, "tar"), (&mut image, "erofs")] {
        let (.., content) = tree.remove(DESCRIPTION).unwrap();
        let description: Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(description["format"], format);
    }
    let paths = |tree: &BTreeMap<String, Listed>| tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(&archive), paths(&image));
    for (path, listed) in &archive {
        assert!(
            image[path] == *listed,
            "{path}: {listed:?} {:?}",
            image[path]
        );
    }
    // What is compared is there.
    let (kind, mode, _, _, _, attributes, content) = &image["usr/bin/able"];
    assert_eq!((*kind, *mode, content.len()), ('-', 0o4711, 10_000));
    assert!(attributes.contains_key("security.capability"));
    assert_eq!(image["dev/console"].4, "5:1");
    assert_eq!(image["usr/bin/also"].1, 0o777);
    assert_eq!(linked, [["srv/able", "usr/bin/able", "usr/bin/again"]]);
}

#[test]
fn documents_say_that_it_is_one() {
    let workplace = Workplace::new();
    let loaded = Loaded {
        configuration: {
            let mut configuration = own("small.yaml").configuration;
            configuration.format = Some(Format::Erofs);
            configuration
        },
        ..own("small.yaml")
    };
    let built = workplace.build(&loaded, Compression::Zstd);
    let index: Value = serde_json::from_slice(&built.images.index.bytes).unwrap();
    for (number, image) in built.images.images.iter().enumerate() {
        let [layer] = &image.layers[..] else {
            panic!("{} layers", image.layers.len());
        };
        assert_eq!(layer.diff_id, layer.digest);
        assert_eq!(layer.size % 4096, 0);
        let manifest: Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        let config: Value = serde_json::from_slice(&image.config.bytes).unwrap();
        let described = &manifest["layers"][0];
        assert_eq!(described["mediaType"], MEDIA_TYPE);
        assert_eq!(described["digest"], config["rootfs"]["diff_ids"][0]);
        assert_eq!(described["size"], layer.size);
        assert_eq!(config["os.features"], serde_json::json!(["erofs"]));
        let platform = &index["manifests"][number]["platform"];
        assert_eq!(platform["os.features"], serde_json::json!(["erofs"]));
        let file = File::open(&layer.path).unwrap();
        assert_eq!(Reader::open(&file).unwrap().time(), image.created);
    }
    let bill = bessemer_image::sbom::image_spdx(
        &built.images.images[0],
        &built.inventories[0],
        "team/app:1",
        "",
    );
    let name = "mediaType=application%2Fvnd.erofs";
    assert!(
        bill.unwrap().contains(name),
        "the bill of material does not say {name}"
    );
    // The control run: an archive says nothing of it.
    let tar = workplace.build(&own("small.yaml"), Compression::Zstd);
    let config: Value = serde_json::from_slice(&tar.images.images[0].config.bytes).unwrap();
    assert!(config.get("os.features").is_none());
}

#[test]
fn the_same_inputs_give_the_same_image_which_is_kept() {
    let workplace = Workplace::new();
    let first = built(&workplace, "erofs").images;
    let again = built(&workplace, "erofs").images;
    assert_eq!(first.index, again.index);
    let cached = |images: &bessemer_image::oci::ImageIndex| images.images[0].layers[0].cached;
    assert!(!cached(&first) && cached(&again));
    // One that was damaged is written again.
    let path = &first.images[0].layers[0].path;
    let mut bytes = std::fs::read(path).unwrap();
    bytes[5000] ^= 1;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
    let healed = built(&workplace, "erofs").images;
    assert!(!cached(&healed));
    assert_eq!(first.index, healed.index);
    let other = Workplace::new();
    assert_eq!(built(&other, "erofs").images.index, first.index);
}

#[test]
fn its_time_is_that_of_the_image() {
    let workplace = Workplace::new();
    let options = BuildOptions {
        epoch: Epoch::Exactly(7),
        compression: Compression::Gzip,
        store: workplace.access().store,
        scratch: &workplace.at(""),
    };
    let contents = contents(packages(&workplace));
    let configuration = loaded("format: erofs").configuration;
    let built = build(&configuration, &[contents], &[], options).unwrap();
    let image = File::open(&built.images.images[0].layers[0].path).unwrap();
    assert_eq!(Reader::open(&image).unwrap().time(), 7);
}

#[test]
fn an_attribute_that_cannot_be_stored_is_an_error() {
    let workplace = Workplace::new();
    let mut odd = file("etc/odd", 0o644, "odd");
    odd.0.xattrs.insert("odd.name".into(), Vec::new());
    let package = package(&workplace.at(""), "odd", vec![odd], |_| {});
    let contents = contents(vec![package]);
    let error = workplace.try_build_of(&loaded("format: erofs"), &[contents]);
    let mut all = Vec::new();
    let error = error.unwrap_err();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        all.push(error.to_string());
        cause = error.source();
    }
    insta::assert_snapshot!("attribute", all.join("\n"));
}

#[test]
#[ignore = "needs fsck.erofs (erofs-utils)"]
fn others_accept_it() {
    let workplace = Workplace::new();
    let built = built(&workplace, "erofs");
    let image = &built.images.images[0];
    let path = &image.layers[0].path;
    let run = |program: &str, words: &[&str]| {
        let mut command = std::process::Command::new(program);
        let output = command.args(words).arg(path).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{program} {words:?}: {said}");
        said
    };
    run("fsck.erofs", &["--extract"]);
    let said = run("dump.erofs", &["-s"]);
    assert!(said.contains("Filesystem created:"), "{said}");
    // It shows nine bits of the mode.
    let able = run("dump.erofs", &["--path=/usr/bin/able"]);
    for part in ["Links: 3", "Uid: 0", "0711/rwx--x--x", "Size: 10000"] {
        assert!(able.contains(part), "{part}: {able}");
    }
}
