use super::*;
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;

fn path(text: &str) -> EntryPath {
    EntryPath::new(text).unwrap()
}

fn metadata() -> Metadata {
    let info = PkgInfo {
        name: "x".into(),
        version: "1-r0".into(),
        arch: "x86_64".into(),
        depends: vec!["b".into(), "a".into(), "b".into()],
        ..PkgInfo::default()
    };
    Metadata {
        info,
        melange_yaml: Some(b"package:\n".to_vec()),
        ..Metadata::default()
    }
}

fn tree() -> Tree {
    let mut tree = Tree::new();
    tree.insert_file(path("usr/bin/z"), 0o755, b"contents".to_vec());
    let link = |target| EntryKind::Hardlink { target };
    tree.insert_entry(Entry::new(
        path("usr/bin/a"),
        link(path("usr/bin/z")),
        0o755,
    ));
    tree.insert_entry(Entry::new(path("run"), EntryKind::Directory, 0o1777));
    tree.insert_entry(Entry::new(path("run/pipe"), EntryKind::Fifo, 0o644));
    let mut owned = Entry::directory(path("var"));
    (owned.uid, owned.gid) = (1000, 7);
    tree.insert_entry(owned);
    tree
}

#[test]
fn what_is_written_reads_back() {
    let directory = tempfile::tempdir().unwrap();
    let added = BTreeMap::from([("var/sbom.json".to_owned(), b"{}".to_vec())]);
    let unsigned = emit(&metadata(), &tree(), &added, 5, directory.path()).unwrap();
    assert_eq!(unsigned.dropped, [path("run/pipe")]);
    assert_eq!(unsigned.info.depends, ["a", "b"]);
    let control_sha1 = unsigned.control_sha1;
    let file = directory.path().join("x.apk");
    let emitted = unsigned.attach(b"", &file).unwrap();
    assert_eq!(Digest::of(std::fs::read(&file).unwrap()), emitted.sha256);

    let mut reader = Reader::open(
        io::BufReader::new(File::open(&file).unwrap()),
        Limits::default(),
    )
    .unwrap();
    assert_eq!(reader.header().control.sha1, control_sha1);
    let mut seen = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let entry = entry.entry;
        seen.push((entry.path.to_string(), entry.kind, entry.uid, entry.gid));
    }
    let directory = EntryKind::Directory;
    assert_eq!(
        seen,
        [
            ("run".into(), directory.clone(), 0, 0),
            ("usr".into(), directory.clone(), 0, 0),
            ("usr/bin".into(), directory.clone(), 0, 0),
            ("usr/bin/a".into(), EntryKind::File { size: 8 }, 0, 0),
            (
                "usr/bin/z".into(),
                EntryKind::Hardlink {
                    target: path("usr/bin/a")
                },
                0,
                0
            ),
            ("var".into(), directory, 0, 7),
            ("var/sbom.json".into(), EntryKind::File { size: 2 }, 0, 0),
        ]
    );
}

#[test]
fn same_input_same_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    for name in ["a.apk", "b.apk"] {
        let unsigned = emit(&metadata(), &tree(), &BTreeMap::new(), 0, directory.path()).unwrap();
        let file = directory.path().join(name);
        unsigned.attach(b"signature", &file).unwrap();
        written.push(std::fs::read(file).unwrap());
    }
    assert_eq!(written[0], written[1]);
    assert!(written[0].starts_with(b"signature"));
}

#[test]
fn a_link_to_nothing_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut tree = Tree::new();
    let kind = EntryKind::Hardlink {
        target: path("outside"),
    };
    tree.insert_entry(Entry::new(path("a"), kind, 0o644));
    let result = emit(&metadata(), &tree, &BTreeMap::new(), 0, directory.path());
    assert!(matches!(
        result,
        Err(EmitError::Data(WriteError::Hardlink { .. }))
    ));
}
