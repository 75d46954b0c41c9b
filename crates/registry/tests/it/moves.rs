//! Pushing, mounting, copying.

use crate::support::{Log, connect, printed, reference, settings, write_image};
use bessemer_digest::Digest;
use bessemer_registry::{Access, Login, Registry};
use bessemer_testkit::ImageRegistry;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

#[test]
#[ignore = "needs Debian's docker-registry"]
fn pushes_a_layout_once() {
    let server = ImageRegistry::start();
    let image = write_image(1, 100_000);
    let log = Arc::new(Log::default());
    let registry = connect(&server.name("a/b"), log.clone());
    let pushed = registry.push_layout(&image.layout).unwrap();
    assert_eq!(pushed.digest, image.index);
    assert_eq!(pushed.manifests.len(), 3);
    // Two configurations, two layers; the index after what it points at.
    assert_eq!((log.count("uploaded"), log.count("manifest")), (4, 3));
    let lines = log.lines();
    assert!(
        lines.contains(&"sent 101888 of 101888".to_owned()),
        "{lines:?}"
    );
    let name = reference(&server.name("a/b:1"));
    assert_eq!(registry.resolve(&name).unwrap(), None);
    registry.tag(&pushed.digest, name.tag().unwrap()).unwrap();
    assert_eq!(registry.resolve(&name).unwrap(), Some(image.index));
    let again = Arc::new(Log::default());
    connect(&server.name("a/b"), again.clone())
        .push_layout(&image.layout)
        .unwrap();
    assert_eq!((again.count("uploaded"), again.count("present")), (0, 4));
}

#[test]
#[ignore = "needs Debian's docker-registry and skopeo"]
fn skopeo_reads_and_copies_what_was_pushed() {
    let server = ImageRegistry::start();
    let image = write_image(1, 1000);
    let registry = connect(&server.name("a"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    registry.tag(&image.index, &"1".parse().unwrap()).unwrap();
    let name = server.name("a:1");
    let skopeo = |words: &[&str]| {
        printed(
            Command::new("skopeo")
                .args(words)
                .env("HOME", server.folder()),
        )
    };
    let from = format!("docker://{name}");
    let raw = skopeo(&["inspect", "--tls-verify=false", "--raw", &from]);
    assert_eq!(bessemer_digest::Digest::of(raw), image.index);
    let words = [
        "--override-arch",
        "arm64",
        "inspect",
        "--tls-verify=false",
        &from,
    ];
    let told: serde_json::Value = serde_json::from_str(&skopeo(&words)).unwrap();
    assert_eq!(told["Architecture"], "arm64");
    let folder = image.folder.path().join("copied");
    let to = format!("oci:{}:1", folder.display());
    skopeo(&[
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        &from,
        &to,
    ]);
    let copied = bessemer_registry::Layout::open(&folder).unwrap();
    assert_eq!(copied.image().unwrap().digest, image.index);
    // And the other way round: a layout that skopeo wrote.
    let second = connect(&server.name("b"), Arc::new(Log::default()));
    assert_eq!(second.push_layout(&copied).unwrap().digest, image.index);
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn mounts_within_a_registry_and_sends_between_two() {
    let (server, other) = (ImageRegistry::start(), ImageRegistry::start());
    let image = write_image(2, 100_000);
    let source = connect(&server.name("from"), Arc::new(Log::default()));
    source.push_layout(&image.layout).unwrap();
    source.tag(&image.index, &"1".parse().unwrap()).unwrap();
    let from = reference(&server.name("from:1"));
    for (name, mounted, uploaded) in [(server.name("to"), 4, 0), (other.name("to"), 0, 4)] {
        let log = Arc::new(Log::default());
        let target = Registry::connect(
            &reference(&name),
            Access::Push,
            &[&from],
            Login::Anonymous,
            &settings(),
            log.clone(),
        )
        .unwrap();
        let copied = target
            .copy(&source, &from, Some(&"2".parse().unwrap()))
            .unwrap();
        assert_eq!((copied.digest, copied.manifests), (image.index, 3));
        assert_eq!(
            (log.count("mounted"), log.count("uploaded")),
            (mounted, uploaded)
        );
        assert_eq!(log.lines().last().unwrap(), "manifest 2");
        let tagged = reference(&format!("{name}:2"));
        assert_eq!(target.resolve(&tagged).unwrap(), Some(image.index));
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn says_what_is_missing() {
    let server = ImageRegistry::start();
    let source = connect(&server.name("from"), Arc::new(Log::default()));
    let target = connect(&server.name("to"), Arc::new(Log::default()));
    let from = reference(&server.name("from:none"));
    let error = target.copy(&source, &from, None).unwrap_err().to_string();
    assert!(error.ends_with("from:none`"), "{error}");
    // A layout that lacks a layer, and one with a changed layer, end before any manifest.
    let image = write_image(3, 5000);
    let blobs = image.folder.path().join("blobs/sha256");
    let layer = std::fs::read_dir(&blobs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let layer = layer
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&layer).unwrap();
    bytes[600] ^= 1;
    std::fs::write(&layer, bytes).unwrap();
    let error = target.push_layout(&image.layout).unwrap_err().to_string();
    assert!(error.contains("another digest or size"), "{error}");
    std::fs::remove_file(&layer).unwrap();
    let error = target.push_layout(&image.layout).unwrap_err().to_string();
    assert!(error.contains("cannot read"), "{error}");
    let error = target.tag(&image.index, &"1".parse().unwrap()).unwrap_err();
    assert!(
        error.to_string().starts_with("GET http://127.0.0.1"),
        "{error}"
    );
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn an_image_is_all_that_its_index_names() {
    let server = ImageRegistry::start();
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    let image = write_image(4, 1000);
    let pushed = registry.push_layout(&image.layout).unwrap();
    let all = registry.platforms(&image.index).unwrap();
    assert_eq!((all.len(), all[0]), (3, image.index));
    let missing = Digest::of("no manifest");
    let error = registry.platforms(&missing).unwrap_err();
    assert!(error.to_string().contains(&missing.to_string()), "{error}");
    let of_other_type = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{ "mediaType": "text/plain", "digest": image.layer, "size": 1 }],
    });
    let index = keep(server.folder(), of_other_type.to_string().as_bytes());
    let error = registry.platforms(&index).unwrap_err().to_string();
    assert!(error.contains("`text/plain`"), "{error}");
    // A manifest that is gone from the registry; the index names it still.
    let child = pushed.manifests[0].digest;
    let link = revision(server.folder(), &child);
    std::fs::remove_dir_all(link).unwrap();
    let error = registry.platforms(&image.index).unwrap_err();
    assert!(error.to_string().contains(&child.to_string()), "{error}");
}

/// Where the registry keeps that its repository `app` has a manifest.
fn revision(folder: &Path, digest: &Digest) -> PathBuf {
    let revisions = "storage/docker/registry/v2/repositories/app/_manifests/revisions/sha256";
    folder.join(revisions).join(digest.hex())
}

/// Puts a manifest among the registry's files: it would not take every one itself.
fn keep(folder: &Path, manifest: &[u8]) -> Digest {
    let digest = Digest::of(manifest);
    let hex = digest.hex();
    let blob = format!(
        "storage/docker/registry/v2/blobs/sha256/{}/{hex}",
        &hex[..2]
    );
    let (blob, link) = (folder.join(blob), revision(folder, &digest));
    for directory in [&blob, &link] {
        std::fs::create_dir_all(directory).unwrap();
    }
    std::fs::write(blob.join("data"), manifest).unwrap();
    std::fs::write(link.join("link"), digest.to_string()).unwrap();
    digest
}
