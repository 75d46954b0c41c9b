use super::*;
use std::io::{SeekFrom, Write as _};

/// What a test archive holds: name, type, link target, contents.
type Item<'a> = (&'a str, EntryType, &'a str, &'a [u8]);

fn file_with(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

/// Writes raw headers, so that names the `tar` crate would refuse can be tested.
fn archive(items: &[Item<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, kind, link, contents) in items {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(contents.len() as u64);
        header.set_mode(0o104_755);
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_cksum();
        bytes.extend(header.as_bytes());
        bytes.extend(*contents);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn scan(items: &[Item<'_>], limits: &Limits) -> Result<Tree, ScanError> {
    Archive::scan(file_with(&archive(items)), limits)
}

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const SYMLINK: EntryType = EntryType::Symlink;
const HARDLINK: EntryType = EntryType::Link;

#[test]
fn keeps_contents_where_they_are() {
    let tree = scan(
        &[
            ("./", DIRECTORY, "", b""),
            ("./usr/", DIRECTORY, "", b""),
            ("./usr/a", FILE, "", b"hello"),
            ("./usr/b", HARDLINK, "./usr/a", b""),
            ("./usr/c", SYMLINK, "../../a", b""),
        ],
        &Limits::default(),
    )
    .unwrap();
    let paths: Vec<_> = tree.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(paths, ["usr", "usr/a", "usr/b", "usr/c"]);
    for name in ["usr/a", "usr/b"] {
        let node = tree.find(name).unwrap();
        assert_eq!(tree.read(node, 10).unwrap().unwrap(), b"hello", "{name}");
        assert_eq!((node.entry.mode, node.entry.uid), (0o4755, 1000));
    }
    let sub = tree.subtree(&EntryPath::new("usr").unwrap());
    assert_eq!(
        sub.read(sub.find("b").unwrap(), 10).unwrap().unwrap(),
        b"hello"
    );
}

#[test]
fn long_names_and_pax_records_apply_to_one_entry() {
    let long = "d/".repeat(60) + "name";
    let record = |key: &str, value: &str| {
        let body = format!(" {key}={value}\n");
        let length = (1..100)
            .find(|n: &usize| n.to_string().len() + body.len() == *n)
            .unwrap();
        format!("{length}{body}")
    };
    let pax = record("path", "from/pax")
        + &record("SCHILY.xattr.user.x", "v")
        + &record("SCHILY.xattr.trusted.y", "v");
    let tree = scan(
        &[
            (
                "././@LongLink",
                EntryType::GNULongName,
                "",
                format!("{long}\0").as_bytes(),
            ),
            ("short", FILE, "", b"1"),
            ("pax", EntryType::XHeader, "", pax.as_bytes()),
            ("short", FILE, "", b"2"),
            ("plain", FILE, "", b"3"),
        ],
        &Limits::default(),
    )
    .unwrap();
    assert!(tree.find(&long).is_some() && tree.find("plain").is_some());
    let node = tree.find("from/pax").unwrap();
    assert_eq!(node.entry.xattrs.keys().collect::<Vec<_>>(), ["user.x"]);
}

#[test]
fn refuses_what_no_package_holds() {
    let long = "n".repeat(40);
    let cases: &[(&str, &[Item<'_>])] = &[
        ("component", &[("../x", FILE, "", b"")]),
        ("component", &[("a/../b", FILE, "", b"")]),
        ("absolute", &[("/etc/passwd", FILE, "", b"")]),
        ("empty or absolute", &[("", FILE, "", b"")]),
        ("control character", &[("a\nb", FILE, "", b"")]),
        ("too long", &[(&long, FILE, "", b"")]),
        (
            "occurs twice",
            &[("a", FILE, "", b""), ("./a", FILE, "", b"")],
        ),
        (
            "occurs twice",
            &[("a", DIRECTORY, "", b""), ("a", SYMLINK, "/", b"")],
        ),
        (
            "beneath `a`",
            &[("a", SYMLINK, "/etc", b""), ("a/b", FILE, "", b"")],
        ),
        (
            "beneath `a`",
            &[("a", FILE, "", b""), ("a/b/c", FILE, "", b"")],
        ),
        (
            "no directory",
            &[("a/b", FILE, "", b""), ("a", SYMLINK, "/etc", b"")],
        ),
        (
            "not an earlier",
            &[("a", HARDLINK, "b", b""), ("b", FILE, "", b"")],
        ),
        (
            "not an earlier",
            &[
                ("a", SYMLINK, "/etc/passwd", b""),
                ("b", HARDLINK, "a", b""),
            ],
        ),
        ("without a target", &[("a", SYMLINK, "", b"")]),
        ("only regular files", &[("a", SYMLINK, "b", b"x")]),
        (
            "unexpected tar type",
            &[("a", EntryType::GNUSparse, "", b"x")],
        ),
    ];
    let limits = Limits {
        name: 30,
        ..Limits::default()
    };
    for (message, items) in cases {
        let error = scan(items, &limits).unwrap_err().to_string();
        assert!(error.contains(message), "{message}: {error}");
    }
}

/// GNU tar with the checks of names off, as a builder would use it that trusts its guest.
#[test]
fn control_run_unpacked_without_looking_the_same_names_write_outside() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["inside", "outside"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    let outside = at("outside").display().to_string();
    let absolute = format!("{outside}/absolute");
    let items: [(&str, &[Item<'_>]); 4] = [
        ("climbed", &[("../outside/climbed", FILE, "", b"x")]),
        ("absolute", &[(&absolute, FILE, "", b"x")]),
        (
            "through-a-link",
            &[
                ("link", SYMLINK, &outside, b""),
                ("link/through-a-link", FILE, "", b"x"),
            ],
        ),
        (
            "through-a-name",
            &[
                ("other", SYMLINK, "../outside", b""),
                ("other/through-a-name", FILE, "", b"x"),
            ],
        ),
    ];
    for (name, items) in items {
        assert!(scan(items, &Limits::default()).is_err(), "{name}");
        std::fs::write(at("hostile.tar"), archive(items)).unwrap();
        let mut command = std::process::Command::new("tar");
        command
            .args(["--absolute-names", "-xf"])
            .arg(at("hostile.tar"));
        let status = command.arg("-C").arg(at("inside")).status().unwrap();
        assert!(status.success(), "{name}");
        assert_eq!(std::fs::read(at("outside").join(name)).unwrap(), b"x");
    }
}

#[test]
fn limits_are_errors() {
    let items: &[Item<'_>] = &[("a", FILE, "", b"12345"), ("b", FILE, "", b"12345")];
    for limits in [
        Limits {
            entries: 1,
            ..Limits::default()
        },
        Limits {
            total_size: 9,
            ..Limits::default()
        },
    ] {
        assert!(matches!(scan(items, &limits), Err(ScanError::Limit { .. })));
    }
    let items: &[Item<'_>] = &[("x", EntryType::XHeader, "", &[b'x'; 600])];
    let limits = Limits {
        extension: 512,
        ..Limits::default()
    };
    assert!(matches!(scan(items, &limits), Err(ScanError::Limit { .. })));
}

#[test]
fn a_size_beyond_the_end_is_an_error() {
    let mut bytes = archive(&[("a", FILE, "", b"12345")]);
    bytes.truncate(514);
    assert!(Archive::scan(file_with(&bytes), &Limits::default()).is_err());
    let mut header = tar::Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(u64::MAX - 100);
    header.set_cksum();
    let limits = Limits {
        total_size: u64::MAX,
        ..Limits::default()
    };
    assert!(Archive::scan(file_with(header.as_bytes()), &limits).is_err());
}

/// Every entry of deep paths implies its directories; they must be paid for too.
#[test]
fn implied_directories_count_as_metadata() {
    let deep = |first: usize| format!("{first}/{}f", "d/".repeat(1000));
    let names: Vec<String> = (0..5).map(|first| deep(first) + "\0").collect();
    let pairs = names.iter().flat_map(|name| {
        [
            ("L", EntryType::GNULongName, "", name.as_bytes()),
            ("f", FILE, "", &b""[..]),
        ]
    });
    let items: Vec<Item<'_>> = pairs.collect();
    let limits = Limits {
        metadata: 4_000_000,
        ..Limits::default()
    };
    assert!(matches!(
        scan(&items, &limits),
        Err(ScanError::Limit { .. })
    ));
    assert_eq!(scan(&items, &Limits::default()).unwrap().len(), 5);
}

#[test]
fn an_archive_without_end_marker_is_unfinished() {
    let whole = archive(&[("a", FILE, "", b"12345"), ("b", FILE, "", b"")]);
    for length in [0, 1024, 1536] {
        let result = Archive::scan(file_with(&whole[..length]), &Limits::default());
        assert!(
            matches!(result, Err(ScanError::Unfinished { .. })),
            "{length}"
        );
    }
    let mut file = file_with(&whole);
    file.seek(SeekFrom::End(0)).unwrap();
    assert_eq!(Archive::scan(file, &Limits::default()).unwrap().len(), 2);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_survived(noise: Vec<u8>, edits in proptest::collection::vec((0_usize..2560, 0_u8..), 0..20)) {
        let _ = Archive::scan(file_with(&noise), &Limits::default());
        let mut bytes = archive(&[
            ("x", EntryType::XHeader, "", b"12 path=abc\n"),
            ("a", FILE, "", b"12345"),
        ]);
        for (at, value) in edits {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(tree) = Archive::scan(file_with(&bytes), &Limits::default()) {
            for (_, node) in tree.iter() {
                let _ = tree.read(node, 1 << 20);
            }
        }
    }
}
