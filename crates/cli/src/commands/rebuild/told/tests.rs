use super::*;
use bessemer_attest::documents::canonical_bytes;
use std::fs;

fn inputs(script: &str) -> GuestInputs {
    let filled = json!({"count": 0, "sha256": Digest::of("")});
    let value = json!({
        "schema": "bessemer.guest-inputs/v1", "command_line": ["quiet"],
        "disks": [{"name": "output", "size": 4096, "filled": filled}],
        "messages": [
            {"kind": "run", "id": "main/0", "argv": ["/bin/sh", "-c", script], "directory": "/home/build",
             "environment": {}, "timeout_seconds": 60},
            {"kind": "power-off"},
        ],
    });
    serde_json::from_value(value).unwrap()
}

/// Documents that are in a store, and one beside the package.
fn documents(folder: &Path, stored: &[&GuestInputs], beside: &GuestInputs) -> Documents {
    let store = Store::open(folder.join("store")).unwrap();
    for document in stored {
        let bytes = canonical_bytes(document).unwrap();
        store.insert(bytes.as_slice(), bytes.len() as u64).unwrap();
    }
    let file = folder.join(inputs_file("a", "1-r0"));
    fs::write(&file, canonical_bytes(beside).unwrap()).unwrap();
    Documents {
        store,
        beside: file,
    }
}

fn digest(document: &GuestInputs) -> Digest {
    bessemer_attest::documents::digest(document).unwrap()
}

#[test]
fn what_differs_is_said_where_both_documents_are_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (inputs("set -e\nmake\n"), inputs("set -e\nmake evil\n"));
    let both = documents(folder.path(), &[&new], &old);
    let told = Told::compare(Some(digest(&old)), Some(digest(&new)), &both).unwrap();
    let lines = told.lines();
    assert_eq!(
        lines[1..],
        [r#"messages[0].argv[2] was "make", is "make evil""#]
    );
    assert_eq!(told.to_json()["result"], "different");
    assert!(told.reason().is_some());
    // A file that is not the one that is named is not compared with.
    let other = tempfile::tempdir().unwrap();
    let wrong = documents(other.path(), &[&new], &inputs("x"));
    let told = Told::compare(Some(digest(&old)), Some(digest(&new)), &wrong).unwrap();
    let lines = told.lines();
    assert!(
        lines[1].contains("neither in the store nor beside"),
        "{lines:?}"
    );
}

#[test]
fn only_the_same_digest_proves_something() {
    let folder = tempfile::tempdir().unwrap();
    let one = inputs("make");
    let at_hand = documents(folder.path(), &[], &one);
    let compare = |before, after| Told::compare(before, after, &at_hand);
    let same = compare(Some(digest(&one)), Some(digest(&one))).unwrap();
    assert_eq!((same.reason(), same.lines().len()), (None, 1));
    assert_eq!(compare(None, Some(digest(&one))).unwrap(), Told::Unrecorded);
    assert!(Told::Unrecorded.reason().is_some());
    assert!(compare(Some(digest(&one)), None).is_err());
}

#[test]
fn every_kind_of_difference_has_its_place() {
    let one = inputs("make");
    let mut two = one.clone();
    two.command_line.push("init=/bin/sh".to_owned());
    two.disks[0].size += 1;
    two.messages.remove(0);
    let found = differences(&one, &two).unwrap();
    for said in [
        r#"command_line[1] was nothing, is "init=/bin/sh""#,
        "disks[0].size was 4096, is 4097",
        r#"messages[0].kind was "run", is "power-off""#,
        r#"messages[1] was {"kind":"power-off"}, is nothing"#,
    ] {
        assert!(found.iter().any(|line| line == said), "{said}: {found:?}");
    }
    let mut many = one.clone();
    many.command_line.extend((0..30).map(|it| it.to_string()));
    let found = differences(&one, &many).unwrap();
    assert_eq!(found.len(), SHOWN + 1);
    assert_eq!(found[SHOWN], "and 10 more");
}
