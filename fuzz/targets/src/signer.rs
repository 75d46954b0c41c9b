//! The signer's side: requests on its socket, key files; and where sources come from.

use crate::Target;
use crate::input::{choice, seed, text};
use bessemer_apk::Keyring;
use bessemer_signer::{RsaKey, StatementKey, Vault, generate_rsa, untrusted};
use bessemer_store::{Sha512, Uri};
use std::sync::{Mutex, OnceLock};

pub(crate) const FRAME: Target = Target {
    name: "signer_frame",
    run: frame,
    seeds: frame_seeds,
    words: &[
        "\"request\":",
        "\"finish\"",
        "null",
        "\0\0\0",
        "18446744073709551615",
        "{}",
        "[]",
    ],
};
pub(crate) const COSIGN_KEY: Target = Target {
    name: "signer_cosign_key",
    run: cosign_key,
    seeds: cosign_key_seeds,
    words: &["-----BEGIN ", "-----END ", "-----\n", "==", "\n"],
};
pub(crate) const PEM: Target = Target {
    name: "signer_pem",
    run: pem,
    seeds: pem_seeds,
    words: &[
        "-----BEGIN ",
        "-----END ",
        "PRIVATE KEY",
        "RSA ",
        "-----\n",
        "==",
        "\n",
    ],
};
pub(crate) const URI: Target = Target {
    name: "store_uri",
    run: uri,
    seeds: uri_seeds,
    words: &[
        "https://", "file://", "@", "/", "?", "#", "%2e", "..", ":", "[::1]",
    ],
};

/// Requests as they come on the socket, with their lengths.
fn frame(data: &[u8]) {
    // More would fill the socket's buffer before anybody reads.
    if data.len() <= 64 * 1024 {
        untrusted::requests(data).unwrap();
    }
}

const PASSWORD: &str = "password";

/// The derived key is kept while the salt is the seed's, so that most inputs cost no scrypt.
fn vault() -> &'static Mutex<(Vault, String)> {
    static VAULT: OnceLock<Mutex<(Vault, String)>> = OnceLock::new();
    VAULT.get_or_init(|| {
        let mut vault = Vault::new(PASSWORD);
        let key = StatementKey::generate().unwrap().to_pkcs8().unwrap();
        let text = vault.seal(&key).unwrap();
        Mutex::new((vault, text))
    })
}

/// 0: the text of a key file; 1: the JSON in one.
fn cosign_key(data: &[u8]) {
    let Some((kind, rest)) = choice(data) else {
        return;
    };
    let mut state = vault().lock().unwrap();
    let vault = &mut state.0;
    let wrapped;
    let text = if kind == 0 {
        let Some(text) = text(rest) else { return };
        text
    } else {
        wrapped = bessemer_attest::encode_pem("ENCRYPTED SIGSTORE PRIVATE KEY", rest);
        &wrapped
    };
    if let Ok(opened) = vault.open(text) {
        let again = vault.seal(&opened).unwrap();
        assert_eq!(vault.open(&again).unwrap(), opened);
    }
}

fn pem(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(key) = RsaKey::from_pem(text) {
        let public = key.public_pem().unwrap();
        Keyring::new().add("key.rsa.pub", &public).unwrap();
    }
    let _ = Keyring::new().add("key.rsa.pub", text);
    for label in ["PUBLIC KEY", "PRIVATE KEY", "RSA PRIVATE KEY"] {
        if let Ok(body) = bessemer_attest::decode_pem(label, text) {
            let again = bessemer_attest::encode_pem(label, &body);
            assert_eq!(bessemer_attest::decode_pem(label, &again).unwrap(), body);
        }
    }
}

fn uri(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let _ = Sha512::from_hex(text);
    let _ = text.parse::<Uri>();
    if text.contains(['#', 'S']) {
        return;
    }
    // Whatever host and path are, password and query are not shown.
    let secret = format!("https://user:SECRET@{text}?token=SECRET");
    if let Ok(uri) = secret.parse::<Uri>() {
        let shown = uri.to_string();
        assert!(!shown.contains("SECRET"), "{text:?} is shown as {shown:?}");
    }
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let frame = |json: &str| {
        let length = u32::try_from(json.len()).unwrap().to_be_bytes();
        [&length[..], json.as_bytes()].concat()
    };
    vec![
        frame(r#"{"request":"describe"}"#),
        [
            frame(r#"{"request":"register"}"#),
            frame(r#"{"request":"sign-control","invocation_id":"0123"}"#),
        ]
        .concat(),
        frame(r#"{"request":"finish","locks":1,"logs":1,"outputs":2,"signature_sizes":[1,2]}"#),
        frame(r#"{"request":"sign-index","repository":"packages"}"#),
        frame(r#"{"request":"sign-summary","file":"a.apk","resource_uri":"r","policy":{}}"#),
    ]
}

fn cosign_key_seeds() -> Vec<Vec<u8>> {
    let text = vault().lock().unwrap().1.clone();
    let label = "ENCRYPTED SIGSTORE PRIVATE KEY";
    let body = bessemer_attest::decode_pem(label, &text).unwrap();
    vec![seed(0, text), seed(1, body)]
}

fn pem_seeds() -> Vec<Vec<u8>> {
    let files = generate_rsa(2048).unwrap();
    vec![
        files.private_pem.into_bytes(),
        files.public_pem.into_bytes(),
    ]
}

fn uri_seeds() -> Vec<Vec<u8>> {
    [
        "https://user:word@example.org:8080/a/b.tar.gz?token=word#x",
        "example.org:8080/a/b.tar.gz",
        "file:///a/b",
        "http://[::1]/x",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
