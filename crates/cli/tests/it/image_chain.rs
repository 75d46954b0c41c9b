//! What is behind an image in Debian's registry: `verify docker://… --recursive`, bundles, `trace`.

use crate::commands::{bessemer, run};
use crate::image_publish::{COSIGNS, Factory, succeeds};
use bessemer_registry::{Access, Login, Reference, Registry, Settings, Silent};
use bessemer_testkit::Outcome;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// A factory whose packages are attested, its trust root in a file, and an image that it published.
struct Published {
    factory: Factory,
    root: PathBuf,
    image: String,
}

impl Published {
    /// Without what is behind it.
    fn new() -> Self {
        Self::with(&["--no-evidence"])
    }

    fn with(words: &[&str]) -> Self {
        let factory = Factory::start();
        factory.attest();
        let tagged = factory.registry.name("team/app:1");
        let always = [tagged.as_str(), "--accept-imports"];
        factory.publish(&[&always[..], words].concat()).expect(0);
        let root = factory.root().to_bytes().unwrap();
        Self {
            root: factory.workshop.file("trust-root.json", root),
            factory,
            image: format!("docker://{tagged}"),
        }
    }

    fn bessemer(&self, words: &[&str]) -> Outcome {
        let mut command = bessemer();
        command.args(words).arg("--trust-root").arg(&self.root);
        run(&mut command)
    }

