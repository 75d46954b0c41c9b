//! Merging packages: apk's rules for files that several have, links, and the database.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use bessemer_apk::install::{
    Assembly, Contents, Database, InstallError, InstalledPackage, Item, Placed, Root, System,
    world_file, write_layer,
};
use bessemer_apk::package::Reader;
use bessemer_apk::{Entry, EntryKind, EntryPath, IndexEntry, Limits, Version};
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
        replaces,
        ..InstalledPackage::new(entry)
    }
}

fn put(root: &mut Root<u8>, number: usize, name: &str, content: u8) -> Result<(), InstallError> {
    let item = Item {
        sha1: Some([content; 20]),
        content: Some(content),
        ..Entry::file(path(name), 1, 0o644).into()
    };
    root.insert(number, item)
}

fn listing(root: Root<u8>) -> String {
    let lines = root
        .into_entries()
        .map(|Placed { entry, content, .. }| match entry.kind {
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
            "each replaces the other",
            package("a", "", "b"),
            package("b", "", "a"),
            (1, 2),
            Some((2, "b")),
        ),
        (
            "same origin, and the first replaces",
            package("a", "o", "b"),
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
        root.insert(a, Entry::symlink(path(name), target).into())
            .unwrap();
    }
    for name in ["usr", "usr/lib", "lib"] {
        root.insert(a, Entry::directory(path(name)).into()).unwrap();
    }
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
        let target = path(target);
        Item {
            sha1: Some([1; 20]),
            ..Entry::new(path(name), EntryKind::Hardlink { target }, 0o644).into()
        }
    };
    let mut root = Root::new();
    let (a, b) = (
        root.add_package(package("a", "", "")),
        root.add_package(package("b", "", "a")),
    );
    put(&mut root, a, "m", 1).unwrap();
    for name in ["b", "c", "z"] {
        root.insert(a, link(name, "m")).unwrap();
    }
    assert!(matches!(
        root.insert(a, link("y", "nowhere")),
        Err(InstallError::Hardlink { .. })
    ));
    put(&mut root, b, "m", 2).unwrap();
    assert_eq!(listing(root), "b=1 c=>b m=2 z=>b");

    let mut root = Root::new();
    let a = root.add_package(package("a", "", ""));
    put(&mut root, a, "m", 1).unwrap();
    for name in ["b", "c", "z"] {
        root.insert(a, link(name, "m")).unwrap();
    }
    assert_eq!(listing(root), "b=1 c=>b m=>b z=>b");
}

/// Of `name`: content, mode and modification time, on disk and in the database.
fn facts(root: Root<u8>, name: &str) -> (Option<u8>, u32, u64, String) {
    let database = root.database();
    let file = path(name);
    let listed = |one: &&bessemer_apk::install::InstalledFile| one.name == file.file_name();
    let owners: Vec<String> = database
        .records
        .iter()
        .flat_map(|record| record.directories.iter().map(move |one| (record, one)))
        .flat_map(|(record, one)| {
            one.files
                .iter()
                .filter(listed)
                .map(move |file| (record, file))
        })
        .map(|(record, file)| format!("{} {:o}", record.entry.name, file.owner.mode))
        .collect();
    let all: Vec<Placed<u8>> = root.into_entries().collect();
    let at = |path: &EntryPath| {
        all.iter()
            .find(|placed| placed.entry.path == *path)
            .unwrap()
    };
    let own = at(&file);
    let first = match &own.entry.kind {
        EntryKind::Hardlink { target } => at(target),
        _ => own,
    };
    assert_eq!(first.entry.mode, own.entry.mode, "{name}");
    let (mode, mtime) = (first.entry.mode, first.mtime);
    (first.content, mode, mtime, owners.join(" "))
}

