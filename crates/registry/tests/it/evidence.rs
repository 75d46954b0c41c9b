//! Evidence that refers to an image. Debian's registry keeps no list of referrers, so the index under the tag of
//! the distribution specification is used throughout.

use crate::support::{Log, connect, reference, write_image};
use bessemer_digest::Digest;
use bessemer_registry::Registry;
use bessemer_testkit::ImageRegistry;
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
    let both = [b"one".to_vec(), b"longer".to_vec()];
    assert_eq!(read(&registry, &image.index), both);

    let target = connect(&server.name("copy"), Arc::new(Log::default()));
    let from = reference(&format!("{}@{}", server.name("app"), image.index));
    let copied = target.copy(&registry, &from, None).unwrap();
    assert_eq!(copied.referrers, 2);
    assert_eq!(read(&target, &image.index), both);
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
}
