//! What servers publish about keys, read.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bessemer_apk::Keyring;
use bessemer_apk::discovery::{AlpineBranch, alpine_keys, jwks_uri, read_jwks};
use proptest::prelude::*;

#[test]
fn alpines_repositories_are_known_by_their_url() {
    let cases = [
        (
            "https://dl-cdn.alpinelinux.org/alpine/v3.20/main",
            Some("v3.20"),
        ),
        (
            "http://mirror.example/pub/alpine/edge/community/",
            Some("edge"),
        ),
        ("https://packages.example/os", None),
        ("https://host.example/alpine/v3.20", None),
        ("https://host.example/alpine/v3.20/main/x86_64", None),
        ("/srv/alpine/v3.20/main", None),
        ("ftp://host.example/alpine/v3.20/main", None),
    ];
    for (url, expected) in cases {
        let branch = AlpineBranch::of_repository(url).map(|branch| branch.to_string());
        assert_eq!(branch.as_deref(), expected, "{url}");
    }
}

const RELEASES: &str = r#"{"architectures": ["x86_64"], "latest_stable": "v3.20", "release_branches": [
  {"rel_branch": "v3.20", "git_branch": "3.20-stable", "keys": {"x86_64": [
    {"url": "https://keys.example/devel%40lists-1.rsa.pub"},
    {"url": "https://keys.example/devel%20lists-2.rsa.pub", "deprecated_since": "2026-11-29"},
    {"url": "https://keys.example/old.rsa.pub", "deprecated_since": "2026-11-28"}]}},
  {"rel_branch": "v3.19", "keys": {"x86_64": [{"url": "https://keys.example/.."}]}}]}"#;

#[test]
fn alpines_keys_are_those_of_the_branch_that_are_in_use() {
    let keys = |branch: &str, arch: &str| {
        let url = format!("https://host/alpine/{branch}/main");
        let branch = AlpineBranch::of_repository(&url).unwrap();
        alpine_keys(RELEASES.as_bytes(), &branch, arch, "2026-11-28").map_err(|e| e.to_string())
    };
    let named = |name: &str, url: &str| (name.to_owned(), url.to_owned());
    assert_eq!(
        keys("v3.20", "x86_64").unwrap(),
        [
            named(
                "devel@lists-1.rsa.pub",
                "https://keys.example/devel%40lists-1.rsa.pub"
            ),
            named(
                "devel@lists-2.rsa.pub",
                "https://keys.example/devel@lists-2.rsa.pub"
            ),
        ]
    );
    for (branch, arch) in [("v3.20", "s390x"), ("v9", "x86_64")] {
        let expected = format!("no keys are published for Alpine {branch} on {arch}");
        assert_eq!(keys(branch, arch), Err(expected));
    }
    assert!(
        keys("v3.19", "x86_64")
            .unwrap_err()
            .starts_with("key .. is not")
    );
}

/// Modulus and exponent of a public key in PEM, whose layout is known for 2048 bits and more.
fn numbers(pem: &str) -> (Vec<u8>, Vec<u8>) {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).unwrap();
    // 4 + 15 bytes of wrapping, 4 + 1 of the bit string, 4 of the sequence, 4 of the modulus.
    let modulus = usize::from(u16::from_be_bytes([der[30], der[31]]));
    let exponent = &der[32 + modulus..];
    (der[32..32 + modulus].to_vec(), exponent[2..].to_vec())
}

#[test]
fn a_key_set_gives_the_keys_as_files_have_them() {
    let pem = include_str!("data/rsa-4096.pub");
    let (modulus, exponent) = numbers(pem);
    let set = format!(
        r#"{{"keys": [{{"kty": "RSA", "kid": "wolfi-1", "alg": "RS256", "n": "{}", "e": "{}"}}]}}"#,
        // A modulus may come with or without its leading zero.
        URL_SAFE_NO_PAD.encode(&modulus[1..]),
        URL_SAFE_NO_PAD.encode(&exponent)
    );
    let keys = read_jwks(set.as_bytes()).unwrap();
    assert_eq!(keys[0].file_name, "wolfi-1.rsa.pub");
    assert_eq!(keys[0].pem, pem);
    Keyring::new()
        .add(&keys[0].file_name, &keys[0].pem)
        .unwrap();
}

#[test]
fn what_is_no_key_is_refused() {
    for (set, message) in [
        ("[]", "the answer is not a JSON Web Key Set"),
        (
            r#"{"keys": [{"kty": "EC", "kid": "a"}]}"#,
            "key a is not an RSA key",
        ),
        (
            r#"{"keys": [{"kty": "RSA", "n": "AQ", "e": "AQAB"}]}"#,
            "key  is not an RSA key",
        ),
        (
            r#"{"keys": [{"kty": "RSA", "kid": "../a", "n": "AQ", "e": "AQ"}]}"#,
            "key ../a is not",
        ),
        (
            r#"{"keys": [{"kty": "RSA", "kid": "a", "n": "=", "e": "AQ"}]}"#,
            "key a is not",
        ),
        (
            r#"{"keys": [{"kty": "RSA", "kid": "a", "n": "AA", "e": "AQ"}]}"#,
            "key a is not",
        ),
    ] {
        let error = read_jwks(set.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{set}: {error}");
    }
    let many = vec![r#"{"kty": "RSA", "kid": "a"}"#; 65].join(",");
    let error = read_jwks(format!(r#"{{"keys": [{many}]}}"#).as_bytes());
    assert_eq!(
        error.unwrap_err().to_string(),
        "more than 64 keys are named"
    );
    assert_eq!(
        jwks_uri(br#"{"jwks_uri": "https://a/b"}"#).unwrap(),
        "https://a/b"
    );
    assert!(jwks_uri(b"{}").is_err());
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(text in "[\\PC]{0,60}", kid in "\\PC{0,8}", n in "[A-Za-z0-9_=-]{0,20}") {
        let key = serde_json::json!({"keys": [{"kty": "RSA", "kid": kid, "n": n, "e": "AQAB"}]});
        for key in read_jwks(key.to_string().as_bytes()).into_iter().flatten() {
            prop_assert!(!key.file_name.contains('/') && !key.file_name.starts_with('.'));
        }
        let branch = AlpineBranch::of_repository("https://h/alpine/a/b").unwrap();
        let _ = alpine_keys(text.as_bytes(), &branch, "x86_64", "2026-11-28");
        let _ = jwks_uri(text.as_bytes());
        let _ = read_jwks(text.as_bytes());
    }
}
