//! What is attached here, read by cosign 2 and cosign 3; what they attached, kept here.

use crate::support::{Cosign, Key, Log, PROVENANCE, SPDX, connect, reference, write_image};
use bessemer_digest::Digest;
use bessemer_registry::{Registry, Tag};
use bessemer_testkit::ImageRegistry;
use std::sync::Arc;

/// An image with provenance, SBOM, signature and evidence on the index and on every manifest, tagged `1`.
struct Published {
    server: ImageRegistry,
    key: Key,
    registry: Registry,
    log: Arc<Log>,
    manifests: Vec<Digest>,
    index: Digest,
}

fn publish(cosign: &Cosign) -> Published {
    let server = ImageRegistry::start();
    let key = Key::made_by(cosign);
    let image = write_image(7, 20_000);
    let log = Arc::new(Log::default());
    let name = server.name("team/image");
    let registry = connect(&name, log.clone());
    let pushed = registry.push_layout(&image.layout).unwrap();
    let manifests: Vec<Digest> = pushed.manifests.iter().map(|one| one.digest).collect();
    for digest in &manifests {
        let outcome = registry
            .attach_attestations(digest, &key.attestations(digest))
            .unwrap();
        assert_eq!((outcome.count, outcome.writes), (2, 1));
        let outcome = registry
            .attach_signature(&key.signature(&name, digest))
            .unwrap();
        assert_eq!((outcome.count, outcome.writes), (1, 1));
        // What refers to a manifest and is no bundle of Sigstore's hides nothing from cosign 3.
        registry.attach_evidence(digest, b"a bundle").unwrap();
    }
    registry.tag(&pushed.digest, &"1".parse().unwrap()).unwrap();
    Published {
        server,
        key,
        registry,
        log,
        manifests,
        index: image.index,
    }
}

