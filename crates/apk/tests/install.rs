//! Merging packages: apk's rules for files that several have, links, and the database.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::install::{InstallError, InstalledPackage, Root, world_file};
use bessemer_apk::package::Reader;
use bessemer_apk::{Entry, EntryKind, IndexEntry, Limits, Version};
use support::{path, sample_package};

fn package(name: &str, origin: &str, replaces: &str) -> InstalledPackage {
    let entry = IndexEntry {
        origin: origin.into(),
        ..IndexEntry::new(name, Version::new("1-r0"))
    };
    let replaces = replaces
        .split_whitespace()
        .map(|text| text.parse().unwrap())
        .collect();
    InstalledPackage {
        entry,
        replaces,
        replaces_priority: 0,
    }
}

fn put(root: &mut Root<u8>, number: usize, name: &str, content: u8) -> Result<(), InstallError> {
    root.insert(
        number,
        Entry::file(path(name), 1, 0o644),
        Some([content; 20]),
        Some(content),
    )
}

fn listing(root: Root<u8>) -> String {
    let lines = root
        .into_entries()
        .map(|(entry, content)| match entry.kind {
            EntryKind::Directory => format!("{}/", entry.path),
            EntryKind::File { .. } => format!("{}={}", entry.path, content.unwrap()),
            EntryKind::Symlink { target } => format!("{}->{target}", entry.path),
            EntryKind::Hardlink { target } => format!("{}=>{target}", entry.path),
            _ => entry.path.to_string(),
        });
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn files_of_two_packages() {
    for (what, first, second, contents, expected) in [
        (
            "same content",
            package("a", "", ""),
            package("b", "", ""),
            (1, 1),
            Some((1, "a")),
        ),
        (
            "different content",
            package("a", "", ""),
            package("b", "", ""),
            (1, 2),
            None,
        ),
        (
            "the second replaces",
            package("a", "", ""),
            package("b", "", "a"),
            (1, 2),
            Some((2, "b")),
        ),
        (
            "the first replaces",
            package("a", "", "b"),
            package("b", "", ""),
            (1, 2),
            Some((1, "a")),
        ),
        (
            "same origin",
            package("a", "o", ""),
            package("b", "o", ""),
            (1, 2),
            Some((2, "b")),
        ),
        (
            "other versions",
            package("a", "", ""),
            package("b", "", "a<1"),
            (1, 2),
            None,
        ),
        (
            "this version",
            package("a", "", ""),
            package("b", "", "a<2"),
            (1, 2),
            Some((2, "b")),
        ),
    ] {
        let mut root = Root::new();
        let (first, second) = (root.add_package(first), root.add_package(second));
        put(&mut root, first, "etc/x", contents.0).unwrap();
        let result = put(&mut root, second, "etc/x", contents.1);
        if let Some((content, owner)) = expected {
            assert_eq!(result, Ok(()), "{what}");
            assert_eq!(
                root.get(&path("etc/x")).unwrap().1,
                Some(&content),
                "{what}"
            );
            assert_eq!(
                root.owner(&path("etc/x")).unwrap().entry.name,
                owner,
                "{what}"
            );
        } else {
            let (first, second) = ("a-1-r0.apk".to_owned(), "b-1-r0.apk".to_owned());
            let conflict = InstallError::Conflict {
                path: path("etc/x"),
                first,
                second,
            };
            assert_eq!(result, Err(conflict), "{what}");
        }
    }
}

#[test]
fn links_to_directories_are_followed_inside_the_root() {
    let mut root = Root::new();
    let a = root.add_package(package("a", "", ""));
    for (name, target) in [
        ("lib", "usr/lib"),
        ("up", "../../.."),
        ("abs", "/usr/lib"),
        ("l1", "l2"),
        ("l2", "l1"),
    ] {
        root.insert(a, Entry::symlink(path(name), target), None, None)
            .unwrap();
    }
    root.insert(a, Entry::directory(path("usr")), None, None)
        .unwrap();
    root.insert(a, Entry::directory(path("usr/lib")), None, None)
        .unwrap();
    root.insert(a, Entry::directory(path("lib")), None, None)
        .unwrap();
    put(&mut root, a, "lib/one", 1).unwrap();
    put(&mut root, a, "up/etc/two", 2).unwrap();
    put(&mut root, a, "abs/three", 3).unwrap();
    assert!(matches!(
        put(&mut root, a, "l1/four", 4),
        Err(InstallError::Loop(_))
    ));
    assert!(matches!(
        put(&mut root, a, "lib/one/five", 5),
        Err(InstallError::Parent { .. })
    ));
    assert!(matches!(
        put(&mut root, a, "usr", 6),
        Err(InstallError::Conflict { .. })
    ));
    assert_eq!(
        listing(root),
        "abs->/usr/lib etc/ etc/two=2 l1->l2 l2->l1 lib->usr/lib up->../../.. usr/ usr/lib/ \
         usr/lib/one=1 usr/lib/three=3"
    );
}

#[test]
fn hard_links_keep_their_content() {
    let link = |name: &str, target: &str| {
        Entry::new(
            path(name),
            EntryKind::Hardlink {
                target: path(target),
            },
            0o644,
        )
    };
    let mut root = Root::new();
    let (a, b) = (
        root.add_package(package("a", "", "")),
        root.add_package(package("b", "", "a")),
    );
    put(&mut root, a, "m", 1).unwrap();
    for name in ["b", "c", "z"] {
        root.insert(a, link(name, "m"), Some([1; 20]), None)
            .unwrap();
    }
    assert!(matches!(
        root.insert(a, link("y", "nowhere"), None, None),
        Err(InstallError::Hardlink { .. })
    ));
    put(&mut root, b, "m", 2).unwrap();
    assert_eq!(listing(root), "b=1 c=>b m=2 z=>b");

    let mut root = Root::new();
    let a = root.add_package(package("a", "", ""));
    put(&mut root, a, "m", 1).unwrap();
    for name in ["b", "c", "z"] {
        root.insert(a, link(name, "m"), Some([1; 20]), None)
            .unwrap();
    }
    assert_eq!(listing(root), "b=1 c=>b m=>b z=>b");
}

#[test]
fn the_database_lists_each_file_with_its_owner() {
    let mut root = Root::new();
    let bytes = sample_package();
    let mut reader = Reader::open(bytes.as_slice(), Limits::default()).unwrap();
    let record = InstalledPackage::from_package(&reader.header().control, bytes.len() as u64);
    let number = root.add_package(record);
    while let Some(entry) = reader.next_entry().unwrap() {
        let content = (entry.entry.size() > 0
            || matches!(entry.entry.kind, EntryKind::File { .. }))
        .then_some(0);
        root.insert(number, entry.entry.clone(), entry.sha1, content)
            .unwrap();
    }
    let other = root.add_package(package("other", "", "hello"));
    put(&mut root, other, "usr/share/empty", 9).unwrap();
    put(&mut root, other, "top", 9).unwrap();
    let installed = root.installed_file().unwrap();
    let (hello, other) = installed.split_once("\n\n").unwrap();
    assert!(hello.starts_with("C:Q1"), "{hello}");
    for part in [
        "\nP:hello\nV:2.12-r1\n",
        "\nF:usr\nR:disk\na:0:0:660\nR:null\na:0:0:666\nR:pipe\nF:usr/bin\nR:hello\na:0:0:4755\nZ:Q1",
        "\nF:usr/share\nM:1000:3000000:1777\n",
    ] {
        assert!(hello.contains(part), "{part:?} in {hello}");
    }
    assert!(!hello.contains("empty"));
    assert_eq!(
        other,
        "P:other\nV:1-r0\nA:\nS:0\nI:0\nT:\nr:hello\nF:\nR:top\nZ:Q1CQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\
         F:usr/share\nR:empty\nZ:Q1CQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n"
    );
    let world: Vec<_> = ["b", "a=1", "b"].map(|text| text.parse().unwrap()).into();
    assert_eq!(world_file(&world), "a=1\nb\n");
}