/// Two packages in this order, where the first has the files and the second a link.
fn linked(
    first: (InstalledPackage, &[(&str, u8)]),
    second: (InstalledPackage, &[(&str, u8)]),
    link: (&str, &str),
) -> Root<u8> {
    let mut root = Root::new();
    for (package, files) in [first, second] {
        let number = root.add_package(package);
        for (name, content) in files {
            put(&mut root, number, name, *content).unwrap();
        }
    }
    let mut entry = Entry::new(
        path(link.0),
        EntryKind::Hardlink {
            target: path(link.1),
        },
        0o4755,
    );
    (entry.uid, entry.gid) = (1000, 1000);
    let item = Item {
        mtime: 99,
        ..entry.into()
    };
    root.insert(1, item).unwrap();
    root
}

#[test]
fn a_link_is_its_packages_own_file_and_changes_nothing() {
    let (a, b) = (|| package("a", "", "b"), || package("b", "", ""));
    // The first package's file is kept, whether it is the same or replaces the other.
    for (content, kept) in [(1, b()), (2, a())] {
        for name in ["l", "z"] {
            let first = (kept.clone(), &[("m", 1)][..]);
            let make = || {
                let second = if kept.entry.name == "a" { b() } else { a() };
                linked(first.clone(), (second, &[("m", content)]), (name, "m"))
            };
            let second = if kept.entry.name == "a" { "b" } else { "a" };
            let expected = |who: &str, what| (Some(what), 0o644, 0, format!("{who} 644"));
            assert_eq!(facts(make(), "m"), expected(&kept.entry.name, 1), "{name}");
            assert_eq!(facts(make(), name), expected(second, content), "{name}");
        }
    }
    // A file that the package took over.
    let make = || linked((b(), &[("m", 1)]), (a(), &[("m", 2)]), ("l", "m"));
    assert_eq!(facts(make(), "l"), (Some(2), 0o644, 0, "a 644".to_owned()));
    assert_eq!(listing(make()), "l=2 m=>l");
}

#[test]
fn a_link_to_another_packages_file_is_refused() {
    let mut root = Root::new();
    let (a, b) = (
        root.add_package(package("a", "", "")),
        root.add_package(package("b", "", "")),
    );
    put(&mut root, a, "m", 1).unwrap();
    let kind = EntryKind::Hardlink { target: path("m") };
    let result = root.insert(b, Entry::new(path("l"), kind, 0o644).into());
    assert!(
        matches!(result, Err(InstallError::Hardlink { .. })),
        "{result:?}"
    );
}

#[test]
fn the_names_of_a_file_share_its_attributes() {
    let make = |link: &str| {
        let mut root = Root::new();
        let a = root.add_package(package("a", "", ""));
        let mut file = Entry::file(path("m"), 1, 0o4750);
        file.xattrs.insert("user.x".into(), b"1".to_vec());
        let item = Item {
            content: Some(1),
            ..file.into()
        };
        root.insert(a, item).unwrap();
        let kind = EntryKind::Hardlink { target: path("m") };
        let link = Entry::new(path(link), kind, 0o644);
        root.insert(a, link.into()).unwrap();
        root
    };
    for link in ["l", "z"] {
        let database = make(link).database().render().unwrap();
        assert_eq!(database.matches("\na:0:0:4750:Q1").count(), 2, "{database}");
        let entries: Vec<_> = make(link).into_entries().map(|one| one.entry).collect();
        assert_eq!((entries[0].xattrs.len(), entries[1].xattrs.len()), (1, 0));
        assert_eq!((entries[0].mode, entries[1].mode), (0o4750, 0o4750));
    }
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
        let item = Item {
            sha1: entry.sha1,
            content,
            ..entry.entry.clone().into()
        };
        root.insert(number, item).unwrap();
    }
    let other = root.add_package(package("other", "", "hello"));
    put(&mut root, other, "usr/share/empty", 9).unwrap();
    put(&mut root, other, "top", 9).unwrap();
    let installed = root.database().render().unwrap();
    let (hello, other) = installed.split_once("\n\n").unwrap();
    assert!(hello.starts_with("C:Q1"), "{hello}");
    for part in [
        "\nP:hello\nV:2.12-r1\n",
        "\nF:usr\nR:disk\na:0:0:660\nR:null\na:0:0:666\nR:pipe\nF:usr/bin\nR:hello\na:0:0:4755:Q1",
        "\nF:usr/share\nM:1000:3000000:1777\n",
    ] {
        assert!(hello.contains(part), "{part:?} in {hello}");
    }
    assert!(!hello.contains("empty"));
    assert_eq!(
        other,
        "P:other\nV:1-r0\nA:\nS:0\nI:0\nT:\nU:\nL:\nr:hello\nF:\nR:top\nZ:Q1CQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\
         F:usr/share\nR:empty\nZ:Q1CQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n"
    );
    let world: Vec<_> = ["b", "a=1", "b"].map(|text| text.parse().unwrap()).into();
    assert_eq!(world_file(&world), "a=1\nb\n");
}

