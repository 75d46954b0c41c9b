//! `bessemer verify`: passes on what was built, fails on everything that differs from it by a byte.

use crate::commands::{bessemer, run, verify};
use crate::fixture::{FILES, tiny};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;
use bessemer_testkit::{Filter, Outcome, Workshop, compare};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::BufReader;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

/// A published package and its envelopes, copied so that they can be changed.
struct Copy {
    workshop: Workshop,
    apk: Vec<u8>,
    envelopes: Vec<Value>,
    proofs: Vec<u8>,
}

impl Copy {
    fn of(file: &str) -> Self {
        let from = tiny().repositories[0].join(file);
        let sidecar = fs::read_to_string(sidecar(&from)).unwrap();
        let proofs = fs::read(format!("{}.tlog-proof", from.display())).unwrap();
        Self {
            proofs,
            workshop: Workshop::new(),
            apk: fs::read(from).unwrap(),
            envelopes: sidecar
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        }
    }

    fn write(&self) -> PathBuf {
        let mut lines = String::new();
        for envelope in &self.envelopes {
            writeln!(lines, "{envelope}").unwrap();
        }
        let name = FILES[0];
        self.workshop.file(&format!("{name}.intoto.jsonl"), lines);
        self.workshop
            .file(&format!("{name}.tlog-proof"), &self.proofs);
        self.workshop.file(name, &self.apk)
    }

    fn verify(&self) -> Outcome {
        run(&mut verify(&self.write(), &tiny().trust_root))
    }
}

fn sidecar(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".intoto.jsonl");
    name.into()
}

/// The one line of a failed verification; what is printed beside it fails the test.
#[track_caller]
fn failure(outcome: &Outcome) -> String {
    outcome.expect(1);
    assert_eq!(outcome.stdout, "", "{outcome}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome}");
    assert!(outcome.stderr.starts_with("error: FAIL "), "{outcome}");
    outcome.stderr.trim_end().to_owned()
}

fn flip(text: &mut Value, at: usize) {
    let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 1;
    *text = Value::String(STANDARD.encode(bytes));
}