/// Everything that a customer does, on one image and its platforms.
fn check(cosign: &Cosign, key: &Key, image: &str) {
    let pipeline = format!(
        "cosign download attestation --predicate-type={PROVENANCE} {image} | jq -r .payload | base64 -d | jq .predicate"
    );
    let output = cosign.shell(&pipeline);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{pipeline}: {said}");
    let predicate: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let builder = &predicate["runDetails"]["builder"]["id"];
    assert_eq!(builder, "https://example.com/builders/image/v1");
    let public = key.public();
    let public = public.to_str().unwrap();
    let offline = ["--key", public, "--insecure-ignore-tlog=true"];
    for kind in ["slsaprovenance1", "spdxjson"] {
        let words = [
            &["verify-attestation"],
            &offline[..],
            &["--type", kind, image],
        ]
        .concat();
        let said = cosign.run(&words);
        assert!(
            said.contains("signatures were verified against the specified public key"),
            "{said}"
        );
    }
    let words = [&["verify"], &offline[..], &[image]].concat();
    let said = cosign.run(&words);
    assert!(said.contains("docker-manifest-digest"), "{said}");
    let said = cosign.run(&["tree", image]);
    for ending in [".att", ".sig"] {
        assert!(said.contains(ending), "{said}");
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn both_cosigns_read_what_is_attached() {
    for cosign in Cosign::both() {
        let published = publish(&cosign);
        let tagged = published.server.name("team/image:1");
        check(&cosign, &published.key, &tagged);
        for digest in &published.manifests {
            let image = format!("{}@{digest}", published.server.name("team/image"));
            check(&cosign, &published.key, &image);
        }
        // The attestation of a platform, asked for by the index.
        let said = cosign.run(&[
            "download",
            "attestation",
            "--platform",
            "linux/arm64",
            &tagged,
        ]);
        assert_eq!(
            said.lines()
                .filter(|line| line.contains("payloadType"))
                .count(),
            2,
            "{said}"
        );
        assert_eq!(published.log.count("hidden"), 0);
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn cosign_refuses_another_key_and_another_image() {
    for cosign in Cosign::both() {
        let published = publish(&cosign);
        let other = Key::made_by(&cosign);
        let tagged = published.server.name("team/image:1");
        for (key, succeeds) in [(&published.key, true), (&other, false)] {
            let public = key.public();
            let offline = [
                "--insecure-ignore-tlog=true",
                "--key",
                public.to_str().unwrap(),
            ];
            let words = [&["verify"], &offline[..], &[&tagged]].concat();
            assert_eq!(cosign.succeeds(&words), succeeds);
            let words = [
                &["verify-attestation", "--type", "spdxjson"],
                &offline[..],
                &[&tagged],
            ]
            .concat();
            assert_eq!(cosign.succeeds(&words), succeeds);
        }
        // What is about another manifest is not attached in the first place.
        let attestations = published.key.attestations(&published.manifests[0]);
        let error = published
            .registry
            .attach_attestations(&published.index, &attestations);
        assert!(error.unwrap_err().to_string().contains("not about"));
        let nowhere = Digest::of(b"nowhere");
        let signature = published.key.signature("x", &nowhere);
        let error = published.registry.attach_signature(&signature).unwrap_err();
        assert!(error.to_string().contains("is not in the repository"));
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_copy_has_everything() {
    for cosign in Cosign::both() {
        let published = publish(&cosign);
        let target_server = ImageRegistry::start();
        for target in [published.server.name("other"), target_server.name("a/b/c")] {
            let log = Arc::new(Log::default());
            let registry = connect(&target, log.clone());
            let from = reference(&published.server.name("team/image:1"));
            let tag: Tag = "2".parse().unwrap();
            let copied = registry
                .copy(&published.registry, &from, Some(&tag))
                .unwrap();
            assert_eq!((copied.manifests, copied.attachments), (3, 9));
            check(&cosign, &published.key, &format!("{target}:2"));
            for digest in &published.manifests {
                check(&cosign, &published.key, &format!("{target}@{digest}"));
            }
            // Tags of attachments are the very manifests, and a second copy writes none.
            for ending in [".att", ".sig"] {
                let text = format!(":sha256-{}{ending}", published.index.hex());
                let source = reference(&published.server.name(&format!("team/image{text}")));
                let source = published.registry.resolve(&source).unwrap();
                assert_eq!(
                    registry
                        .resolve(&reference(&format!("{target}{text}")))
                        .unwrap(),
                    source
                );
            }
            let writes = log.count("manifest sha256-");
            registry
                .copy(&published.registry, &from, Some(&tag))
                .unwrap();
            assert_eq!(log.count("manifest sha256-"), writes);
        }
    }
}

/// cosign 3 writes bundles unless told otherwise: they hide `.att` from it, which is said; a copy
/// keeps them.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_bundle_is_noticed_and_copied() {
    let [_, cosign] = Cosign::both();
    let server = ImageRegistry::start();
    let key = Key::made_by(&cosign);
    let image = write_image(9, 2000);
    let log = Arc::new(Log::default());
    let registry = connect(&server.name("app"), log.clone());
    registry.push_layout(&image.layout).unwrap();
    let name = format!("{}@{}", server.name("app"), image.index);
    let predicate = key.folder().join("predicate.json");
    std::fs::write(&predicate, r#"{"a":1}"#).unwrap();
    // Without a transparency log, as a configuration of services that names none.
    let services = key.folder().join("services.json");
    let nothing = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;
    std::fs::write(&services, nothing).unwrap();
    cosign.run(&[
        "attest",
        "--yes",
        "--key",
        key.private().to_str().unwrap(),
        "--signing-config",
        services.to_str().unwrap(),
        "--predicate",
        predicate.to_str().unwrap(),
        "--type",
        "https://example.com/p",
        &name,
    ]);
    registry
        .attach_attestations(&image.index, &key.attestations(&image.index))
        .unwrap();
    assert_eq!(log.count("hidden"), 1, "{:?}", log.lines());
    let other = ImageRegistry::start();
    let target = connect(&other.name("copy"), Arc::new(Log::default()));
    let copied = target.copy(&registry, &reference(&name), None).unwrap();
    assert_eq!((copied.attachments, copied.referrers), (2, 1));
    let public = key.public();
    cosign.run(&[
        "verify-attestation",
        "--key",
        public.to_str().unwrap(),
        "--insecure-ignore-tlog=true",
        "--type",
        "https://example.com/p",
        &format!("{}@{}", other.name("copy"), image.index),
    ]);
}

/// A second implementation of DSSE, in another language.
#[test]
#[ignore = "needs securesystemslib"]
fn securesystemslib_verifies_the_envelopes() {
    let [cosign, _] = Cosign::both();
    let key = Key::made_by(&cosign);
    let digest = Digest::of(b"image");
    let folder = bessemer_testkit::variable("BESSEMER_TEST_SECURESYSTEMSLIB");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/verify_envelope.py");
    for attestation in key.attestations(&digest) {
        for (changed, succeeds) in [(false, true), (true, false)] {
            let mut envelope = String::from_utf8(attestation.envelope().to_vec()).unwrap();
            if changed {
                envelope = envelope.replace("in-toto+json", "in-toto+jsoN");
            }
            let file = key.folder().join("envelope.json");
            std::fs::write(&file, envelope).unwrap();
            let output = std::process::Command::new("python3")
                .arg(script)
                .args([&file, &key.public()])
                .env("PYTHONPATH", &folder)
                .output()
                .unwrap();
            assert_eq!(output.status.success(), succeeds, "{output:?}");
        }
    }
    assert!(key.attestations(&digest)[1].predicate_type() == SPDX);
}