#[test]
fn the_database_has_the_paths_of_the_packages_and_apk_those_of_the_tree() {
    let mut root = Root::new();
    let base = root.add_package(package("base", "", ""));
    let other = root.add_package(package("other", "", ""));
    for name in ["usr", "usr/lib"] {
        root.insert(base, Entry::directory(path(name)).into())
            .unwrap();
    }
    root.insert(base, Entry::symlink(path("lib"), "usr/lib").into())
        .unwrap();
    root.insert(other, Entry::directory(path("lib")).into())
        .unwrap();
    put(&mut root, other, "lib/libx.so", 1).unwrap();
    let text = root.database().render().unwrap();
    let record = text.split("\n\n").nth(1).unwrap();
    assert!(record.contains("\nF:lib\nR:libx.so\nZ:"), "{record}");
    assert!(!record.contains("usr"), "{record}");
    assert_eq!(
        listing(root),
        "lib->usr/lib usr/ usr/lib/ usr/lib/libx.so=1"
    );
}

#[test]
fn a_directory_of_several_packages_is_as_strict_as_the_strictest() {
    for (first, second, expected) in [
        ((0, 0, 0o755), (0, 0, 0o700), (0, 0, 0o700)),
        ((0, 0, 0o1777), (0, 0, 0o755), (0, 0, 0o755)),
        ((5, 5, 0o700), (0, 9, 0o755), (0, 9, 0o755)),
        ((0, 1, 0o700), (0, 2, 0o777), (0, 1, 0o700)),
    ] {
        let mut root: Root<u8> = Root::new();
        for (name, (uid, gid, mode)) in [("a", first), ("b", second)] {
            let number = root.add_package(package(name, "", ""));
            let mut entry = Entry::directory(path("dir"));
            (entry.uid, entry.gid, entry.mode) = (uid, gid, mode);
            root.insert(number, entry.into()).unwrap();
        }
        let (found, _) = root.get(&path("dir")).unwrap();
        assert_eq!((found.uid, found.gid, found.mode), expected);
    }
}

#[test]
fn a_name_that_would_forge_lines_of_the_database_is_refused() {
    let mut root = Root::new();
    let a = root.add_package(package("a", "", ""));
    let forged = put(&mut root, a, "x\n\nP:evil\nV:1", 1);
    assert!(matches!(forged, Err(InstallError::Name(_))), "{forged:?}");
}

/// Keeps contents in memory.
struct Memory;

impl Contents for Memory {
    type Place = Vec<u8>;

