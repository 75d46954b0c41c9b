//! Somebody else writes the same tags.

use crate::support::{Cosign, Key, Log, connect, connect_as, curl, put, settings, write_image};
use bessemer_digest::Digest;
use bessemer_registry::{AttachError, Event, Login, Registry, Reporter};
use bessemer_testkit::ImageRegistry;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// Writes a manifest under a tag as somebody who does not look, each time we wrote that tag.
#[derive(Debug)]
struct Foreigner {
    /// Address of the tag, and the manifest.
    address: String,
    manifest: Vec<u8>,
    /// How many times yet.
    times: Mutex<u32>,
    log: Log,
}

impl Reporter for Foreigner {
    fn report(&self, event: &Event<'_>) {
        self.log.report(event);
        let Event::Manifest { tag: Some(_), .. } = event else {
            return;
        };
        let mut times = self.times.lock().unwrap();
        if *times > 0 {
            *times -= 1;
            let kind = "application/vnd.oci.image.manifest.v1+json";
            put(&self.address, kind, &self.manifest);
        }
    }
}

struct Contest {
    server: ImageRegistry,
    key: Key,
    foreign: Key,
    index: Digest,
    address: String,
    manifest: Vec<u8>,
}

/// An image that cosign attested with a foreign key; what the tag is then.
fn contest(cosign: &Cosign) -> Contest {
    let server = ImageRegistry::start();
    let (key, foreign) = (Key::made_by(cosign), Key::made_by(cosign));
    let image = write_image(3, 1000);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    attest(
        cosign,
        &foreign,
        &format!("{}@{}", server.name("app"), image.index),
    );
    let tag = format!("sha256-{}.att", image.index.hex());
    let address = format!("http://127.0.0.1:{}/v2/app/manifests/{tag}", server.port());
    let manifest = curl(&[
        "-H",
        "accept: application/vnd.oci.image.manifest.v1+json",
        &address,
    ]);
    Contest {
        server,
        key,
        foreign,
        index: image.index,
        address,
        manifest,
    }
}

