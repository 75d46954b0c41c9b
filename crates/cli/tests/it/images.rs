//! `bessemer image`, against Debian's registry, with cosign as the reader.

use crate::commands::{bessemer, run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_testkit::{Askers, ImageRegistry, variable};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Writes an image: an archive without files, and its configuration.
/// The folder, and the manifest's digest.
fn layout(folder: &Path) -> (PathBuf, String) {
    let folder = folder.join("layout");
    let blobs = folder.join("blobs/sha256");
    fs_err::create_dir_all(&blobs).unwrap();
    let blob = |kind: &str, bytes: &[u8]| {
        let digest = bessemer_digest::Digest::of(bytes);
        fs_err::write(blobs.join(digest.hex()), bytes).unwrap();
        let kind = format!("application/vnd.oci.image.{kind}");
        json!({ "mediaType": kind, "digest": digest, "size": bytes.len() })
    };
    let layer = blob("layer.v1.tar", &[0; 1024]);
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] },
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", config.to_string().as_bytes()),
        "layers": [layer],
    });
    let manifest = blob("manifest.v1+json", manifest.to_string().as_bytes());
    let digest = manifest["digest"].as_str().unwrap().to_owned();
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs_err::write(folder.join("index.json"), index.to_string()).unwrap();
    fs_err::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    (folder, digest)
}

/// An envelope about a manifest, as far as a reader without the key can tell.
fn envelope(digest: &str) -> String {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "image", "digest": { "sha256": digest.trim_start_matches("sha256:") } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": { "runDetails": { "builder": { "id": "https://example.com/builder" } } },
    });
    let payload = STANDARD.encode(statement.to_string());
    let signatures = json!([{ "keyid": "", "sig": "AAAA" }]);
    json!({ "payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": signatures })
        .to_string()
}

/// The predicate that cosign downloads, by a customer's line.
fn downloaded(image: &str) -> Value {
    let cosign = variable("BESSEMER_TEST_COSIGN_3");
    let line = format!(
        "set -o pipefail; {} download attestation --predicate-type=https://slsa.dev/provenance/v1 {image} | jq -r .payload | base64 -d | jq .predicate",
        cosign.display()
    );
    let output = Command::new("bash").args(["-c", &line]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs Debian's docker-registry and cosign"]
fn an_image_is_pushed_attested_and_copied() {
    let registry = ImageRegistry::start();
    let (folder, digest) = layout(registry.folder());
    let file = registry.folder().join("image.intoto.jsonl");
    fs_err::write(&file, format!("{}\n", envelope(&digest))).unwrap();
    let (first, second) = (registry.name("team/app:1"), registry.name("team/copy:2"));
    let mut push = bessemer();
    push.args(["image", "push"]).arg(&folder).arg(&first);
    let pushed = run(push.arg("--attestations").arg(&file));
    pushed.expect(0);
    let expected = format!("{first}@{digest} (1 manifest, 1 attestation)\n");
    assert_eq!(pushed.stdout, expected);
    let copied = run(bessemer().args(["image", "copy", &first, &second, "--json"]));
    copied.expect(0);
    let told: Value = serde_json::from_str(&copied.stdout).unwrap();
    assert_eq!(
        (&told["digest"], &told["attachments"]),
        (&json!(digest), &json!(1))
    );
    // Two of the image, two of its attestation.
    assert_eq!(
        told["blobs"],
        json!({ "present": 0, "mounted": 4, "uploaded": 0 })
    );
    for image in [first, second] {
        let builder = &downloaded(&image)["runDetails"]["builder"]["id"];
        assert_eq!(builder, "https://example.com/builder");
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and cosign"]
fn what_is_about_another_image_leaves_it_without_a_tag() {
    let registry = ImageRegistry::start();
    let (folder, digest) = layout(registry.folder());
    let file = registry.folder().join("image.intoto.jsonl");
    let other = envelope(&"0".repeat(64));
    fs_err::write(&file, format!("{}\n{other}\n", envelope(&digest))).unwrap();
    let target = registry.name("team/app:1");
    let mut push = bessemer();
    push.args(["image", "push"]).arg(&folder).arg(&target);
    let pushed = run(push.arg("--attestations").arg(&file));
    pushed.expect(1);
    assert!(
        pushed.stderr.contains("is about nothing in this image"),
        "{}",
        pushed.stderr
    );
    let copied = run(bessemer().args(["image", "copy", &target, &registry.name("team/b")]));
    assert!(
        copied.stderr.contains("there is no `127.0.0.1"),
        "{}",
        copied.stderr
    );
}

#[test]
#[ignore = "needs Debian's docker-registry and cosign"]
fn a_login_comes_from_dockers_configuration_or_a_hint_says_so() {
    let registry = ImageRegistry::asked_by(Askers::Password);
    let (folder, _) = layout(registry.folder());
    let target = registry.name("team/app:1");
    let config = registry.folder().join("docker");
    fs_err::create_dir(&config).unwrap();
    let push = || {
        let mut command = bessemer();
        command.args(["image", "push"]).arg(&folder).arg(&target);
        command.env("DOCKER_CONFIG", &config);
        command
    };
    let refused = run(&mut push());
    assert!(
        refused.stderr.contains("the registry wants a login"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("hint: log in with `docker login`"),
        "{}",
        refused.stderr
    );
    // user:open sesame
    let auths = json!({ "auths": { format!("127.0.0.1:{}", registry.port()): { "auth": "dXNlcjpvcGVuIHNlc2FtZQ==" } } });
    fs_err::write(config.join("config.json"), auths.to_string()).unwrap();
    run(&mut push()).expect(0);
}