    fn keep(&mut self, content: &mut dyn std::io::Read, _: u64) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn system() -> System {
    System {
        arch: "x86_64".into(),
        world: vec!["hello".parse().unwrap()],
        repositories: vec!["packages".into()],
        keys: [("k.rsa.pub".to_owned(), b"key".to_vec())].into(),
    }
}

fn sample_assembly() -> Assembly<Memory> {
    let bytes = sample_package();
    let reader = Reader::open(bytes.as_slice(), Limits::default()).unwrap();
    let entry = IndexEntry::from_package(&reader.header().control, 1);
    let mut assembly = Assembly::new(Memory);
    let summary = assembly.add(reader, &entry, Some("edge")).unwrap();
    assert_eq!(summary.file_size, bytes.len() as u64);
    assembly
}

#[test]
fn a_package_becomes_a_system_and_a_layer() {
    let (root, _) = sample_assembly().finish(&system()).unwrap();
    let content = |name: &str| {
        let (_, content) = root.get(&path(name)).unwrap();
        String::from_utf8_lossy(content.unwrap()).into_owned()
    };
    assert_eq!(content("etc/apk/world"), "hello\n");
    assert_eq!(content("etc/apk/arch"), "x86_64\n");
    assert_eq!(content("etc/apk/repositories"), "packages\n");
    assert_eq!(content("etc/apk/keys/k.rsa.pub"), "key");
    let database = content("usr/lib/apk/db/installed");
    assert!(database.contains("\ns:edge\n"), "{database}");
    let read = Database::parse(&database, Limits::default()).unwrap();
    assert_eq!(read, root.database());
    let scripts = content("usr/lib/apk/db/scripts.tar");
    assert!(scripts.starts_with("hello-2.12-r1.Q1"), "{scripts}");
    assert!(scripts.contains(".post-install\0"), "{scripts}");
    let kind = |name: &str| root.get(&path(name)).unwrap().0.kind.clone();
    assert_eq!(
        kind("lib/apk"),
        EntryKind::Symlink {
            target: "../usr/lib/apk".into()
        }
    );
    assert_eq!(
        kind("dev/null"),
        EntryKind::CharDevice { major: 1, minor: 3 }
    );

    let (mut layer, mut again) = (Vec::new(), Vec::new());
    write_layer(root, &mut layer).unwrap();
    write_layer(sample_assembly().finish(&system()).unwrap().0, &mut again).unwrap();
    assert!(layer == again, "the same packages gave two layers");
    assert_eq!(layer.len() % 512, 0);
    assert!(layer.ends_with(&[0; 1024]));
}

#[test]
fn what_the_index_does_not_mean_is_not_installed() {
    let bytes = sample_package();
    let open = || Reader::open(bytes.as_slice(), Limits::default()).unwrap();
    let good = IndexEntry::from_package(&open().header().control, 1);
    for (entry, message) in [
        (
            IndexEntry {
                checksum: None,
                ..good.clone()
            },
            "nothing vouches for it",
        ),
        (
            IndexEntry {
                checksum: Some([0; 20]),
                ..good.clone()
            },
            "is not the package that the index names",
        ),
        (
            IndexEntry {
                name: "other".into(),
                ..good
            },
            "says that it is hello-2.12-r1",
        ),
    ] {
        let error = Assembly::new(Memory).add(open(), &entry, None).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn what_is_in_the_way_of_the_system_is_named() {
    for (entry, message) in [
        (
            Entry::symlink(path("usr/lib/apk/db/installed"), "x"),
            "usr/lib/apk/db/installed is in a-1-r0.apk",
        ),
        (Entry::file(path("usr"), 1, 0o644), "usr is in a-1-r0.apk"),
        (
            Entry::file(path("lib/apk/x"), 1, 0o644),
            "lib/apk is in a-1-r0.apk",
        ),
    ] {
        let mut root = Root::new();
        let a = root.add_package(package("a", "", ""));
        let item = Item {
            content: Some(Vec::new()),
            ..entry.into()
        };
        root.insert(a, item).unwrap();
        let error = root.add_system(&system(), |bytes| Ok(bytes.to_vec()));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn lib_apk_leads_to_the_database_of_a_merged_usr() {
    let mut root = Root::new();
    let a = root.add_package(package("a", "", ""));
    root.insert(a, Entry::symlink(path("lib"), "usr/lib").into())
        .unwrap();
    root.add_system(&system(), |_| Ok(1)).unwrap();
    assert!(root.get(&path("lib/apk")).is_none());
    assert!(root.get(&path("usr/lib/apk/db/installed")).is_some());

    // Empty directories of a package give way to the link.
    let mut root = Root::new();
    let a = root.add_package(package("a", "", ""));
    for name in ["lib", "lib/apk", "lib/apk/db"] {
        root.insert(a, Entry::directory(path(name)).into()).unwrap();
    }
    root.add_system(&system(), |_| Ok(1)).unwrap();
    let (entry, _) = root.get(&path("lib/apk")).unwrap();
    assert!(matches!(entry.kind, EntryKind::Symlink { .. }));
}
