//! Files in made-up images and packages, without a registry.

use super::owner::{difference, owner};
use super::{Content, Located, Owner, content, package, reached};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bessemer_apk::package::{PkgInfo, control_member, write_data};
use bessemer_apk::{Entry, EntryKind, EntryPath, signature_member};
use bessemer_digest::Digest;
use bessemer_image::{Inventory, SeenKind};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

fn file(at: &str, content: &str) -> (Entry, Vec<u8>) {
    let size = content.len() as u64;
    (Entry::file(path(at), size, 0o755), content.into())
}

fn other(at: &str, kind: EntryKind) -> (Entry, Vec<u8>) {
    (Entry::new(path(at), kind, 0o755), Vec::new())
}

fn link(at: &str, target: &str) -> (Entry, Vec<u8>) {
    let target = target.to_owned();
    other(at, EntryKind::Symlink { target })
}

fn same(at: &str, target: &str) -> (Entry, Vec<u8>) {
    let target = path(target);
    other(at, EntryKind::Hardlink { target })
}

fn sha1(text: &str) -> [u8; 20] {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest.as_ref().try_into().unwrap()
}

fn z(content: &str) -> String {
    format!("Z:Q1{}\n", BASE64_STANDARD.encode(sha1(content)))
}

/// An image of one layer: these entries and this database.
fn image(mut entries: Vec<(Entry, Vec<u8>)>, database: &str) -> Inventory {
    entries.push(file("usr/lib/apk/db/installed", database));
    entries.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    let mut layer = Vec::new();
    write_data(entries, 0, &mut layer).unwrap();
    let mut inventory = Inventory::default();
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    inventory.add(0, kind, std::io::Cursor::new(layer)).unwrap();
    inventory
}

fn owned(inventory: &Inventory, path: &str) -> Option<(String, Option<String>)> {
    let named = |name: &str, _: &str| Some(Digest::of(name));
    match owner(&reached(inventory, path).unwrap(), inventory, &named).unwrap() {
        Some(Owner::Package {
            file,
            matches,
            differs,
            ..
        }) => {
            assert_eq!(matches, differs.is_none());
            Some((file, differs))
        }
        _ => None,
    }
}

#[test]
fn a_record_below_a_folder_that_is_a_link_has_the_file() {
    let database = format!("P:mods\nV:1-r0\nF:lib\nR:mod.ko\n{}\n", z("module"));
    let entries = vec![
        link("lib", "usr/lib"),
        file("usr/lib/mod.ko", "module"),
        file("usr/lib/own", "x"),
    ];
    let inventory = image(entries, &database);
    for path in ["/lib/mod.ko", "/usr/lib/mod.ko"] {
        let expected = Some(("mods-1-r0.apk".to_owned(), None));
        assert_eq!(owned(&inventory, path), expected, "{path}");
    }
    assert_eq!(owned(&inventory, "/lib/own"), None);
}

#[test]
fn what_differs_is_said_and_a_record_that_matches_goes_first() {
    let record = |name: &str, content: &str| {
        format!(
            "P:{name}\nV:1-r0\nF:etc\nR:a\n{}R:b\nR:c\n{}\n",
            z(content),
            z("c")
        )
    };
    let database = record("first", "old") + &record("second", "new") + &record("third", "new");
    let entries = vec![
        file("etc/a", "new"),
        file("etc/b", "b"),
        file("etc/c", "changed"),
    ];
    let inventory = image(entries, &database);
    assert_eq!(
        owned(&inventory, "/etc/a"),
        Some(("second-1-r0.apk".into(), None))
    );
    let (file, differs) = owned(&inventory, "/etc/b").unwrap();
    assert_eq!(file, "first-1-r0.apk");
    assert_eq!(
        differs.unwrap(),
        "the image's package database has no SHA-1 of it"
    );
    let (_, differs) = owned(&inventory, "/etc/c").unwrap();
    let (found, expected) = (hex::encode(sha1("changed")), hex::encode(sha1("c")));
    assert_eq!(
        differs.unwrap(),
        format!("it has SHA-1 {found}, and the image's package database has {expected}")
    );
}

#[test]
fn only_files_and_links_with_the_digest_match() {
    let target = SeenKind::Link("tool".to_owned());
    assert_eq!(difference(&target, Some(&sha1("tool"))), None);
    assert!(difference(&target, Some(&sha1("other"))).is_some());
    for kind in [SeenKind::Directory, SeenKind::Device] {
        for expected in [None, Some(&sha1(""))] {
            assert!(difference(&kind, expected).unwrap().contains("here"));
        }
    }
}