/// cosign attaches an attestation of its own in `.att`.
fn attest(cosign: &Cosign, key: &Key, image: &str) {
    let predicate = key.folder().join("predicate.json");
    std::fs::write(&predicate, r#"{"a":1}"#).unwrap();
    let (key, predicate) = (key.private(), predicate.to_str().unwrap().to_owned());
    let mut words = vec![
        "attest",
        "--yes",
        "--tlog-upload=false",
        "--key",
        key.to_str().unwrap(),
    ];
    words.extend(["--type", "https://example.com/p", "--predicate", &predicate]);
    if cosign.generation > 2 {
        words.extend(["--new-bundle-format=false", "--use-signing-config=false"]);
    }
    words.push(image);
    cosign.run(&words);
}

impl Contest {
    fn registry(&self, times: u32, writes: u32) -> (Registry, Arc<Foreigner>) {
        let foreigner = Arc::new(Foreigner {
            address: self.address.clone(),
            manifest: self.manifest.clone(),
            times: Mutex::new(times),
            log: Log::default(),
        });
        let mut settings = settings();
        settings.limits.writes = writes;
        let name = self.server.name("app");
        let registry = connect_as(&name, Login::Anonymous, &settings, foreigner.clone());
        (registry, foreigner)
    }

    /// Whether cosign verifies both attestations.
    fn verify(&self, cosign: &Cosign) {
        let image = format!("{}@{}", self.server.name("app"), self.index);
        for (key, kind) in [
            (&self.key, "slsaprovenance1"),
            (&self.foreign, "https://example.com/p"),
        ] {
            let public = key.public();
            let words = [
                "verify-attestation",
                "--insecure-ignore-tlog=true",
                "--type",
                kind,
            ];
            cosign.run(&[&words[..], &["--key", public.to_str().unwrap(), &image]].concat());
        }
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn what_cosign_attached_stays() {
    for cosign in Cosign::both() {
        let contest = contest(&cosign);
        let (registry, _) = contest.registry(0, 10);
        let attestations = contest.key.attestations(&contest.index);
        let outcome = registry
            .attach_attestations(&contest.index, &attestations)
            .unwrap();
        assert_eq!((outcome.count, outcome.writes), (3, 1));
        contest.verify(&cosign);
        // And cosign adds to what we wrote.
        let image = format!("{}@{}", contest.server.name("app"), contest.index);
        attest(&cosign, &contest.foreign, &image);
        contest.verify(&cosign);
        // The same once more is no write.
        let outcome = registry
            .attach_attestations(&contest.index, &attestations)
            .unwrap();
        assert_eq!((outcome.count, outcome.writes), (4, 0));
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn what_a_foreign_writer_overwrote_is_merged_and_told() {
    let [cosign, _] = Cosign::both();
    let contest = contest(&cosign);
    let (registry, foreigner) = contest.registry(3, 10);
    let attestations = contest.key.attestations(&contest.index);
    let outcome = registry
        .attach_attestations(&contest.index, &attestations)
        .unwrap();
    assert_eq!((outcome.count, outcome.writes), (3, 4));
    assert_eq!(foreigner.log.count("merged"), 3);
    contest.verify(&cosign);
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_foreign_writer_without_end_is_an_error() {
    let [cosign, _] = Cosign::both();
    let contest = contest(&cosign);
    let (registry, _) = contest.registry(u32::MAX, 3);
    let attestations = contest.key.attestations(&contest.index);
    let error = registry
        .attach_attestations(&contest.index, &attestations)
        .unwrap_err();
    assert!(
        matches!(error, AttachError::Contended { writes: 3, .. }),
        "{error}"
    );
}

/// Several writers of ours, without the lock that they should have: nothing is lost while each of
/// them looks again.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn signatures_by_several_keys_stand_beside_each_other() {
    let [cosign, _] = Cosign::both();
    let server = ImageRegistry::start();
    let image = write_image(3, 1000);
    let name = server.name("app");
    let registry = connect(&name, Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    let keys: Vec<Key> = (0..3).map(|_| Key::made_by(&cosign)).collect();
    for (number, key) in keys.iter().enumerate() {
        // One payload, several signatures: the layers differ in their annotations alone.
        let outcome = registry
            .attach_signature(&key.signature(&name, &image.index))
            .unwrap();
        assert_eq!(outcome.count, number + 1);
    }
    for key in &keys {
        let public = key.public();
        let image = format!("{name}@{}", image.index);
        cosign.run(&[
            "verify",
            "--insecure-ignore-tlog=true",
            "--key",
            public.to_str().unwrap(),
            &image,
        ]);
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn no_more_is_attached_than_cosign_reads() {
    let [cosign, _] = Cosign::both();
    let server = ImageRegistry::start();
    let key = Key::made_by(&cosign);
    let image = write_image(3, 1000);
    let registry = connect(&server.name("app"), Arc::new(Log::default()));
    registry.push_layout(&image.layout).unwrap();
    let one = |number: u32| {
        key.attestation(
            &image.index,
            "https://example.com/p",
            &json!({ "n": number }),
        )
    };
    let hundred: Vec<_> = (0..100).map(one).collect();
    let outcome = registry
        .attach_attestations(&image.index, &hundred)
        .unwrap();
    assert_eq!(outcome.count, 100);
    let name = format!("{}@{}", server.name("app"), image.index);
    let said = cosign.run(&["download", "attestation", &name]);
    assert_eq!(
        said.lines()
            .filter(|line| line.contains("payloadType"))
            .count(),
        100
    );
    let error = registry
        .attach_attestations(&image.index, &[one(100)])
        .unwrap_err();
    assert!(
        matches!(error, AttachError::Count { count: 101, .. }),
        "{error}"
    );
}