fn payload(envelope: &Value) -> String {
    let bytes = STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_was_published_passes_and_is_described() {
    let copy = Copy::of(FILES[0]);
    let outcome = copy.verify();
    outcome.expect(0);
    assert_eq!(outcome.stderr, "");
    let first = format!("PASS {} (sha256:", FILES[0]);
    assert!(outcome.stdout.starts_with(&first), "{outcome}");
    for start in [
        "builder: ",
        "why not higher: ",
        "isolation: ",
        "tests: ",
        "gate: ",
    ] {
        assert!(
            outcome.stdout.lines().any(|line| line.starts_with(start)),
            "{outcome}"
        );
    }
    let report = run(verify(&copy.write(), &tiny().trust_root).arg("--json"));
    report.expect(0);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(
        (&report["result"], &report["level"]),
        (&"PASS".into(), &1.into())
    );
    // The build's own folder, where no gate was yet.
    run(&mut verify(
        &tiny().builds[1].join(FILES[1]),
        &tiny().trust_root,
    ))
    .expect(0);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_level_that_the_builder_does_not_have_is_refused() {
    let package = Copy::of(FILES[0]);
    let path = package.write();
    for (level, status) in [("1", 0), ("2", 1), ("3", 1)] {
        let mut command = verify(&path, &tiny().trust_root);
        let outcome = run(command.args(["--min-level", level]));
        outcome.expect(status);
        if status == 1 {
            let line = failure(&outcome);
            assert!(
                line.contains(&format!("level {level} is demanded")),
                "{line}"
            );
        }
    }
}

/// Positions in every member: its ends, and every 89th byte.
fn positions(apk: &[u8]) -> Vec<usize> {
    let reader = Reader::open(BufReader::new(apk), Limits::default()).unwrap();
    let header = reader.header();
    let signature = header.signature_member.len();
    let control = signature + header.control.bytes.len();
    let ends = [0, signature, control, apk.len()];
    let mut positions: Vec<usize> = (0..apk.len()).step_by(89).collect();
    for pair in ends.windows(2) {
        assert!(pair[1] - pair[0] > 200, "a member is missing: {ends:?}");
        positions.extend([pair[0], pair[0] + 4, pair[1] - 5, pair[1] - 1]);
    }
    positions
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_flipped_bit_anywhere_in_the_package_is_seen() {
    let whole = Copy::of(FILES[0]);
    for position in positions(&whole.apk) {
        let mut copy = Copy::of(FILES[0]);
        copy.apk[position] ^= 1;
        let outcome = copy.verify();
        assert_eq!(outcome.status, 1, "bit in byte {position}: {outcome}");
        failure(&outcome);
    }
    let mut short = Copy::of(FILES[0]);
    short.apk.pop();
    failure(&short.verify());
    let mut long = Copy::of(FILES[0]);
    long.apk.push(0);
    failure(&long.verify());
    whole.verify().expect(0);
}

type Change = Box<dyn Fn(&mut Copy)>;

/// Everything that is done to the envelopes of a copy, by a name for the snapshot.
fn changes() -> Vec<(String, Change)> {
    let mut changes: Vec<(String, Change)> = Vec::new();
    for number in 0..Copy::of(FILES[0]).envelopes.len() {
        for at in [0, 400, 1001] {
            let change = move |copy: &mut Copy| flip(&mut copy.envelopes[number]["payload"], at);
            changes.push((
                format!("envelope {}: payload byte {at}", number + 1),
                Box::new(change),
            ));
        }
        // The lengths that DER states, and the numbers themselves.
        for at in [1, 3, 20, 60] {
            let change = move |copy: &mut Copy| {
                flip(&mut copy.envelopes[number]["signatures"][0]["sig"], at);
            };
            changes.push((
                format!("envelope {}: signature byte {at}", number + 1),
                Box::new(change),
            ));
        }
        let change = move |copy: &mut Copy| {
            copy.envelopes[number]["payloadType"] = "application/vnd.in-toto+jsom".into();
        };
        changes.push((
            format!("envelope {}: payloadType", number + 1),
            Box::new(change),
        ));
        let change = move |copy: &mut Copy| {
            let text = payload(&copy.envelopes[number]);
            let (own, other) = ([FILES[0], FILES[1]]).map(digest_of).into();
            assert!(text.contains(&own), "{text}");
            let swapped = STANDARD.encode(text.replace(&own, &other));
            copy.envelopes[number]["payload"] = swapped.into();
        };
        changes.push((
            format!("envelope {}: subject's digest", number + 1),
            Box::new(change),
        ));
        // Provenance is one statement about all packages of a build.
        if number > 0 {
            let change = move |copy: &mut Copy| {
                copy.envelopes[number] = Copy::of(FILES[1]).envelopes[number].clone();
            };
            changes.push((
                format!("envelope {}: another package's", number + 1),
                Box::new(change),
            ));
        }
    }
    for (number, name) in [(0, "provenance"), (1, "test result")] {
        let change = move |copy: &mut Copy| drop(copy.envelopes.remove(number));
        changes.push((format!("no {name}"), Box::new(change)));
    }
    changes.push((
        "no envelopes".into(),
        Box::new(|copy| copy.envelopes.clear()),
    ));
    let others = |copy: &mut Copy| copy.envelopes = Copy::of(FILES[1]).envelopes;
    changes.push(("another package's envelopes".into(), Box::new(others)));
    let other = |copy: &mut Copy| copy.apk = Copy::of(FILES[1]).apk;
    changes.push(("another package under this name".into(), Box::new(other)));
    changes
}

fn digest_of(file: &str) -> String {
    let statement = payload(&Copy::of(file).envelopes[0]);
    let statement: Value = serde_json::from_str(&statement).unwrap();
    let subjects = statement["subject"].as_array().unwrap();
    let own = subjects.iter().find(|subject| subject["name"] == file);
    own.unwrap()["digest"]["sha256"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn whatever_is_changed_about_the_envelopes_is_seen() {
    let mut seen = String::new();
    for (name, change) in changes() {
        let mut copy = Copy::of(FILES[0]);
        change(&mut copy);
        let outcome = copy.verify();
        assert_eq!(outcome.status, 1, "{name}: {outcome}");
        let filter = Filter::new().with(copy.workshop.path().to_str().unwrap(), "[DIR]");
        writeln!(seen, "{name}\n    {}", filter.apply(&failure(&outcome))).unwrap();
        copy.apk = Copy::of(FILES[0]).apk;
        copy.envelopes = Copy::of(FILES[0]).envelopes;
        copy.verify().expect(0);
    }
    compare(&snapshots().join("verification.txt"), &seen);
}

fn snapshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots")
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn what_is_not_proven_to_be_logged_does_not_pass() {
    let copy = Copy::of(FILES[0]);
    let path = copy.write();
    let proofs = copy.workshop.at(&format!("{}.tlog-proof", FILES[0]));
    let line = |change: &dyn Fn()| {
        change();
        failure(&run(&mut verify(&path, &tiny().trust_root)))
    };
    let found = line(&|| fs::remove_file(&proofs).unwrap());
    assert!(found.contains("nothing beside it proves"), "{found}");
    let others = Copy::of(FILES[1]).proofs;
    let found = line(&|| fs::write(&proofs, &others).unwrap());
    assert!(found.contains("nothing beside it proves"), "{found}");
    let mut changed = copy.proofs.clone();
    let last = changed.len() - 10;
    changed[last] ^= 1;
    line(&|| fs::write(&proofs, &changed).unwrap());
    fs::write(&proofs, &copy.proofs).unwrap();
    run(&mut verify(&path, &tiny().trust_root)).expect(0);
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn without_the_file_of_envelopes_nothing_passes() {
    let copy = Copy::of(FILES[0]);
    let path = copy.write();
    fs::remove_file(sidecar(&path)).unwrap();
    let line = failure(&run(&mut verify(&path, &tiny().trust_root)));
    assert!(line.contains("the attestations are missing"), "{line}");
}

/// The trust root of a signer with keys of its own: another user's.
fn another_trust_root(workshop: &Workshop) -> PathBuf {
    let home = workshop.folder("home");
    let mut command = bessemer();
    command
        .args(["keys", "export", "--out"])
        .arg(home.join("keys"));
    command
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", home.join("run"));
    command
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_DATA_HOME");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        chown(&home, Some(65534), Some(65534)).unwrap();
        command.uid(65534).gid(65534);
    }
    run(&mut command).expect(0);
    home.join("keys/trust-root.json")
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn another_signers_keys_prove_nothing() {
    let workshop = Workshop::new();
    let other = another_trust_root(&workshop);
    let copy = Copy::of(FILES[0]);
    let line = failure(&run(&mut verify(&copy.write(), &other)));
    assert!(line.contains("key"), "{line}");
    // This machine's ids with one key of another.
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    for role in ["provenance", "test", "sbom", "gate"] {
        let (mut own, foreign) = (read(&tiny().trust_root), read(&other));
        let find = |key: &&Value| key["role"] == role;
        let foreign = foreign["keys"].as_array().unwrap().iter().find(find);
        let mut keys = own["keys"].as_array_mut().unwrap().iter_mut();
        let key = keys.find(|key| key["role"] == role).unwrap();
        for field in ["id", "public_key_pem"] {
            key[field] = foreign.unwrap()[field].clone();
        }
        let mixed = workshop.file("mixed.json", own.to_string());
        let outcome = run(&mut verify(&copy.write(), &mixed));
        outcome.expect(1);
        // The local base is named after the provenance key, so that root is none.
        let expected = if role == "provenance" {
            "is no trust root"
        } else {
            "its signature is not that of any key"
        };
        assert!(outcome.stderr.contains(expected), "{role}: {outcome}");
    }
    run(&mut verify(&copy.write(), &tiny().trust_root)).expect(0);
}
