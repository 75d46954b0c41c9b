//! An original whose guest was told something else than the rebuild's, and gave the same bytes.

use crate::commands::{BESIDE, bessemer, run};
use crate::fixture::{FILES, tiny};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_digest::Digest;
use bessemer_testkit::{Outcome, Workshop, variable};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const INPUTS: &str = "tiny-1.0.0-r0.guest-inputs.json";

/// A factory with a provenance key of its own, which attests what it likes.
struct Factory {
    workshop: Workshop,
    root: PathBuf,
    /// The base of the honest factory, and of this one.
    bases: [String; 2],
}

fn openssl(words: &[&str], folder: &Path) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let output = command.args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    output.stdout
}

impl Factory {
    /// Takes the honest factory's place in its trust root, which has no log then.
    fn new() -> Self {
        let workshop = Workshop::new();
        let curve = "ec_paramgen_curve:P-256";
        let words = [
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            curve,
            "-out",
            "key.pem",
        ];
        openssl(&words, workshop.path());
        let public = ["pkey", "-in", "key.pem", "-pubout"];
        let pem = openssl(&public, workshop.path());
        let der = openssl(
            &[&public[..], &["-outform", "DER"]].concat(),
            workshop.path(),
        );
        let id = Digest::of(der).hex();
        let text = fs::read_to_string(&tiny().trust_root).unwrap();
        let honest: Value = serde_json::from_str(&text).unwrap();
        let base = honest["base"].as_str().unwrap().to_owned();
        let (place, _) = base.rsplit_once('/').unwrap();
        let own = format!("{place}/{}", &id[..32]);
        let mut root: Value = serde_json::from_str(&text.replace(&base, &own)).unwrap();
        let keys = root["keys"].as_array_mut().unwrap();
        keys.retain(|key| key["role"] != "log");
        let mut keys = keys.iter_mut();
        let key = keys.find(|key| key["role"] == "provenance").unwrap();
        key["id"] = id.into();
        key["public_key_pem"] = String::from_utf8(pem).unwrap().into();
        let root = workshop.file("root.json", root.to_string());
        Self {
            workshop,
            root,
            bases: [base, own],
        }
    }

    /// The honest package with a provenance that names `inputs`, beside which the document stands.
    fn attest(&self, inputs: &Value) -> PathBuf {
        let original = tiny().builds[0].join(FILES[0]);
        let honest = fs::read(original.with_file_name(INPUTS)).unwrap();
        let own = serde_json::to_vec(inputs).unwrap();
        let text = fs::read_to_string(format!("{}{}", original.display(), BESIDE[0])).unwrap();
        let mut lines = text.lines();
        let mut provenance: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        let payload = STANDARD
            .decode(provenance["payload"].as_str().unwrap())
            .unwrap();
        let payload = String::from_utf8(payload).unwrap();
        let named = Digest::of(&honest).hex();
        assert!(payload.contains(&named), "{payload}");
        let [base, other] = &self.bases;
        let payload = payload.replace(base, other);
        let payload = payload.replace(&named, &Digest::of(&own).hex());
        provenance["signatures"][0]["sig"] = STANDARD.encode(self.sign(&payload)).into();
        provenance["payload"] = STANDARD.encode(payload).into();
        let provenance = provenance.to_string();
        let lines = std::iter::once(provenance.as_str()).chain(lines);
        let lines: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.workshop
            .file(&format!("{}{}", FILES[0], BESIDE[0]), lines);
        self.workshop.file(INPUTS, own);
        self.workshop.file(FILES[0], fs::read(original).unwrap())
    }

    /// Of what DSSE signs in place of a payload.
    fn sign(&self, payload: &str) -> Vec<u8> {
        let kind = "application/vnd.in-toto+json";
        let signed = format!("DSSEv1 {} {kind} {} {payload}", kind.len(), payload.len());
        self.workshop.file("signed", signed);
        let words = ["dgst", "-sha256", "-sign", "key.pem", "signed"];
        openssl(&words, self.workshop.path())
    }

    fn complete(&self, package: &Path, more: &[&str]) -> Outcome {
        let mut command = bessemer();
        command.arg("verify").arg(package).arg("--complete");
        command.args(more).arg("--trust-root").arg(&self.root);
        command.arg("-r").arg(variable("BESSEMER_TEST_REPOSITORY"));
        run(command.arg("-k").arg(variable("BESSEMER_TEST_KEY")))
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_same_bytes_from_a_guest_that_was_told_something_else_prove_nothing() {
    let factory = Factory::new();
    let honest = fs::read(tiny().builds[0].join(INPUTS)).unwrap();
    let mut inputs: Value = serde_json::from_slice(&honest).unwrap();
    // The control run: what is attested is what the rebuild finds.
    let package = factory.attest(&inputs);
    let outcome = factory.complete(&package, &[]);
    outcome.expect(0);
    assert!(
        outcome.stdout.contains("\ncomplete: tiny-1.0.0-r0.apk\n"),
        "{outcome}"
    );
    inputs["messages"][0]["environment"]["UNSEEN"] = "1".into();
    let package = factory.attest(&inputs);
    let outcome = factory.complete(&package, &[]);
    outcome.expect(1);
    for said in [
        "\nequal: tiny-1.0.0-r0.apk\n",
        "\nexplained: tiny-1.0.0-r0.apk, but its guest was given something else\n",
        r#" messages[0].environment.UNSEEN was "1", is nothing"#,
    ] {
        assert!(outcome.stdout.contains(said), "{said}: {outcome}");
    }
    assert!(!outcome.stdout.contains("complete: "), "{outcome}");
    let said = "error: 1 of 1 builds are not shown to be complete";
    assert!(outcome.stderr.contains(said), "{outcome}");
    // Without the document there is nothing to compare with, and it is no less different.
    fs::remove_file(package.with_file_name(INPUTS)).unwrap();
    let outcome = factory.complete(&package, &["--json"]);
    outcome.expect(1);
    let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(found["result"], "FAIL");
    let complete = &found["rebuilt"]["complete"][0];
    assert_eq!(complete["complete"], false);
    assert_eq!(complete["guest_inputs"]["result"], "different");
    assert_eq!(complete["guest_inputs"]["differences"], json!(null));
}