    fn evidence(&self) -> String {
        let packages = self.factory.workshop.at("own/packages");
        packages.display().to_string()
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn an_image_verifies_down_to_its_packages_and_offline_from_a_bundle() {
    let published = Published::new();
    let (image, evidence) = (published.image.as_str(), published.evidence());
    let recursive = ["verify", image, "--recursive", "--evidence", &evidence];
    let whole = published.bessemer(&recursive);
    whole.expect(0);
    assert!(
        whole
            .stdout
            .contains("chain: 1 image and 0 packages built, 4 packages imported"),
        "{whole}"
    );
    // Control run: without the evidence the four are gaps.
    let without = published.bessemer(&["verify", image, "--recursive"]);
    without.expect(1);
    assert!(without.stderr.contains("the chain has 4 gaps"), "{without}");

    let bundle = published
        .factory
        .workshop
        .at("app.bundle")
        .display()
        .to_string();
    let export = ["export", image, "--evidence", &evidence, "-o", &bundle];
    published.bessemer(&export).expect(0);
    let name = published.factory.registry.name("team/app");
    let Published { factory, root, .. } = published;
    // From here on there is no registry: the bundle must do.
    drop(factory.registry);
    let verify = |words: &[&str]| {
        let mut command = bessemer();
        command.args(["verify", &bundle, "--recursive", "--trust-root"]);
        run(command.arg(&root).args(words))
    };
    let offline = verify(&["--name", &name, "--json"]);
    offline.expect(0);
    let report: Value = serde_json::from_str(&offline.stdout).unwrap();
    assert_eq!(report["targets"][0]["reports"].as_array().unwrap().len(), 3);
    assert_eq!(report["chain"]["gaps"], 0);
    let unnamed = verify(&[]);
    unnamed.expect(1);
    assert!(
        unnamed.stderr.contains("hint: --name says which image"),
        "{unnamed}"
    );
    let other = verify(&["--name", "registry.example.com/other"]);
    other.expect(1);
    assert!(other.stderr.contains("it was published as"), "{other}");
}

/// The registry and a trust root are enough. The control run is the test above, of an image that was published
/// without what is behind it.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn what_is_behind_an_image_is_in_its_registry() {
    let published = Published::with(&[]);
    let registry = &published.factory.registry;
    let tagged = published.image.trim_start_matches("docker://");
    let name = registry.name("team/app");
    let recursive = |image: &str| {
        let image = format!("docker://{image}");
        published.bessemer(&["verify", &image, "--recursive", "--json", "--name", &name])
    };
    let whole = recursive(tagged);
    whole.expect(0);
    assert_eq!(whole.stderr, "", "{whole}");
    let told: Value = serde_json::from_str(&whole.stdout).unwrap();
    assert_eq!(told["chain"]["nodes"].as_array().unwrap().len(), 5);
    assert_eq!(told["chain"]["gaps"], 0);
    // Every image of the index has it, too, and a copy takes it along.
    let one = told["targets"][0]["reports"][1]["digest"].as_str().unwrap();
    recursive(&format!("{name}@{one}")).expect(0);
    let copy = registry.name("mirror/app:1");
    run(bessemer().args(["image", "copy", tagged, &copy])).expect(0);
    recursive(&copy).expect(0);
    // A bundle of the copy is of what was published.
    let bundle = published.factory.workshop.at("copy.bundle");
    let bundle = bundle.display().to_string();
    let image = format!("docker://{copy}");
    published
        .bessemer(&["export", &image, "-o", &bundle])
        .expect(0);
    let named = ["verify", &bundle, "--recursive", "--name", &name];
    published.bessemer(&named).expect(0);
    // What a stranger adds is named, and takes nothing away.
    let reference: Reference = tagged.parse().unwrap();
    let settings = Settings::new(std::env::temp_dir());
    let silent = Arc::new(Silent);
    let (push, nobody) = (Access::Push, Login::Anonymous);
    let stranger = Registry::connect(&reference, push, &[], nobody, &settings, silent).unwrap();
    let index = stranger.resolve(&reference).unwrap().unwrap();
    stranger.attach_evidence(&index, b"no bundle").unwrap();
    let after = recursive(tagged);
    after.expect(0);
    assert_eq!(after.stdout, whole.stdout);
    assert!(after.stderr.contains("the evidence sha256:"), "{after}");
}

/// Packages that are let in with nothing behind them are an end that has to be accepted, and their siblings'
/// evidence is there nevertheless.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn evidence_is_told_of_and_given_as_published() {
    let published = Published::new();
    let tagged = published.factory.registry.name("team/app:told");
    let packages = [
        "--package-append",
        "trust-one",
        "--accept-unverified",
        "trust-one",
    ];
    let words = [
        &[tagged.as_str(), "--accept-imports", "--json"],
        &packages[..],
    ]
    .concat();
    let told = published.factory.publish(&words);
    told.expect(0);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told["evidence"]["artifacts"], 4, "{told}");
    assert_eq!(told["evidence"]["gaps"], 0, "{told}");
    let image = format!("docker://{tagged}");
    let verify = |words: &[&str]| {
        let always = ["verify", &image, "--recursive", "--accept-unverified"];
        published.bessemer(&[&always[..], words].concat())
    };
    let refused = verify(&[]);
    refused.expect(1);
    assert!(
        refused
            .stderr
            .contains("nobody attests where 2 packages are from"),
        "{refused}"
    );
    verify(&["--accept-unattested"]).expect(0);
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_file_in_an_image_is_traced_to_its_package() {
    let published = Published::new();
    let (image, evidence) = (published.image.as_str(), published.evidence());
    let trace = |path: &str| {
        let words = [
            "trace",
            image,
            path,
            "--arch",
            "aarch64",
            "--evidence",
            &evidence,
        ];
        published.bessemer(&words)
    };
    // The file that one package took over from another.
    let taken = trace("/etc/os-release");
    taken.expect(0);
    for part in [
        "layout-next-3.0-r0.apk, as the image's package database has it (SHA-1)",
        "(linux/arm64)",
        "imported, not built here",
    ] {
        assert!(taken.stdout.contains(part), "{part}: {taken}");
    }
    let other = trace("/usr/share/layout/about");
    assert!(
        other
            .stdout
            .contains("layout-2.4-r1.apk, as the image's package database has it"),
        "{other}"
    );
    let written = trace("/etc/apk/world");
    written.expect(0);
    assert!(
        written
            .stdout
            .contains("none: written when the image was assembled"),
        "{written}"
    );
    for (path, expected) in [
        ("/nothing", "there is no /nothing in the image"),
        ("/", "/ is a directory: ask for a file in it"),
        ("/etc", "/etc is a directory: ask for a file in it"),
    ] {
        let none = trace(path);
        none.expect(1);
        assert!(none.stderr.contains(expected), "{none}");
    }
    // Without evidence the package is known, and what is behind it is not.
    let without = published.bessemer(&["trace", image, "/etc/os-release"]);
    without.expect(1);
    assert!(
        without.stdout.contains("  package  layout-next-3.0-r0.apk"),
        "{without}"
    );
    assert!(
        without
            .stderr
            .contains("the attestation of layout-next-3.0-r0.apk is not there"),
        "{without}"
    );
}

