use super::*;
use std::fs;

fn paths(collector: Collector) -> Vec<String> {
    let (files, _) = collector.finish();
    files.into_iter().map(|file| file.path).collect()
}

fn tree(files: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "text").unwrap();
    }
    directory
}

fn collector(depth: Depth) -> Collector {
    Collector::new(depth, Limits::default(), [])
}

#[test]
fn how_deep_a_directory_is_looked_at() {
    let source = tree(&[
        "LICENSE",
        "README",
        "sub/LICENSE",
        "sub/nested/LICENSE",
        "vendor/LICENSE",
        "sub/vendor/LICENSE",
        "env/LICENSE",
    ]);
    let found = |depth| {
        let mut collector = collector(depth);
        collector
            .directory(source.path(), &Placement::default())
            .unwrap();
        paths(collector)
    };
    assert_eq!(found(Depth::Shallow), ["LICENSE", "sub/LICENSE"]);
    assert_eq!(
        found(Depth::Deep),
        [
            "LICENSE",
            "sub/LICENSE",
            "sub/nested/LICENSE",
            "sub/vendor/LICENSE",
            "vendor/LICENSE"
        ]
    );
}

#[test]
fn links_are_not_followed() {
    let outside = tree(&["LICENSE"]);
    let source = tree(&["a/COPYING"]);
    let link = std::os::unix::fs::symlink;
    link(
        outside.path().join("LICENSE"),
        source.path().join("LICENSE"),
    )
    .unwrap();
    link(outside.path().to_owned(), source.path().join("b")).unwrap();
    let mut collector = collector(Depth::Deep);
    collector
        .directory(source.path(), &Placement::default())
        .unwrap();
    assert_eq!(paths(collector), ["a/COPYING"]);
}

#[test]
fn declared_files_count_whatever_their_name() {
    let mut collector =
        Collector::new(Depth::Shallow, Limits::default(), ["a/b/README".to_owned()]);
    for path in ["a/b/README", "a/README"] {
        collector.file(path.to_owned(), &mut &b"x"[..]).unwrap();
    }
    assert_eq!(paths(collector), ["a/b/README"]);
}

#[test]
fn limits_hold() {
    let limits = Limits {
        entries: 2,
        file: 4,
        kept: 10,
        ..Limits::default()
    };
    let mut collector = Collector::new(Depth::Deep, limits, []);
    let mut offer = |path: &str, text: &str| collector.file(path.to_owned(), &mut text.as_bytes());
    offer("LICENSE", "four").unwrap();
    offer("COPYING", "five5").unwrap();
    offer("a/LICENSE", "four").unwrap();
    assert!(offer("b/LICENSE", "four").is_err());
    let (files, too_large) = collector.finish();
    assert_eq!((files.len(), too_large), (2, vec!["COPYING".to_owned()]));
    let source = tree(&["1", "2", "3"]);
    let mut collector = Collector::new(Depth::Deep, limits, []);
    let error = collector.directory(source.path(), &Placement::default());
    assert!(matches!(
        error,
        Err(ArchiveError::Limit {
            what: "entries",
            ..
        })
    ));
}

#[test]
fn where_files_end_up() {
    for (folder, strip, path, expected) in [
        ("", 0, "LICENSE", Some("LICENSE")),
        ("", 1, "a-1.0/LICENSE", Some("LICENSE")),
        ("./x/", 1, "./a-1.0/b//LICENSE", Some("x/b/LICENSE")),
        ("", 1, "LICENSE", None),
        ("", 0, "../LICENSE", None),
        ("", 1, "../LICENSE", Some("LICENSE")),
        ("..", 0, "LICENSE", None),
        ("", 0, "/etc/LICENSE", Some("etc/LICENSE")),
    ] {
        let placement = Placement {
            folder: folder.to_owned(),
            strip,
        };
        assert_eq!(placement.place(path).as_deref(), expected, "{path}");
    }
}
