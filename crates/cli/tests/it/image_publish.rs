//! `bessemer image publish`, with a signer of the test's own, against Debian's registry; both
//! generations of cosign read what is there.

use crate::commands::{bessemer, run};
use bessemer_attest::predicates::Import;
use bessemer_attest::{Role, TrustRoot};
use bessemer_digest::Digest;
use bessemer_signer::{SignerOptions, SignerProcess, memory_file};
use bessemer_testkit::{ImageRegistry, Outcome, Workshop, variable};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The uid that `bessemer` works under when root starts it.
const CONTROL: u32 = 61700;
pub(crate) const COSIGNS: [&str; 2] = ["BESSEMER_TEST_COSIGN_2", "BESSEMER_TEST_COSIGN_3"];
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";

/// A registry, a signer and the test repository of the crate `image`.
pub(crate) struct Factory {
    pub(crate) registry: ImageRegistry,
    pub(crate) workshop: Workshop,
    /// Answers this process.
    importer: SignerProcess,
    /// Answers the uid that publishes.
    _signer: SignerProcess,
    pub(crate) state: TempDir,
}

impl Factory {
    pub(crate) fn start() -> Self {
        let workshop = crate::image::workshop();
        let state = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let own = rustix::process::geteuid();
        let control = if own.is_root() { CONTROL } else { own.as_raw() };
        let signer = |socket: &str, allow_uid| {
            SignerProcess::spawn(&SignerOptions {
                binary: variable("BESSEMER_TEST_BIN").join("bessemer-signer"),
                state: state.path().join("state"),
                socket: state.path().join(socket),
                allow_uid,
                run_as: None,
                apk_key: None,
                provenance_key: None,
                password: String::new(),
            })
            .unwrap()
        };
        let importer = signer("importer", own.as_raw());
        Self {
            registry: ImageRegistry::start(),
            workshop,
            importer,
            _signer: signer("socket", control),
            state,
        }
    }

    pub(crate) fn root(&self) -> TrustRoot {
        let bytes = fs::read(self.state.path().join("state/trust-root.json")).unwrap();
        TrustRoot::parse(&bytes).unwrap()
    }

    /// The public key of a role, in a file.
    fn key(&self, role: Role) -> String {
        let root = self.root();
        let key = root.keys.iter().find(|key| key.role == role).unwrap();
        let file = format!("{}.pub", role.as_str());
        let path = self.workshop.file(&file, &key.public_key_pem);
        path.display().to_string()
    }

    /// Has every package of the repository attested as an import.
    pub(crate) fn attest(&self) {
        for arch in ["x86_64", "aarch64"] {
            for name in ["layout-2.4-r1.apk", "layout-next-3.0-r0.apk"] {
                self.attest_file(&format!("own/packages/{arch}/{name}"));
            }
        }
    }

