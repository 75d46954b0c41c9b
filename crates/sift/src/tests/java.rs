//! Key stores as real programs make them: `keytool` of a JDK, and OpenSSL.

use super::*;

/// A folder with the certificate in a file.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.pem"), PEM).unwrap();
    folder
}

/// The store that `keytool` makes of the certificate with these words.
fn store(words: &[&str]) -> Vec<u8> {
    let folder = folder();
    let mut all = vec!["-importcert", "-noprompt", "-alias", "proxy"];
    all.extend(["-file", "own.pem", "-keystore", "store"]);
    all.extend(words);
    in_folder("keytool", &all, folder.path());
    std::fs::read(folder.path().join("store")).unwrap()
}

#[test]
fn a_java_trust_store_is_found_in_each_format() {
    let changeit = ["-storepass", "changeit"];
    let jks = store(&[&changeit[..], &["-storetype", "JKS"]].concat());
    assert!(jks.starts_with(&[0xfe, 0xed, 0xfe, 0xed]));
    assert_eq!(find(&jks), Some(vec![]));
    let jceks = store(&[&changeit[..], &["-storetype", "JCEKS"]].concat());
    assert_eq!(find(&jceks), Some(vec![]));
    // What a JDK makes when nothing is said.
    let usual = store(&changeit);
    assert_eq!(find(&usual), Some(vec![Form::Sealed]));
    let pkcs12 = store(&[&changeit[..], &["-storetype", "PKCS12"]].concat());
    assert_eq!(find(&pkcs12), Some(vec![Form::Sealed]));
    assert_eq!(find(&zip(&pkcs12)), Some(vec![Form::Zip, Form::Sealed]));
    // As a JDK's own `cacerts` is since 18.
    let open = store(&[
        "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
        "-J-Dkeystore.pkcs12.macAlgorithm=NONE",
        "-storetype",
        "PKCS12",
        "-storepass",
        "changeit",
    ]);
    assert_eq!(find(&open), Some(vec![]));
}

/// What the page says is not found; a password of one's own is the control run of those above.
#[test]
fn another_password_and_old_ciphers_keep_a_store_shut() {
    assert_eq!(find(&store(&["-storepass", "another"])), None);
    let old = store(&[
        "-J-Dkeystore.pkcs12.legacy",
        "-storetype",
        "PKCS12",
        "-storepass",
        "changeit",
    ]);
    assert_eq!(find(&old), None);
}

#[test]
fn openssl_stores_are_opened_as_well() {
    for (password, cipher, found) in [
        ("changeit", "AES-256-CBC", true),
        ("changeit", "AES-128-CBC", true),
        ("", "AES-192-CBC", true),
        ("another", "AES-256-CBC", false),
    ] {
        let folder = folder();
        let password = format!("pass:{password}");
        let words = ["pkcs12", "-export", "-nokeys", "-in", "own.pem"];
        let more = ["-certpbe", cipher, "-passout", &password, "-out", "store"];
        in_folder("openssl", &[&words[..], &more].concat(), folder.path());
        let bytes = std::fs::read(folder.path().join("store")).unwrap();
        let expected = found.then(|| vec![Form::Sealed]);
        assert_eq!(find(&bytes), expected, "{password} {cipher}");
    }
}
