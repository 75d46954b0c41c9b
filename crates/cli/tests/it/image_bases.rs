//! Images on a base in Debian's registry: published by whose word, refused, and followed.

use crate::commands::{bessemer, run};
use crate::image::{BASED, write_databases};
use crate::image_publish::Factory;
use bessemer_digest::Digest;
use bessemer_testkit::Outcome;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;

const LOCKED: [&str; 3] = ["--lockfile", "based.lock.json", "--accept-imports"];

/// A factory that published a base, the base as a layout, a bundle of what attests it, and the lock of an image on
/// it.
struct Based {
    factory: Factory,
    root: PathBuf,
    base: String,
}

impl Based {
    fn new() -> Self {
        let factory = Factory::start();
        factory.attest();
        for arch in ["x86_64", "aarch64"] {
            factory.attest_file(&format!("own/packages/{arch}/trust-one-1-r0.apk"));
        }
        let base = factory.registry.name("team/base:1");
        factory.publish(&[&base, "--accept-imports"]).expect(0);
        let root = factory.root().to_bytes().unwrap();
        let based = Self {
            root: factory.workshop.file("trust-root.json", root),
            base: format!("docker://{base}"),
            factory,
        };
        let workshop = &based.factory.workshop;
        workshop.folder("base");
        let layout = ["build", "own/small.yaml", "base:1", "base", "--sbom=false"];
        based.image(&layout).expect(0);
        write_databases(workshop);
        workshop.file("based.yaml", BASED);
        based.image(&["lock", "based.yaml"]).expect(0);
        let evidence = ["--evidence", "own/packages", "-o", "base.bundle"];
        let export = [&["export", based.base.as_str()], &evidence[..]].concat();
        based.trusting(&export).expect(0);
        based
    }

    fn image(&self, words: &[&str]) -> Outcome {
        let mut command = bessemer();
        command.current_dir(self.factory.workshop.path());
        run(command.arg("image").args(words))
    }

    /// A command in the workshop, with the factory's trust root.
    fn trusting(&self, words: &[&str]) -> Outcome {
        let mut command = bessemer();
        command.current_dir(self.factory.workshop.path());
        run(command.args(words).arg("--trust-root").arg(&self.root))
    }

    /// Without what is behind it.
    fn publish(&self, tag: &str, words: &[&str]) -> Outcome {
        self.publish_whole(tag, &[&["--no-evidence"], words].concat())
    }

    fn publish_whole(&self, tag: &str, words: &[&str]) -> Outcome {
        let tagged = self.factory.registry.name(tag);
        let words = [&[tagged.as_str()], &LOCKED[..], words].concat();
        self.factory.publish_of("based.yaml", &words)
    }

    fn name(&self, tag: &str) -> String {
        format!("docker://{}", self.factory.registry.name(tag))
    }

