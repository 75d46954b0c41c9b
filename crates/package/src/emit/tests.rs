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
    let emitted = unsigned
        .attach(b"", &file, &Scratch::new(file.parent().unwrap()))
        .unwrap();
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
        unsigned
            .attach(b"signature", &file, &Scratch::new(file.parent().unwrap()))
            .unwrap();
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

fn refusal(tree: &Tree, added: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let added = BTreeMap::from([(added.to_owned(), b"{}".to_vec())]);
    let result = emit(&metadata(), tree, &added, 0, directory.path());
    result.unwrap_err().to_string()
}

#[test]
fn names_of_metadata_are_refused() {
    for name in [
        ".PKGINFO",
        ".SIGN.RSA256.x.rsa.pub",
        ".hidden",
        ".hidden/file",
        ".post-install",
        ".pre-upgrade",
    ] {
        let mut tree = tree();
        tree.insert_file(path(name), 0o755, b"#!/bin/sh\n".to_vec());
        let first = name.split('/').next().unwrap();
        let error = refusal(&tree, "var/sbom.json");
        assert!(
            error.starts_with(&format!("the package cannot have `{first}`: apk takes")),
            "{error}"
        );
    }
    let mut tree = tree();
    tree.insert_file(path("etc/.hidden"), 0o644, b"x".to_vec());
    let directory = tempfile::tempdir().unwrap();
    emit(&metadata(), &tree, &BTreeMap::new(), 0, directory.path()).unwrap();
}

#[test]
fn an_added_file_cannot_lie_beneath_a_link_or_a_file() {
    let sbom = "var/lib/db/sbom/x.json";
    let mut linked = tree();
    linked.insert_entry(Entry::symlink(path("var/lib/db"), "../../../etc"));
    assert_eq!(
        refusal(&linked, sbom),
        "the package cannot have `var/lib/db/sbom`: `var/lib/db` is in the package and no directory"
    );
    let mut file = tree();
    file.insert_file(path("var"), 0o644, b"x".to_vec());
    assert_eq!(
        refusal(&file, sbom),
        "the package cannot have `var/lib`: `var` is in the package and no directory"
    );
    let mut directory = tree();
    directory.insert_file(path(sbom).join("deep").unwrap(), 0o644, b"x".to_vec());
    assert_eq!(
        refusal(&directory, sbom),
        "the package cannot have `var/lib/db/sbom/x.json/deep`: `var/lib/db/sbom/x.json` is in \
         the package and no directory"
    );
}

#[test]
fn overlay_attributes_are_refused() {
    for attribute in ["trusted.overlay.opaque", "user.overlay.whiteout"] {
        let mut tree = tree();
        let mut entry = Entry::directory(path("etc"));
        entry.xattrs.insert(attribute.to_owned(), b"y".to_vec());
        tree.insert_entry(entry);
        assert_eq!(
            refusal(&tree, "var/sbom.json"),
            format!("the package cannot have `etc` with the overlay attribute `{attribute}`")
        );
    }
    let mut tree = tree();
    let mut entry = Entry::directory(path("etc"));
    entry.xattrs.insert("user.overlays".to_owned(), vec![1]);
    tree.insert_entry(entry);
    let directory = tempfile::tempdir().unwrap();
    emit(&metadata(), &tree, &BTreeMap::new(), 0, directory.path()).unwrap();
}
