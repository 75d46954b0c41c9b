//! What registries answer, what Docker's configuration says, and names of images.

use crate::Target;
use crate::input::text;
use bessemer_registry::{Attestation, Challenge, DockerConfig, Reference, untrusted};

pub(crate) const REFERENCE: Target = Target {
    name: "registry_reference",
    run: reference,
    seeds: reference_seeds,
    words: &[
        "@sha256:",
        ":",
        "/",
        "..",
        "__",
        "localhost",
        "[::1]",
        "docker.io",
        "index.docker.io/",
    ],
};
pub(crate) const CHALLENGE: Target = Target {
    name: "registry_challenge",
    run: challenge,
    seeds: challenge_seeds,
    words: &[
        "Bearer ", "Basic ", "realm=\"", "\"", ", ", "\\\"", "scope=", "service=",
    ],
};
pub(crate) const DOCKER_CONFIG: Target = Target {
    name: "registry_docker_config",
    run: docker_config,
    seeds: docker_config_seeds,
    words: &[
        "\"auths\":{",
        "\"auth\":\"",
        "credHelpers",
        "credsStore",
        "https://",
        "/v1/",
        "{}",
        "==",
    ],
};
pub(crate) const MANIFEST: Target = Target {
    name: "registry_manifest",
    run: manifest,
    seeds: manifest_seeds,
    words: &[
        "\"layers\":[",
        "\"manifests\":[",
        "\"schemaVersion\":2",
        "mediaType",
        "\"subject\"",
        "null",
        "{}",
        "-1",
    ],
};
pub(crate) const ATTESTATION: Target = Target {
    name: "registry_attestation",
    run: attestation,
    seeds: attestation_seeds,
    words: &[
        "\"payload\":\"",
        "payloadType",
        "\"signatures\":[",
        "sig",
        "null",
        "==",
        "[]",
    ],
};

fn reference(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(reference) = text.parse::<Reference>() else {
        return;
    };
    let again: Reference = reference.to_string().parse().unwrap();
    assert_eq!(again, reference);
    // It stands in paths as it is.
    let path = reference.repository();
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    assert!(path.bytes().all(is_safe) && !path.contains("..") && !path.contains("//"));
    let host = reference.host();
    assert!(!host.contains(['/', '@', '?', '#']) && !host.contains(char::is_whitespace));
}

fn reference_seeds() -> Vec<Vec<u8>> {
    let digest = bessemer_digest::Digest::of(b"");
    let texts = [
        "alpine".to_owned(),
        "localhost:5000/a/b_c__d-e.f:1.0-r0".to_owned(),
        format!("[::1]:80/a@{digest}"),
        format!("ghcr.io/a/b:t@{digest}"),
    ];
    texts.map(String::into_bytes).to_vec()
}

fn challenge(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Some(Challenge::Bearer { realm, .. }) = Challenge::parse(text) {
        assert!(!realm.is_empty());
    }
}

fn challenge_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "Basic realm=\"registry\"",
        "Bearer realm=\"https://auth.example.com/token\",service=\"registry\",scope=\"repository:a/b:pull,push\"",
        "Digest a=b, Bearer realm = \"a\\\"b\" , error=invalid_token",
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

/// No helper is started: there is no folder to find one in.
fn docker_config(data: &[u8]) {
    let Ok(config) = DockerConfig::parse(data, &[]) else {
        return;
    };
    for image in ["alpine", "r.io/a/b", "localhost:5000/a"] {
        let _ = config.login(&image.parse().unwrap());
    }
}

fn docker_config_seeds() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"},"r.io/a":{"identitytoken":"t"}}}"#,
        r#"{"credHelpers":{"r.io":"cloud"},"credsStore":"desktop","auths":{"localhost:5000":{}}}"#,
    ];
    texts.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn manifest(data: &[u8]) {
    if let Ok(is_same) = untrusted::manifest(data) {
        assert!(is_same);
    }
}

fn manifest_seeds() -> Vec<Vec<u8>> {
    let digest = bessemer_digest::Digest::of(b"");
    let blob = format!(
        r#"{{"mediaType":"a/b","digest":"{digest}","size":0,"annotations":{{"a":"b"}},"x":[1]}}"#
    );
    let texts = [
        format!(
            r#"{{"schemaVersion":2,"config":{blob},"layers":[{blob},{blob}],"subject":{blob}}}"#
        ),
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{blob}]}}"#
        ),
    ];
    texts.map(String::into_bytes).to_vec()
}

fn attestation(data: &[u8]) {
    if let Ok(read) = Attestation::read(data) {
        assert_eq!(read.envelope(), data);
    }
}

fn attestation_seeds() -> Vec<Vec<u8>> {
    // {"_type":"https://in-toto.io/Statement/v1","predicateType":"p","subject":[{"digest":{"sha256":"…"}}]}
    let payload = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJwcmVkaWNhdGVUeXBlIjoicCIsInN1YmplY3QiOlt7ImRpZ2VzdCI6eyJzaGEyNTYiOiJlM2IwYzQ0Mjk4ZmMxYzE0OWFmYmY0Yzg5OTZmYjkyNDI3YWU0MWU0NjQ5YjkzNGNhNDk1OTkxYjc4NTJiODU1In19XX0=";
    let text = format!(
        r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{payload}","signatures":[{{"keyid":"","sig":"AAAA"}}]}}"#
    );
    let read = Attestation::read(text.as_bytes());
    assert!(read.is_ok(), "{read:?}");
    vec![text.into_bytes()]
}