    /// The digest of the base's manifest for an architecture.
    fn manifest(&self, number: usize) -> String {
        let index = fs::read(self.factory.workshop.at("base/index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        index["manifests"][number]["digest"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

fn told(outcome: &Outcome) -> Value {
    outcome.expect(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

const GIVEN: [&str; 2] = ["--base-attestations", "base.bundle"];
const EVIDENCE: [&str; 2] = ["--evidence", "own/packages"];

#[test]
#[ignore = "needs Debian's docker-registry"]
fn an_image_on_an_attested_base_is_published_and_followed() {
    let based = Based::new();
    let refused = based.publish("team/app:1", &[]);
    refused.expect(1);
    for part in [
        "the image is built on what has no valid provenance: ./base (",
        "no attestation is attached to it",
        "hint: --base-attestations FILE names what attests the base",
    ] {
        assert!(refused.stderr.contains(part), "{refused}");
    }
    let given = [&GIVEN[..], &["--json"]].concat();
    let published = told(&based.publish("team/app:1", &given));
    let bases = published["bases"].as_array().unwrap();
    assert_eq!(bases.len(), 2);
    for (number, base) in bases.iter().enumerate() {
        assert_eq!(base["name"], based.factory.registry.name("team/base"));
        assert_eq!(base["digest"], based.manifest(number));
        assert_eq!(
            (&base["level"], &base["contents"]["imported"]),
            (&1.into(), &2.into())
        );
    }
    // The packages of the base are not this image's.
    assert_eq!(published["packages"]["imported"], 2, "{published}");

    let app = based.name("team/app:1");
    let verified = based.trusting(&["verify", &app]);
    verified.expect(0);
    let line = format!(
        "{} of x86_64, with verified provenance at level 1",
        based.manifest(0)
    );
    assert!(verified.stdout.contains(&line), "{verified}");
    let refused = based.trusting(&["verify", &app, "--refuse-imports"]);
    refused.expect(1);
    assert!(
        refused
            .stderr
            .contains("packages in its base were imported"),
        "{refused}"
    );
    followed(&based, &app);
    compared(&based, &app);
}

/// What is behind it, with the base's attestations among the evidence, asked for, and missing.
fn followed(based: &Based, app: &str) {
    let recursive = [&["verify", app, "--recursive"], &EVIDENCE[..]].concat();
    let missing = based.trusting(&recursive);
    missing.expect(1);
    assert!(missing.stderr.contains("the chain has 2 gaps"), "{missing}");
    let whole =
        "chain: 3 images and 0 packages built, 6 packages imported, 0 without attestation, 0 gaps";
    for more in [["--evidence", "base.bundle"], ["--fetch", "--json"]] {
        let found = based.trusting(&[&recursive[..], &more].concat());
        found.expect(0);
        assert!(
            found.stdout.contains(whole) || more[0] == "--fetch",
            "{found}"
        );
    }
    // What is behind the base, too, is in the registry, where it is not kept out of it.
    based.publish_whole("team/app:whole", &GIVEN).expect(0);
    let alone = based.trusting(&["verify", &based.name("team/app:whole"), "--recursive"]);
    alone.expect(0);
    assert!(alone.stdout.contains(whole), "{alone}");
    // A bundle of the image has the base in it, and needs nothing else.
    let export = [
        "export",
        app,
        "--evidence",
        "base.bundle",
        "-o",
        "app.bundle",
    ];
    based.trusting(&[&export[..], &EVIDENCE].concat()).expect(0);
    let name = based.factory.registry.name("team/app");
    let offline = ["verify", "app.bundle", "--recursive", "--name", &name];
    let offline = based.trusting(&offline);
    offline.expect(0);
    assert!(offline.stdout.contains(whole), "{offline}");

    let explain = ["explain", app, "--evidence", "app.bundle"];
    let explained = based.trusting(&explain);
    explained.expect(0);
    let text = explained
        .stdout
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for part in [
        "The image for x86_64 is built on",
        "of SLSA Build level 1, with 2 packages imported from a distribution; its packages",
        "2 base images, 0 packages that a factory built",
    ] {
        assert!(text.contains(part), "{part}: {explained}");
    }
    let layout = fs::read(
        based
            .factory
            .workshop
            .at("own/packages/x86_64/layout-2.4-r1.apk"),
    );
    let layout = Digest::of(layout.unwrap()).to_string();
    for (input, by) in [(&layout, "2 "), (&based.manifest(0), "1 ")] {
        let affected = based.trusting(&["affected", input, "--evidence", "app.bundle"]);
        affected.expect(0);
        let mut lines = affected.stdout.lines();
        let on_base = |line: &str| line.starts_with(by) && line.contains(": by base image");
        assert!(lines.any(on_base), "{affected}");
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_file_of_a_base_is_traced_through_it() {
    let based = Based::new();
    based.publish("team/app:1", &GIVEN).expect(0);
    let app = based.name("team/app:1");
    let trace = |path: &str, words: &[&str]| {
        let at = [
            "trace",
            &app,
            path,
            "--arch",
            "aarch64",
            "--evidence",
            "own/packages",
        ];
        based.trusting(&[&at[..], words].concat())
    };
    let with = ["--evidence", "base.bundle"];
    let base = format!(
        "  base     {} ({})",
        based.factory.registry.name("team/base"),
        based.manifest(1)
    );
    let found = trace("/usr/share/layout/about", &with);
    found.expect(0);
    for part in [
        base.as_str(),
        "  package  layout-2.4-r1.apk, as the image's package database has it",
        "imported, not built here",
    ] {
        assert!(found.stdout.contains(part), "{found}");
    }
    let missing = trace("/usr/share/layout/about", &[]);
    missing.expect(1);
    let reason = format!(
        "the attestation of the base {} is not there",
        based.factory.registry.name("team/base")
    );
    assert!(missing.stderr.contains(&reason), "{missing}");
    // What the image has on top is not the base's.
    let own = trace("/etc/apk/world", &with);
    own.expect(0);
    assert!(
        own.stdout
            .contains("none: written when the image was assembled"),
        "{own}"
    );
    assert!(!own.stdout.contains("  base "), "{own}");
    let none = trace("/etc/passwd", &with);
    none.expect(0);
    for part in [
        base.as_str(),
        "none: no package of the base has it",
        "image linux/arm64 at level 1",
    ] {
        assert!(none.stdout.contains(part), "{none}");
    }
}

#[test]
#[ignore = "needs Debian's docker-registry"]
fn a_base_that_nothing_vouches_for_is_said_wherever_one_looks() {
    let based = Based::new();
    let published = based.publish("team/app:1", &["--accept-unverified-base"]);
    published.expect(0);
    let warning = format!(
        "published on a base that nothing vouches for: ./base ({})",
        based.manifest(0)
    );
    assert!(published.stderr.contains(&warning), "{published}");
    let app = based.name("team/app:1");
    let refused = based.trusting(&["verify", &app, "--accept-unverified"]);
    refused.expect(1);
    for part in [
        "it is built on what nothing vouches for, which was accepted unverified: ./base",
        "hint: --accept-unverified-base",
    ] {
        assert!(refused.stderr.contains(part), "{refused}");
    }
    let accept = "--accept-unverified-base";
    let accepted = based.trusting(&["verify", &app, accept]);
    accepted.expect(0);
    assert!(
        accepted.stdout.contains("of aarch64, accepted unverified"),
        "{accepted}"
    );
    let level = based.trusting(&["verify", &app, accept, "--min-package-level", "1"]);
    level.expect(1);
    assert!(
        level
            .stderr
            .contains("packages in its base are below SLSA Build level 1: ./base (0)"),
        "{level}"
    );
    let recursive = [&["verify", &app, accept, "--recursive"], &EVIDENCE[..]].concat();
    let end = based.trusting(&recursive);
    end.expect(1);
    assert!(
        end.stderr
            .contains("nobody attests where 2 base images are from: ./base, ./base"),
        "{end}"
    );
    assert!(
        end.stdout
            .contains("2 base images without attestation: nothing vouches for"),
        "{end}"
    );
    based
        .trusting(&[&recursive[..], &["--accept-unattested"]].concat())
        .expect(0);
    let at = ["trace", &app, "/usr/share/layout/about", "--arch", "x86_64"];
    let traced = based.trusting(&[&at[..], &EVIDENCE].concat());
    traced.expect(1);
    assert!(
        traced
            .stderr
            .contains("nobody attests where layout-2.4-r1.apk (in the base ./base) is from"),
        "{traced}"
    );
}

/// Another image on the same base, which nothing vouches for this time.
fn compared(based: &Based, app: &str) {
    let other = based.name("team/app:2");
    let accepting = ["--accept-unverified-base", "--annotations", "note:other"];
    based.publish("team/app:2", &accepting).expect(0);
    let compared = based.trusting(&["diff", app, &other]);
    compared.expect(0);
    for part in [
        "parameter internalParameters.packagePolicy.acceptUnverifiedBase: new, true",
        "base-image ./base (x86_64): new, sha256:",
        "/team/base (x86_64): gone, was sha256:",
    ] {
        assert!(compared.stdout.contains(part), "{part}: {compared}");
    }
}

/// Beside the layout, as beside a package.
#[test]
#[ignore = "needs Debian's docker-registry"]
fn attestations_beside_the_layout_are_found_and_those_of_another_image_are_none() {
    let based = Based::new();
    let workshop = &based.factory.workshop;
    let bundle = fs::read(workshop.at("base.bundle")).unwrap();
    let mut text = String::new();
    GzDecoder::new(&bundle[..])
        .read_to_string(&mut text)
        .unwrap();
    // Without the packages' lines: what is beside the base is the base's.
    let lines = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let list = |line: &Value, key: &str| {
        let values = line[key].as_array().unwrap().iter();
        let texts = values.map(|one| {
            one.as_str()
                .map_or_else(|| format!("{one}\n"), str::to_owned)
        });
        texts.collect::<String>()
    };
    workshop.file("base.intoto.jsonl", list(&lines[0], "envelopes"));
    workshop.file("base.tlog-proof", list(&lines[0], "proofs"));
    let published = told(&based.publish("team/app:1", &["--json"]));
    assert_eq!(published["bases"][0]["level"], 1, "{published}");
    // Genuine, and of something else.
    for file in ["base.intoto.jsonl", "base.tlog-proof"] {
        fs::remove_file(workshop.at(file)).unwrap();
    }
    let package = "own/packages/x86_64/layout-2.4-r1.apk.intoto.jsonl";
    let refused = based.publish("team/app:2", &["--base-attestations", package]);
    refused.expect(1);
    assert!(
        refused.stderr.contains("no attestation is attached to it"),
        "{refused}"
    );
    // No file is no silence.
    let absent = based.publish("team/app:2", &["--base-attestations", "absent"]);
    absent.expect(1);
    assert!(absent.stderr.contains("absent"), "{absent}");
    let unneeded = based.factory.registry.name("team/small:1");
    let unneeded = based
        .factory
        .publish(&[&unneeded, "--accept-imports", GIVEN[0], GIVEN[1]]);
    unneeded.expect(1);
    assert!(
        unneeded.stderr.contains("the image file names no base"),
        "{unneeded}"
    );
}
