//! Evidence that refers to an image. Debian's registry keeps no list of referrers, so the index under the tag of
//! the distribution specification is used throughout.

use crate::support::{Cosign, Key, Log, connect, curl, put, reference, write_image};
use bessemer_digest::Digest;
use bessemer_registry::Registry;
use bessemer_testkit::ImageRegistry;
use serde_json::{Value, json};
use std::io::Read as _;
use std::sync::Arc;

fn read(registry: &Registry, digest: &Digest) -> Vec<Vec<u8>> {
    let found = registry.evidence(digest).unwrap();
    assert!(found.unread.is_empty(), "{:?}", found.unread);
    let texts = found.bundles.into_iter().map(|(_, mut blob)| {
        let mut bytes = Vec::new();
        blob.read_to_end(&mut bytes).unwrap();
        bytes
    });
    texts.collect()
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn evidence_is_added_once_and_copied() {
    let server = ImageRegistry::start();
    let image = write_image(4, 2000);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    let nothing = registry.attach_evidence(&image.index, b"one").unwrap_err();
    assert!(
        nothing.to_string().contains("is not in the repository"),
        "{nothing}"
    );
    registry.push_layout(&image.layout).unwrap();
    assert!(read(&registry, &image.index).is_empty());
    let first = registry.attach_evidence(&image.index, b"longer").unwrap();
    let again = registry.attach_evidence(&image.index, b"longer").unwrap();
    assert_eq!(first, again);
    registry.attach_evidence(&image.index, b"one").unwrap();
    // What was added last comes first.
    let both = [b"one".to_vec(), b"longer".to_vec()];
    assert_eq!(read(&registry, &image.index), both);

    let target = connect(&server.name("copy"), Arc::new(Log::default()));
    let from = reference(&format!("{}@{}", server.name("app"), image.index));
    let copied = target.copy(&registry, &from, None).unwrap();
    assert_eq!(copied.referrers, 2);
    assert_eq!(read(&target, &image.index), both);
    let large = vec![0; (64 << 20) + 1];
    let refused = registry.attach_evidence(&image.index, &large).unwrap_err();
    assert!(refused.to_string().contains("67108865 bytes"), "{refused}");
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn what_is_listed_and_gone_takes_nothing_away() {
    let server = ImageRegistry::start();
    let image = write_image(5, 2000);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    let gone = registry.attach_evidence(&image.index, b"gone").unwrap();
    registry.attach_evidence(&image.index, b"there").unwrap();
    let storage = server.folder().join("storage/docker/registry/v2");
    let hex = Digest::of(b"gone").hex();
    let blob = storage.join("blobs/sha256").join(&hex[..2]).join(&hex);
    std::fs::remove_dir_all(blob).unwrap();
    let found = registry.evidence(&image.index).unwrap();
    assert_eq!(found.bundles.len(), 1);
    let unread: Vec<Digest> = found.unread.iter().map(|one| one.digest).collect();
    assert_eq!(unread, [gone]);
    let target = connect(&server.name("copy"), Arc::new(Log::default()));
    let from = reference(&format!("{}@{}", server.name("app"), image.index));
    let copied = target.copy(&registry, &from, None).unwrap();
    assert_eq!(copied.referrers, 1);
    assert_eq!(read(&target, &image.index), [b"there"]);
}

/// So is an attachment that is listed and gone.
#[test]
#[ignore = "needs Debian's docker-registry and cosign"]
fn a_copy_leaves_out_attachments_that_are_gone() {
    let [cosign, _] = Cosign::both();
    let server = ImageRegistry::start();
    let image = write_image(2, 2000);
    let key = Key::made_by(&cosign);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    let attestations = key.attestations(&image.index);
    registry
        .attach_attestations(&image.index, &attestations)
        .unwrap();
    let hex = Digest::of(attestations[0].envelope()).hex();
    let blobs = server
        .folder()
        .join("storage/docker/registry/v2/blobs/sha256");
    std::fs::remove_dir_all(blobs.join(&hex[..2]).join(&hex)).unwrap();
    // In another registry: this one would say that it has the blob.
    let other = ImageRegistry::start();
    let target = connect(&other.name("copy"), Arc::new(Log::default()));
    let from = reference(&format!("{}@{}", server.name("app"), image.index));
    let copied = target.copy(&registry, &from, None).unwrap();
    assert_eq!(copied.attachments, attestations.len() - 1);
    let there = target.attestations(&image.index).unwrap();
    assert_eq!((there.envelopes.len(), there.unread.len()), (1, 0));
}

/// A stranger's manifest of evidence with these layers, in the registry under its digest.
fn strangers(server: &ImageRegistry, layers: &[Value]) -> Value {
    let kind = "application/vnd.bessemer.bundle.v1+gzip";
    let empty = Digest::of("{}");
    let config =
        json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind, "config": config, "layers": layers,
    });
    let bytes = manifest.to_string().into_bytes();
    let digest = Digest::of(&bytes);
    let place = format!(
        "http://{}",
        server.name(&format!("v2/app/manifests/{digest}"))
    );
    put(&place, MANIFEST, &bytes);
    json!({"mediaType": MANIFEST, "digest": digest, "size": bytes.len(), "artifactType": kind})
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Manifests that list one blob many times, or with another size than it has, and entries without a type: what is
/// genuine is found, and what is not read has a name.
#[test]
#[ignore = "needs Debian's docker-registry and curl"]
fn what_strangers_list_hides_nothing() {
    let server = ImageRegistry::start();
    let image = write_image(6, 2000);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    let genuine = registry.attach_evidence(&image.index, b"genuine").unwrap();
    let layer = |size: u64| {
        let kind = "application/vnd.bessemer.bundle.v1+gzip";
        json!({"mediaType": kind, "digest": Digest::of("genuine"), "size": size})
    };
    let many = strangers(&server, &vec![layer(7); 40]);
    let larger = strangers(&server, &[layer(8)]);
    let smaller = strangers(&server, &[layer(6)]);
    let huge = strangers(&server, &[layer(1 << 40)]);
    // As go-containerregistry writes it: with the configuration's type.
    let typed = json!({
        "mediaType": MANIFEST, "digest": genuine, "size": evidence_size(&server, &genuine),
        "artifactType": "application/vnd.oci.empty.v1+json",
    });
    let list = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [typed, many, larger, smaller, huge, many, typed],
    });
    let tag = format!("sha256-{}", image.index.hex());
    let place = format!("http://{}", server.name(&format!("v2/app/manifests/{tag}")));
    put(&place, INDEX, list.to_string().as_bytes());
    let found = registry.evidence(&image.index).unwrap();
    let names: Vec<Digest> = found.bundles.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [genuine]);
    let unread: Vec<Value> = found.unread.iter().map(|one| json!(one.digest)).collect();
    let expected = [&huge, &smaller, &larger].map(|one| one["digest"].clone());
    assert_eq!(unread, expected);
    assert!(!registry.has_bundle(&image.index).unwrap());
}

fn evidence_size(server: &ImageRegistry, digest: &Digest) -> usize {
    let address = server.name(&format!("v2/app/manifests/{digest}"));
    let accept = format!("accept: {MANIFEST}");
    curl(&["-H", &accept, &format!("http://{address}")]).len()
}

/// Something else under the tag is no list; it is not written over either.
#[test]
#[ignore = "needs Debian's docker-registry and curl"]
fn what_is_no_list_is_none() {
    let server = ImageRegistry::start();
    let image = write_image(8, 2000);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    let tag = format!("sha256-{}", image.index.hex());
    registry.attach_evidence(&image.index, b"one").unwrap();
    let config = json!({
        "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of("{}"), "size": 2,
    });
    let other = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
    });
    let place = format!("http://{}", server.name(&format!("v2/app/manifests/{tag}")));
    put(&place, MANIFEST, other.to_string().as_bytes());
    assert!(read(&registry, &image.index).is_empty());
    assert!(!registry.has_bundle(&image.index).unwrap());
    let error = registry.attach_evidence(&image.index, b"two").unwrap_err();
    let told = format!("{error:?}");
    assert!(told.contains("something that is no index"), "{told}");
}