    pub(crate) fn attest_file(&self, file: &str) {
        let path = self.workshop.at(file);
        let import = Import {
            list: Digest::of("list"),
            debs: Vec::new(),
            release: None,
        };
        let apk = memory_file(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut client = self.importer.client().unwrap();
        let sidecar = client.sign_import(&name, &import, &apk).unwrap();
        let beside = |end: &str| format!("{file}{end}");
        let envelopes = sidecar.to_bytes().unwrap();
        self.workshop.file(&beside(".intoto.jsonl"), envelopes);
        self.workshop
            .file(&beside(".tlog-proof"), sidecar.proofs_to_bytes());
    }

    /// Verifies an image with this factory's trust root.
    fn verify(&self, image: &str, words: &[&str]) -> Outcome {
        let root = self.root().to_bytes().unwrap();
        verify(image, &self.workshop.file("trust-root.json", root), words)
    }

    fn verify_refuses(&self, image: &str, words: &[&str], reason: &str) {
        let refused = self.verify(image, words);
        refused.expect(1);
        assert!(refused.stderr.contains(reason), "{refused}");
    }

    pub(crate) fn publish(&self, words: &[&str]) -> Outcome {
        self.publish_of("own/small.yaml", words)
    }

    /// The same of another image file.
    pub(crate) fn publish_of(&self, config: &str, words: &[&str]) -> Outcome {
        let mut command = bessemer();
        command.current_dir(self.workshop.path());
        command.env("BESSEMER_SIGNER", self.state.path().join("socket"));
        command.args(["image", "publish", config]);
        run(command.args(words))
    }
}

/// A line for bash in which `cosign` is one of the two.
fn shell(cosign: &str, line: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    let link = home.path().join("cosign");
    std::os::unix::fs::symlink(variable(cosign), link).unwrap();
    Command::new("bash")
        .args(["-c", &format!("set -o pipefail; {line}")])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", format!("{}:/usr/bin:/bin", home.path().display()))
        .output()
        .unwrap()
}

pub(crate) fn succeeds(cosign: &str, line: &str) -> String {
    let output = shell(cosign, line);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{line}: {printed}{said}");
    format!("{printed}{said}")
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_published_image_is_what_cosign_expects() {
    let factory = Factory::start();
    factory.attest();
    let tagged = factory.registry.name("team/app:1");
    let other = factory.registry.name("team/app:latest");
    let published = factory.publish(&[&tagged, &other, "--accept-imports", "--json"]);
    published.expect(0);
    let told: Value = serde_json::from_str(&published.stdout).unwrap();
    assert_eq!(told["packages"]["imported"], 4, "{told}");
    assert_eq!(told["packages"]["built"], 0);
    let sent = &told["published"][0];
    assert_eq!(
        (&sent["attestations"], &sent["signatures"]),
        (&6.into(), &3.into())
    );
    let name = factory.registry.name("team/app");
    let manifests = sent["images"].as_array().unwrap().iter();
    let manifests = manifests.chain([&sent["digest"]]);
    let by_digest = manifests.map(|digest| format!("{name}@{}", digest.as_str().unwrap()));
    let images: Vec<String> = by_digest.chain([tagged, other]).collect();
    verifies(&factory, &images);
    let (image_key, sbom_key) = (factory.key(Role::Image), factory.key(Role::Sbom));
    for cosign in COSIGNS {
        for image in &images {
            check(cosign, image, &image_key, &sbom_key);
        }
    }
}

/// Bessemer's own verification, with the trust root, and with that of somebody else.
fn verifies(factory: &Factory, images: &[String]) {
    for image in images {
        let verified = factory.verify(image, &[]);
        verified.expect(0);
        let told: Value = serde_json::from_str(&verified.stdout).unwrap();
        let reports = told["reports"].as_array().unwrap();
        for report in reports {
            assert_eq!(
                (&report["level"], &report["packages"]["imported"]),
                (&1.into(), &4.into())
            );
            for signed in ["sbom", "sbom_named"] {
                assert_eq!(report[signed], true, "{report}");
            }
            for count in ["foreign", "refused_count"] {
                assert_eq!(report[count], 0, "{report}");
            }
        }
    }
    let other = Factory::start().root();
    let other = factory
        .workshop
        .file("other.json", other.to_bytes().unwrap());
    let refused = verify(&images[0], &other, &[]);
    refused.expect(1);
    for part in [
        "there is no valid provenance",
        "by keys that are not trusted",
    ] {
        assert!(refused.stderr.contains(part), "{refused}");
    }
}

fn verify(image: &str, root: &Path, words: &[&str]) -> Outcome {
    let mut command = bessemer();
    command.args(["image", "verify", image, "--json", "--trust-root"]);
    run(command.arg(root).args(words))
}

/// What a customer does.
fn check(cosign: &str, image: &str, image_key: &str, sbom_key: &str) {
    let predicate = succeeds(
        cosign,
        &format!(
            "cosign download attestation --predicate-type={PROVENANCE} {image} | jq -r .payload | base64 -d | jq .predicate"
        ),
    );
    let predicate: Value = serde_json::from_str(&predicate).unwrap();
    let definition = &predicate["buildDefinition"];
    let build_type = definition["buildType"].as_str().unwrap();
    assert!(
        build_type.ends_with("/buildtypes/oci-image/v1"),
        "{build_type}"
    );
    let id = predicate["runDetails"]["builder"]["id"].as_str().unwrap();
    assert!(id.ends_with("/builders/image/v1"), "{id}");
    assert_eq!(
        definition["internalParameters"]["packagePolicy"]["acceptImports"],
        true
    );
    let offline = "--insecure-ignore-tlog=true";
    for (kind, key) in [("slsaprovenance1", image_key), ("spdxjson", sbom_key)] {
        let said = succeeds(
            cosign,
            &format!("cosign verify-attestation --key {key} {offline} --type {kind} {image}"),
        );
        assert!(
            said.contains("verified against the specified public key"),
            "{said}"
        );
        // Another role's key verifies nothing of this kind.
        let wrong = if key == image_key {
            sbom_key
        } else {
            image_key
        };
        let refused = shell(
            cosign,
            &format!("cosign verify-attestation --key {wrong} {offline} --type {kind} {image}"),
        );
        assert!(!refused.status.success(), "{cosign} {kind}");
    }
    let said = succeeds(
        cosign,
        &format!("cosign verify --key {image_key} {offline} {image}"),
    );
    assert!(said.contains("docker-manifest-digest"), "{said}");
    let said = succeeds(cosign, &format!("cosign tree {image}"));
    for ending in [".att", ".sig"] {
        assert!(said.contains(ending), "{said}");
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn what_nothing_vouches_for_is_not_published_unless_it_is_accepted() {
    let factory = Factory::start();
    let tagged = factory.registry.name("team/app:1");
    let refused = factory.publish(&[&tagged]);
    refused.expect(1);
    for part in ["have no valid provenance: layout", "--accept-unverified"] {
        assert!(refused.stderr.contains(part), "{refused}");
    }
    let nothing = shell(COSIGNS[1], &format!("cosign tree {tagged}"));
    assert!(!nothing.status.success(), "something was pushed");
    factory.attest();
    let refused = factory.publish(&[&tagged]);
    refused.expect(1);
    assert!(refused.stderr.contains("--accept-imports"), "{refused}");
    for arch in ["x86_64", "aarch64"] {
        let file = format!("own/packages/{arch}/layout-2.4-r1.apk.intoto.jsonl");
        fs::remove_file(factory.workshop.at(&file)).unwrap();
    }
    let words = [
        &*tagged,
        "--accept-imports",
        "--accept-unverified",
        "layout",
        "--json",
    ];
    let published = factory.publish(&words);
    published.expect(0);
    let told: Value = serde_json::from_str(&published.stdout).unwrap();
    assert_eq!(
        told["packages"]["unverified"],
        serde_json::json!(["layout"])
    );
    assert!(
        published.stderr.contains("nothing vouches for: layout"),
        "{published}"
    );
    let vouches = "nothing vouches for packages in it";
    factory.verify_refuses(&tagged, &["--min-level", "1"], vouches);
    let accepting = "--accept-unverified";
    factory.verify(&tagged, &[accepting]).expect(0);
    let words = [accepting, "--refuse-imports"];
    factory.verify_refuses(&tagged, &words, "imported from a distribution");
    let words = [accepting, "--min-package-level", "1"];
    factory.verify_refuses(&tagged, &words, "below SLSA Build level 1");
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn an_image_under_another_name_is_not_the_one_that_was_asked_for() {
    let factory = Factory::start();
    factory.attest();
    let tagged = factory.registry.name("team/app:1");
    let copied = factory.registry.name("other/app:1");
    factory.publish(&[&tagged, "--accept-imports"]).expect(0);
    let mut command = bessemer();
    run(command.args(["image", "copy", &tagged, &copied])).expect(0);
    factory.verify_refuses(&copied, &[], "it was published as");
    let wrong = factory.registry.name("third/app");
    factory.verify_refuses(&copied, &["--name", &wrong], "it was published as");
    let name = factory.registry.name("team/app");
    factory
        .verify(&copied, &["--name", &wrong, "--name", &name])
        .expect(0);
    factory.verify(&copied, &["--any-name"]).expect(0);
    factory.verify_refuses(&format!("{name}@{}", Digest::of("none")), &[], "404");
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn what_somebody_attaches_does_not_spoil_a_published_image() {
    let factory = Factory::start();
    factory.attest();
    let tagged = factory.registry.name("team/app:1");
    factory.publish(&[&tagged, "--accept-imports"]).expect(0);
    let folder = factory.workshop.path().display();
    let genuine = format!("{folder}/genuine.json");
    let line =
        format!("cosign download attestation --predicate-type={PROVENANCE} {tagged} > {genuine}");
    succeeds(COSIGNS[0], &line);
    // Its signature twice, and a key id that it did not have.
    let changes = [".signatures += .signatures", ".signatures[0].keyid = \"x\""];
    for (number, change) in changes.iter().enumerate() {
        let file = format!("{folder}/bad-{number}.json");
        let line = format!(
            "jq -c '{change}' {genuine} > {file} && cosign attach attestation --attestation {file} {tagged}"
        );
        succeeds(COSIGNS[0], &line);
    }
    let verified = factory.verify(&tagged, &[]);
    verified.expect(0);
    let told: Value = serde_json::from_str(&verified.stdout).unwrap();
    let report = &told["reports"][0];
    assert_eq!(report["refused_count"], 2, "{report}");
    assert_eq!(report["provenances"], 1, "{report}");
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn the_same_image_published_again_keeps_what_was_there() {
    let factory = Factory::start();
    factory.attest();
    let tagged = factory.registry.name("team/app:1");
    let mut digests = Vec::new();
    for _ in 0..2 {
        let published = factory.publish(&[&tagged, "--accept-imports"]);
        published.expect(0);
        digests.push(published.stdout);
    }
    assert_eq!(digests[0], digests[1]);
    let key = factory.key(Role::Image);
    for cosign in COSIGNS {
        let line = format!(
            "cosign verify-attestation --key {key} --insecure-ignore-tlog=true --type slsaprovenance1 {tagged}"
        );
        succeeds(cosign, &line);
    }
}
