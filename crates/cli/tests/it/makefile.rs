//! A tree of recipes with a makefile for melange, made with another name of the program. That every
//! option list of such makefiles is understood is tested without a guest, in the program itself.

use crate::commands::{ARCH, run, verify};
use crate::fixture::trust_root;
use crate::reading::unpack;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bessemer_apk::package::Reader;
use bessemer_apk::{Keyring, Limits, PkgInfo, read_index};
use bessemer_testkit::{Outcome, Workshop, variable};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The tree, copied to where it may be written to.
fn tree(workshop: &Workshop) -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/makefile");
    for name in [
        "Makefile",
        "build-aarch64.env",
        "build-common.env",
        "build-x86_64.env",
        "greeting.yaml",
        "greeting/signature",
        "pipelines/greeting/install.yaml",
    ] {
        let content = fs::read(fixture.join(name)).unwrap();
        workshop.file(&format!("tree/{name}"), content);
    }
    workshop.at("tree")
}

fn make(tree: &Path, target: &str, stdin: Stdio) -> Outcome {
    let mut command = Command::new("make");
    command
        .current_dir(tree)
        .stdin(stdin)
        .arg(target)
        .arg(format!(
            "MELANGE={}",
            variable("BESSEMER_TEST_BIN").join("bessemer").display()
        ))
        .arg(format!("TEMPORARY={}", tree.join("temporary").display()))
        .arg(format!(
            "REMOTE={}",
            variable("BESSEMER_TEST_REPOSITORY").display()
        ))
        .arg(format!(
            "REMOTE_KEY={}",
            variable("BESSEMER_TEST_KEY").display()
        ))
        .env_remove("SOURCE_DATE_EPOCH");
    run(&mut command)
}

fn pkginfo(package: &Path) -> PkgInfo {
    let file = std::io::BufReader::new(fs::File::open(package).unwrap());
    let reader = Reader::open(file, Limits::default()).unwrap();
    reader.header().control.pkginfo.clone()
}

/// The external parameters in a package's provenance.
fn parameters(package: &Path) -> Value {
    let sidecar = fs::read_to_string(format!("{}.intoto.jsonl", package.display())).unwrap();
    let statements = sidecar.lines().map(|line| -> Value {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let payload = envelope["payload"].as_str().unwrap();
        serde_json::from_slice(&BASE64_STANDARD.decode(payload).unwrap()).unwrap()
    });
    let mut provenance =
        statements.filter(|one| one["predicateType"] == "https://slsa.dev/provenance/v1");
    provenance.next().unwrap()["predicate"]["buildDefinition"]["externalParameters"].clone()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_makefile_for_melange_builds_tests_and_debugs() {
    let workshop = Workshop::new();
    let tree = tree(&workshop);
    let outcome = make(&tree, "package/greeting", Stdio::null());
    outcome.expect(0);
    for said in [
        "note: --apk-cache-dir: ",
        "note: QEMU_KERNEL_IMAGE is not used",
        "warning: `--generate-index false`: the switch is on",
        "has no index for",
    ] {
        assert!(outcome.stderr.contains(said), "{said}: {outcome}");
    }
    let folder = tree.join("packages").join(ARCH);
    let package = folder.join("greeting-1.0.0-r3.apk");
    entered(&workshop, &package);
    run(&mut verify(&package, trust_root())).expect(0);
    offered(&tree, &folder);
    // The index that the build wrote offers it to the test.
    let outcome = make(&tree, "test/greeting", Stdio::null());
    outcome.expect(0);
    assert!(
        outcome.stdout.contains("greeting-1.0.0-r3: passed"),
        "{outcome}"
    );
    assert!(!outcome.stderr.contains("has no index for"), "{outcome}");
    assert!(outcome.stderr.contains("+ grep -q yours"), "{outcome}");
    stumbles(&workshop, &tree);
}

/// What the option list says is in the package and in its provenance.
fn entered(workshop: &Workshop, package: &Path) {
    let root = workshop.at("root");
    unpack(package, &root);
    let greeted = if ARCH == "x86_64" {
        "x86-64"
    } else {
        "AArch64"
    };
    let text = fs::read_to_string(root.join("usr/share/greeting/text")).unwrap();
    assert_eq!(text, format!("Hello from a makefile, {greeted}\n"));
    let info = pkginfo(package);
    assert_eq!(info.maintainer.as_deref(), Some("example"));
    assert_eq!(info.build_date, Some(1_700_000_000));
    let sbom = root.join("var/lib/db/sbom/greeting-1.0.0-r3.spdx.json");
    let sbom: Value = serde_json::from_slice(&fs::read(sbom).unwrap()).unwrap();
    let purl = |at: usize| &sbom["packages"][at]["externalRefs"][0]["referenceLocator"];
    let own = format!("pkg:apk/example/greeting@1.0.0-r3?arch={ARCH}");
    assert_eq!(purl(0), &own);
    assert_eq!(purl(1), "pkg:github/example/tree#greeting.yaml");
    assert_eq!(sbom["packages"][1]["licenseDeclared"], "Apache-2.0");
    let asked = parameters(package);
    for (key, value) in [
        (
            "environmentFiles",
            json!([format!("build-{ARCH}.env"), "build-common.env"]),
        ),
        (
            "environment",
            json!({"GREETED": greeted, "GREETING": "Hello from a makefile"}),
        ),
        ("extraPackages", json!(["busybox"])),
        ("namespace", json!("example")),
        ("gitRepositoryUrl", json!("https://github.com/example/tree")),
        ("recipeLicense", json!("Apache-2.0")),
        ("pipelineDirectories", json!(["./pipelines/"])),
    ] {
        assert_eq!(asked[key], value, "{key}");
    }
    assert_eq!(asked.get("debug"), None);
}

/// The index beside the packages is signed with the key that the makefile had made.
fn offered(tree: &Path, folder: &Path) {
    let bytes = fs::read(folder.join("APKINDEX.tar.gz")).unwrap();
    let archive = read_index(&bytes, Limits::default()).unwrap();
    let mut keyring = Keyring::new();
    let key = fs::read_to_string(tree.join("local-melange.rsa.pub")).unwrap();
    keyring.add("local-melange.rsa.pub", &key).unwrap();
    keyring
        .verify(&archive.signatures, &bytes[archive.unsigned.clone()])
        .unwrap();
    let names = archive
        .index
        .entries
        .iter()
        .map(|entry| entry.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["greeting"]);
}

/// A shell opens in the guest of a test that fails, and `exit 1` gives up.
fn stumbles(workshop: &Workshop, tree: &Path) {
    let recipe = fs::read_to_string(tree.join("greeting.yaml")).unwrap();
    let recipe = recipe.replace("grep -q yours ", "grep -q theirs ");
    workshop.file("tree/greeting.yaml", recipe);
    let typed = workshop.file("typed", "echo in $((40 + 2))\nexit 1\n");
    let typed = Stdio::from(fs::File::open(typed).unwrap());
    let outcome = make(tree, "test-debug/greeting", typed);
    // make's own status for a command that failed.
    outcome.expect(2);
    assert!(outcome.stderr.contains("a shell in the guest"), "{outcome}");
    assert!(outcome.stderr.contains("in 42"), "{outcome}");
    assert!(
        outcome.stdout.contains("greeting-1.0.0-r3: failed"),
        "{outcome}"
    );
}