/// Of the format `erofs`: what provenance says, a copy in the same registry, and the file in its layer.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn an_image_that_is_mounted_is_published_copied_and_traced() {
    let published = Published::with(&["--format", "erofs"]);
    let (image, evidence) = (published.image.as_str(), published.evidence());
    let name = image.strip_prefix("docker://").unwrap();
    let line = format!(
        "cosign download attestation --predicate-type=https://slsa.dev/provenance/v1 {name} | jq -r .payload | base64 -d"
    );
    for cosign in COSIGNS {
        let statement: Value = serde_json::from_str(&succeeds(cosign, &line)).unwrap();
        let definition = &statement["predicate"]["buildDefinition"];
        assert_eq!(definition["externalParameters"]["format"], "erofs");
        assert_eq!(definition["internalParameters"]["compression"], "none");
    }
    let copy = published.factory.registry.name("team/copy:1");
    run(bessemer().args(["image", "copy", name, &copy])).expect(0);
    let copied = format!("docker://{copy}");
    published
        .bessemer(&["verify", &copied, "--any-name"])
        .expect(0);
    let path = "/etc/os-release";
    let words = ["trace", image, path, "--arch", "aarch64"];
    let traced = published.bessemer(&[&words[..], &["--evidence", &evidence]].concat());
    traced.expect(0);
    for part in [
        "layout-next-3.0-r0.apk, as the image's package database has it (SHA-1)",
        "(linux/arm64)",
    ] {
        assert!(traced.stdout.contains(part), "{part}: {traced}");
    }
}

#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn an_image_is_explained_compared_and_found_by_its_inputs() {
    let published = Published::new();
    let (image, evidence) = (published.image.as_str(), published.evidence());
    let explained = published.bessemer(&["explain", image, "--evidence", &evidence]);
    explained.expect(0);
    assert!(
        explained.stdout.contains("What it is\n  The image "),
        "{explained}"
    );
    let tagged = published.factory.registry.name("team/app:2");
    let again = ["--accept-imports", "--package-append", "trust-one"];
    let mut words = vec![tagged.as_str()];
    words.extend(again);
    published
        .factory
        .attest_file("own/packages/x86_64/trust-one-1-r0.apk");
    published
        .factory
        .attest_file("own/packages/aarch64/trust-one-1-r0.apk");
    published.factory.publish(&words).expect(0);
    let second = format!("docker://{tagged}");
    let compared = published.bessemer(&["diff", image, &second, "--exit-code"]);
    compared.expect(1);
    assert!(
        compared
            .stdout
            .contains("package trust-one (x86_64): new, 1-r0 sha256:"),
        "{compared}"
    );
    assert!(
        compared
            .stdout
            .contains("parameter externalParameters.packages: new, [\"trust-one\"]"),
        "{compared}"
    );
}

/// What a registry has of an image's attestations is replaced by those of another image, and then by
/// nothing: missing is never fine. The control run is each `verify` before.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn attestations_that_are_taken_away_or_replaced_are_missing() {
    let published = Published::new();
    let registry = &published.factory.registry;
    let other = registry.name("team/other:1");
    let one_more = ["--accept-imports", "--package-append", "trust-one"];
    for architecture in ["x86_64", "aarch64"] {
        let file = format!("own/packages/{architecture}/trust-one-1-r0.apk");
        published.factory.attest_file(&file);
    }
    let words = [&[other.as_str()], &one_more[..]].concat();
    published.factory.publish(&words).expect(0);
    let verify = |image: &str| published.bessemer(&["verify", image, "--any-name", "--json"]);
    let whole = verify(&published.image);
    whole.expect(0);
    let told: Value = serde_json::from_str(&whole.stdout).unwrap();
    let digest = told["digest"].as_str().unwrap().replace(':', "-");
    let tags = |name: &str| {
        let repositories = registry
            .folder()
            .join("storage/docker/registry/v2/repositories");
        repositories.join(name).join("_manifests/tags")
    };
    let ours = tags("team/app").join(format!("{digest}.att"));
    assert!(ours.exists(), "{}", ours.display());
    let kept = published.factory.workshop.at("kept");
    fs::rename(&ours, &kept).unwrap();
    let gone = verify(&published.image);
    gone.expect(1);
    assert!(
        gone.stderr.contains("no attestation is attached to it"),
        "{gone}"
    );
    // Those of the other image, in the same place. Its blobs come along with a copy of the image.
    let address = |repository: &str, digest: &str| {
        let name = registry.name(repository).replacen('/', "/v2/", 1);
        format!("http://{name}/manifests/{digest}.att")
    };
    let told = verify(&format!("docker://{other}")).stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let theirs = told["digest"].as_str().unwrap().replace(':', "-");
    assert_ne!(theirs, digest);
    let mut copy = bessemer();
    copy.args(["image", "copy", &other, &registry.name("team/app:other")]);
    run(&mut copy).expect(0);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let (from, to) = (address("team/other", &theirs), address("team/app", &digest));
    let line = format!(
        "curl -sSf -H 'accept: {kind}' {from} | curl -sSf -X PUT -H 'content-type: {kind}' --data-binary @- {to}"
    );
    succeeds(COSIGNS[0], &line);
    let replaced = verify(&published.image);
    replaced.expect(1);
    for part in ["there is no valid provenance", "is not among the subjects"] {
        assert!(replaced.stderr.contains(part), "{replaced}");
    }
    fs::remove_dir_all(&ours).unwrap();
    fs::rename(&kept, &ours).unwrap();
    verify(&published.image).expect(0);
}

