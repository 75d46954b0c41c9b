//! Key files that a person names: `keygen` and `rsa-sign`, checked with openssl.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn signer() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bessemer-signer"))
}

fn keygen(path: &Path) -> Output {
    let mut command = signer();
    command.args(["keygen", "--key-size", "2048"]).arg(path);
    command.output().unwrap()
}

fn rsa_sign(key: &Path, message: &[u8]) -> Output {
    let mut child = signer()
        .args(["rsa-sign", "--key"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A signer that refuses the key does not read the message.
    let _ = child.stdin.take().unwrap().write_all(message);
    child.wait_with_output().unwrap()
}

#[test]
fn openssl_verifies_what_a_made_key_signs() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("local.rsa");
    let made = keygen(&key);
    assert!(made.status.success(), "{made:?}");
    let message = b"control member";
    let signed = rsa_sign(&key, message);
    assert!(signed.status.success(), "{signed:?}");
    let (signature, text) = (
        directory.path().join("signature"),
        directory.path().join("message"),
    );
    std::fs::write(&signature, &signed.stdout).unwrap();
    let verify = |message: &[u8]| {
        std::fs::write(&text, message).unwrap();
        Command::new("openssl")
            .args(["dgst", "-sha256", "-verify"])
            .arg(directory.path().join("local.rsa.pub"))
            .arg("-signature")
            .arg(&signature)
            .arg(&text)
            .output()
            .unwrap()
    };
    let verified = verify(message);
    assert!(verified.status.success(), "{verified:?}");
    assert!(!verify(b"another member").status.success());
}

#[test]
fn a_key_that_openssl_made_signs_too() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("openssl.rsa");
    let made = Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048")
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let signed = rsa_sign(&key, b"message");
    assert!(signed.status.success(), "{signed:?}");
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-sign"])
        .arg(&key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(b"message").unwrap();
    let expected = openssl.wait_with_output().unwrap().stdout;
    assert_eq!(signed.stdout, expected);
}

#[test]
fn says_in_one_line_why_not() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("local.rsa");
    assert!(keygen(&key).status.success());
    let again = keygen(&key);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(again.stderr).unwrap(),
        format!(
            "`{}` is there already; remove it or choose another name\n",
            key.display()
        )
    );
    let missing = directory.path().join("missing.rsa");
    let refused = rsa_sign(&missing, b"message");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(refused.stderr).unwrap(),
        format!(
            "cannot use `{}`: No such file or directory (os error 2)\n",
            missing.display()
        )
    );
    let public = directory.path().join("local.rsa.pub");
    let refused = rsa_sign(&public, b"message");
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("not a PEM private key"), "{text}");
    assert!(refused.stdout.is_empty());
}