#[test]
fn what_is_no_file_in_an_image_is_an_error() {
    let entries = vec![
        other("dev/null", EntryKind::CharDevice { major: 1, minor: 3 }),
        link("bin", "usr/bin"),
        link("etc/mtab", "/proc/mounts"),
        link("loop", "loop"),
        file("usr/bin/a", "a"),
    ];
    let inventory = image(entries, "");
    for (path, expected) in [
        ("/", "/ is a directory: ask for a file in it"),
        ("/bin", "/usr/bin is a directory: ask for a file in it"),
        ("/dev/null", "/dev/null is a device or pipe, and no file"),
        (
            "/etc/mtab",
            "/etc/mtab leads to /proc/mounts, which is not in the image",
        ),
        (
            "/bin/b",
            "/bin/b leads to /usr/bin/b, which is not in the image",
        ),
        ("/usr//bin/b", "there is no /usr/bin/b in the image"),
        ("/loop", "the symbolic links of /loop lead in a circle"),
    ] {
        let error = reached(&inventory, path).and_then(|reached| content(&reached));
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}

fn apk(entries: Vec<(Entry, Vec<u8>)>) -> tempfile::NamedTempFile {
    let mut data = Vec::new();
    let summary = write_data(entries, 0, &mut data).unwrap();
    let info = PkgInfo {
        name: "tool".into(),
        version: "1-r0".into(),
        arch: "x86_64".into(),
        size: summary.installed_size,
        origin: "tool".into(),
        description: "a tool".into(),
        datahash: Some(summary.sha256),
        ..PkgInfo::default()
    };
    let control = control_member(&info, &BTreeMap::new(), &BTreeMap::new(), 0).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let signature = signature_member(".SIGN.RSA256.test.rsa.pub", b"none", 0);
    for part in [signature, control, data] {
        file.write_all(&part).unwrap();
    }
    file
}

fn in_package(file: &Path, path: &str) -> Result<(Content, Option<String>), String> {
    let found = package::inside(path).and_then(|path| package::content(file, &path));
    found.map_err(|error| error.to_string())
}

#[test]
fn a_package_is_searched_by_any_spelling_of_a_path() {
    let file = apk(vec![
        other("usr", EntryKind::Directory),
        file("usr/bin/a", "content"),
        same("usr/bin/b", "usr/bin/a"),
        link("usr/bin/c", "a"),
        other("usr/bin/d", EntryKind::Fifo),
    ]);
    let content = || Content::File {
        sha256: Digest::of("content"),
        size: 7,
    };
    for path in ["/usr/bin/a", "usr/bin/a", "./usr/bin/a", "/usr//bin/./a"] {
        assert_eq!(
            in_package(file.path(), path),
            Ok((content(), None)),
            "{path}"
        );
    }
    let same = Ok((content(), Some("/usr/bin/a".to_owned())));
    assert_eq!(in_package(file.path(), "/usr/bin/b"), same);
    let link = Content::Link {
        target: "a".to_owned(),
    };
    assert_eq!(in_package(file.path(), "/usr/bin/c"), Ok((link, None)));
    for (path, expected) in [
        ("/", "/ is a directory: ask for a file in it"),
        ("/usr", "/usr is a directory: ask for a file in it"),
        ("/usr/bin/", "/usr/bin is a directory: ask for a file in it"),
        ("/usr/bin/d", "/usr/bin/d is a device or pipe, and no file"),
        ("/usr/b", "there is no /usr/b in the package"),
        (
            "/usr/../usr/bin/a",
            "/usr/../usr/bin/a goes up with `..`: name the file from the top",
        ),
    ] {
        assert_eq!(
            in_package(file.path(), path),
            Err(expected.to_owned()),
            "{path}"
        );
    }
}

#[test]
fn the_lines_claim_no_more_than_was_compared() {
    let lines = |content, image: bool, differs: Option<&str>| {
        let located = Located {
            path: "/a".to_owned(),
            real_path: "/a".to_owned(),
            content,
            same: Some("/b".to_owned()),
            layer: image.then(|| Digest::of("layer")),
            image: image.then(|| (Digest::of("image"), "linux/amd64".to_owned())),
            base: None,
            owner: Owner::Package {
                file: "a-1-r0.apk".to_owned(),
                sha256: None,
                matches: differs.is_none(),
                differs: differs.map(str::to_owned),
            },
        };
        let lines = located.lines();
        assert!(lines[1].ends_with(", another name of /b"), "{lines:?}");
        lines.last().unwrap().clone()
    };
    let file = || Content::File {
        sha256: Digest::of(""),
        size: 0,
    };
    let link = Content::Link {
        target: "c".to_owned(),
    };
    assert_eq!(
        lines(file(), false, None),
        "  package  a-1-r0.apk, its own file"
    );
    assert_eq!(lines(link, false, None), "  package  a-1-r0.apk");
    assert_eq!(
        lines(file(), true, None),
        "  package  a-1-r0.apk, as the image's package database has it (SHA-1)"
    );
    assert_eq!(
        lines(file(), true, Some("it is another")),
        "  package  a-1-r0.apk, NOT as the image's package database has it: it is another"
    );
}