/// A bundle that anybody attaches hides ours from cosign 3. Here it hides nothing, and it is said.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_bundle_of_a_stranger_hides_nothing_and_is_said() {
    let published = Published::new();
    let tagged = published.image.trim_start_matches("docker://");
    let before = published.bessemer(&["verify", &published.image]);
    before.expect(0);
    assert!(!before.stderr.contains("Sigstore bundle"), "{before}");
    let folder = published.factory.workshop.path().display().to_string();
    let services = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}"#;
    fs::write(format!("{folder}/services.json"), services).unwrap();
    fs::write(format!("{folder}/predicate.json"), r#"{"a":1}"#).unwrap();
    let line = format!(
        "cd {folder} && export COSIGN_PASSWORD= && cosign generate-key-pair --output-key-prefix stranger && \
         cosign attest --yes --key stranger.key --signing-config services.json --predicate predicate.json \
         --type https://slsa.dev/provenance/v1 {tagged}"
    );
    succeeds(COSIGNS[1], &line);
    let after = published.bessemer(&["verify", &published.image]);
    after.expect(0);
    assert!(
        after.stderr.contains("a Sigstore bundle refers to sha256:"),
        "{after}"
    );
    assert_eq!(after.stdout, before.stdout);
}

/// What other tools leave of an image when they copy it.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn a_copy_verifies_where_the_tool_took_the_attestations_along() {
    let published = Published::new();
    let registry = &published.factory.registry;
    let from = published.image.trim_start_matches("docker://");
    let copied = |name: &str| registry.name(&format!("{name}/app:1"));
    let verify = |image: &str| {
        let image = format!("docker://{image}");
        let name = registry.name("team/app");
        published.bessemer(&["verify", &image, "--name", &name])
    };
    let skopeo = copied("skopeo");
    let tls = "--src-tls-verify=false --dest-tls-verify=false";
    succeeds(
        COSIGNS[0],
        &format!("skopeo copy -q --all {tls} docker://{from} docker://{skopeo}"),
    );
    let refused = verify(&skopeo);
    refused.expect(1);
    assert!(
        refused.stderr.contains("no attestation is attached to it"),
        "{refused}"
    );
    for (number, cosign) in COSIGNS.iter().enumerate() {
        let target = copied(&format!("cosign-{number}"));
        succeeds(cosign, &format!("cosign copy {from} {target}"));
        verify(&target).expect(0);
    }
    let own = copied("bessemer");
    run(bessemer().args(["image", "copy", from, &own])).expect(0);
    verify(&own).expect(0);
}

/// An image that did not change is in two indexes, and has the provenance of both.
#[test]
#[ignore = "needs Debian's docker-registry and two generations of cosign"]
fn an_image_that_is_in_two_indexes_is_verified_by_that_of_each() {
    let published = Published::new();
    let second = published.factory.registry.name("team/app:2");
    let one_of_two = ["--accept-imports", "--arch", "x86_64"];
    let words = [&[second.as_str()], &one_of_two[..]].concat();
    published.factory.publish(&words).expect(0);
    let evidence = published.evidence();
    for image in [published.image.as_str(), &format!("docker://{second}")] {
        let words = [
            "verify",
            image,
            "--recursive",
            "--json",
            "--evidence",
            &evidence,
        ];
        let verified = published.bessemer(&words);
        verified.expect(0);
        let told: Value = serde_json::from_str(&verified.stdout).unwrap();
        let reports = told["targets"][0]["reports"].as_array().unwrap();
        let runs = reports
            .iter()
            .map(|report| report["invocation_id"].as_str());
        let mut runs: Vec<_> = runs.collect();
        runs.dedup();
        assert_eq!(runs.len(), 1, "{verified}");
        let both = reports.iter().any(|report| report["provenances"] == 2);
        assert!(both, "{verified}");
    }
}
