use super::*;
use crate::network::java;
use bessemer_apk::EntryPath;
use std::io::Write as _;
use std::process::Command;

/// Of the kind that proxies make.
const PEM: &str = include_str!("../../../../sift/src/tests/certificate.pem");

fn own() -> Certificate {
    Certificate::of(PEM).unwrap()
}

fn searched(name: &str, bytes: Vec<u8>) -> Result<(), AuthorityError> {
    let mut tree = Tree::new();
    let path = EntryPath::new("usr/share/other").unwrap();
    tree.insert_file(path, 0o644, vec![1; 5000]);
    tree.insert_file(EntryPath::new(name).unwrap(), 0o644, bytes);
    let folder = tempfile::tempdir().unwrap();
    search(&own(), &tree, folder.path())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_file_with_the_certificate_is_named() {
    let pem = PEM.as_bytes();
    for (name, bytes, said) in [
        ("bundle", pem.to_vec(), "in it, which"),
        ("cacerts", java::store(own().der()), "in it, which"),
        (
            "doc.gz.gz",
            gzip(&gzip(pem)),
            "in it (inside gzip, in that gzip), which",
        ),
    ] {
        let error = searched(name, bytes).unwrap_err().to_string();
        let start = format!("`{name}` has the certificate of this guest's network ");
        assert!(error.starts_with(&start) && error.contains(said), "{error}");
    }
    searched("bundle", pem.iter().rev().copied().collect()).unwrap();
}

#[test]
fn a_file_that_cannot_be_searched_is_named() {
    let nested = (0..8).fold(b"text".to_vec(), |bytes, _| gzip(&bytes));
    let error = searched("deep", nested).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot tell whether `deep` has"),
        "{error}"
    );
    assert!(matches!(
        error,
        AuthorityError::NotSearched {
            source: SearchError::Depth(_),
            ..
        }
    ));
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
