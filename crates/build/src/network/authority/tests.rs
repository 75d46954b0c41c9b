use super::*;
use crate::network::java;
use bessemer_apk::EntryPath;
use std::process::Command;

/// Of the kind that proxies make.
const PEM: &str = include_str!("certificate.pem");

fn own() -> Authority {
    Authority::of(PEM).unwrap()
}

fn tree(name: &str, bytes: Vec<u8>) -> Tree {
    let mut tree = Tree::new();
    let path = EntryPath::new("usr/share/other").unwrap();
    tree.insert_file(path, 0o644, vec![1; 5000]);
    tree.insert_file(EntryPath::new(name).unwrap(), 0o644, bytes);
    tree
}

#[test]
fn a_certificate_is_found_in_every_form() {
    let own = own();
    let der = own.der().to_vec();
    let long = |bytes: &[u8]| {
        // Across the end of a piece.
        let mut all = vec![b'.'; PIECE - 100];
        all.extend(bytes);
        all
    };
    let wrapped = |text: String, width: usize| -> Vec<u8> {
        let lines = text.as_bytes().chunks(width);
        lines.flat_map(|line| [line, b"\r\n"].concat()).collect()
    };
    let base64 = |before: usize| {
        let mut bytes = vec![b'x'; before];
        bytes.extend(&der);
        STANDARD.encode(bytes)
    };
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("bundle", PEM.as_bytes().to_vec()),
        ("der", der.clone()),
        ("far", long(&der)),
        ("far-pem", long(PEM.as_bytes())),
        ("jks", java::store(&der)),
        ("aligned", base64(0).into_bytes()),
        ("by-one", base64(1).into_bytes()),
        ("by-two", wrapped(base64(2), 76)),
        ("narrow", wrapped(base64(1), 7)),
        ("json", PEM.replace('\n', "\\n").into_bytes()),
        ("digits", hex::encode(&der).into_bytes()),
        ("upper", hex::encode_upper(&der).into_bytes()),
    ];
    for (name, bytes) in forms {
        let found = own.find(&tree(name, bytes)).unwrap();
        assert_eq!(found.map(|found| found.path).as_deref(), Some(name));
    }
}

#[test]
fn other_certificates_are_not_it() {
    let other = own().der().iter().rev().copied().collect::<Vec<u8>>();
    for bytes in [
        other,
        STANDARD.encode("text").into_bytes(),
        vec![0; 3 * PIECE],
    ] {
        assert_eq!(own().find(&tree("file", bytes)).unwrap(), None);
    }
    assert!(Authority::of("-----BEGIN CERTIFICATE-----\nAAAA\n").is_none());
    assert!(Authority::of("no certificate").is_none());
}

/// The JDK's own program reads what is written for Java.
#[test]
fn java_reads_its_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cacerts");
    std::fs::write(&path, java::store(own().der())).unwrap();
    let output = Command::new("keytool")
        .args(["-list", "-storepass", "changeit", "-keystore"])
        .arg(&path)
        .output()
        .expect("keytool is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("bessemer") && text.contains("trustedCertEntry"),
        "{text}"
    );
}
