//! Summaries of packages that were built again.

use crate::refusals::refusal;
use crate::run::{self, Run, SIGNATURE};
use crate::{Fixture, options};
use bessemer_attest::Sidecar;
use bessemer_attest::predicates::Import;
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, reproductions, verify};
use bessemer_digest::Digest;
use bessemer_signer::{Client, ClientError, RebuiltPackage, SignerProcess, memory_file};
use serde_json::Value;

const FILE: &str = "hello-1.0-r0.apk";

/// What is asked: everything that a test can change.
#[derive(Debug, Clone)]
struct Asked {
    file: String,
    original: Vec<u8>,
    attestations: Sidecar,
    rebuilt: Vec<u8>,
    invocation_id: String,
    signature_sizes: (u64, u64),
    control_size: u64,
}

impl Asked {
    /// Two runs that made the same bytes.
    fn of_two_runs(client: &mut Client) -> Self {
        let (mut first, mut second) = (run::new(), run::new());
        let attestations = first.carried_out(client);
        second.carried_out(client);
        Self {
            file: FILE.to_owned(),
            attestations,
            original: first.apk,
            rebuilt: second.apk,
            invocation_id: second.record.invocation_id,
            signature_sizes: (SIGNATURE.len() as u64, SIGNATURE.len() as u64),
            control_size: second.control.len() as u64,
        }
    }

    /// The second run is this one.
    fn again(&mut self, mut run: Run, client: &mut Client) {
        run.carried_out(client);
        self.rebuilt = run.apk;
        self.invocation_id = run.record.invocation_id;
    }

    fn ask(&self, client: &mut Client) -> Result<Sidecar, ClientError> {
        client.sign_rebuild(&RebuiltPackage {
            file: &self.file,
            original: &memory_file(&self.original).unwrap(),
            attestations: &self.attestations,
            rebuilt: &memory_file(&self.rebuilt).unwrap(),
            invocation_id: &self.invocation_id,
            signature_sizes: self.signature_sizes,
            control_size: self.control_size,
        })
    }

    fn facts(&self) -> ApkFacts {
        ApkFacts {
            file: self.file.clone(),
            sha256: Digest::of(&self.original),
            control_sha256: None,
            data_sha256: None,
        }
    }
}

/// The statement in the one envelope of a sidecar.
fn statement(sidecar: &Sidecar, fixture: &Fixture) -> Value {
    let keys = fixture.root();
    let keys = keys.statement_keys().unwrap();
    let [envelope] = sidecar.envelopes() else {
        panic!("{sidecar:?}");
    };
    let mut opened = keys.iter().filter_map(|(key, _)| envelope.open(key).ok());
    serde_json::from_slice(&opened.next().unwrap()).unwrap()
}

#[test]
fn two_runs_that_made_the_same_bytes_are_said_to_be_so() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let asked = Asked::of_two_runs(&mut client);
    let summary = asked.ask(&mut client).unwrap();
    let said = statement(&summary, &fixture);
    let predicate = &said["predicate"];
    let base = fixture.root().base;
    assert_eq!(predicate["verifier"]["id"], format!("{base}/rebuild/v1"));
    assert_eq!(predicate["resourceUri"], format!("x86_64/{FILE}"));
    // One factory made both: the standard's word is for two that are operated independently.
    let levels = predicate["verifiedLevels"].as_array().unwrap();
    assert_eq!(levels[..], ["BESSEMER_REPRODUCED"]);
    let evidence = predicate["inputAttestations"].as_array().unwrap();
    let names: Vec<_> = evidence.iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(names, [Some("original"), None, None, Some("rebuild")]);
    assert_eq!(said["subject"].as_array().unwrap().len(), 1);

    // Beside the package, and in a file of its own.
    let root = fixture.root();
    let report = |sidecar: &Sidecar| {
        verify(&asked.facts(), sidecar, &root, &VerifyPolicy::default()).unwrap()
    };
    let mut beside = asked.attestations.clone();
    assert_eq!(report(&beside).reproduced, []);
    let proof = summary.proofs()[0].clone();
    beside.push_logged(summary.envelopes()[0].clone(), proof);
    let found = report(&beside).reproduced;
    assert_eq!(found[0].rebuild.invocation_id, asked.invocation_id);
    let without = report(&asked.attestations);
    let alone = reproductions(&asked.facts(), &summary, &[&root], &without, None);
    assert_eq!(alone.unwrap(), found);
    // It counts only with the log's word for it, as everything else does.
    let unlogged = Sidecar::new(summary.envelopes().to_vec());
    let error = reproductions(&asked.facts(), &unlogged, &[&root], &without, None);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("nothing beside it proves")
    );
    assert!(fixture.log().contains("\"role\":\"rebuild\""));
}

#[test]
fn packages_that_differ_in_their_signature_are_both_spoken_of() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut asked = Asked::of_two_runs(&mut client);
    let mut other = run::new();
    let signature = b"another signature";
    other.apk = [&signature[..], &other.apk[SIGNATURE.len()..]].concat();
    other.signature_size = signature.len() as u64;
    other.is_of_its_apk();
    asked.again(other, &mut client);
    asked.signature_sizes.1 = signature.len() as u64;
    let said = statement(&asked.ask(&mut client).unwrap(), &fixture);
    let subjects = said["subject"].as_array().unwrap().iter();
    let digests: Vec<_> = subjects
        .map(|one| one["digest"]["sha256"].clone())
        .collect();
    let expected = [&asked.original, &asked.rebuilt].map(|apk| Digest::of(apk).hex());
    assert_eq!(digests, expected);
}

#[test]
fn what_was_not_made_again_is_not_said_to_be() {
    type Change = fn(&mut Asked, &mut Client);
    let cases: [(&str, Change); 17] = [
        ("no job was registered", |asked, _| {
            asked.invocation_id = "0".repeat(32);
        }),
        ("is not finished", |asked, client| {
            let run = Run::ready(client);
            asked.invocation_id = run.record.invocation_id;
        }),
        ("both packages are of the run", |asked, client| {
            let mut run = run::new();
            asked.attestations = run.carried_out(client);
            asked.invocation_id = run.record.invocation_id;
        }),
        (
            "the rebuilt package is not what that run made",
            |asked, _| {
                *asked.rebuilt.last_mut().unwrap() ^= 1;
            },
        ),
        (
            "the rebuilt package is not what that run made",
            |asked, client| {
                let mut run = Run::with_data(b"other data");
                run.carried_out(client);
                asked.invocation_id = run.record.invocation_id;
            },
        ),
        (
            "the data member of the rebuilt package is",
            |asked, client| {
                asked.again(Run::with_data(b"other data!"), client);
            },
        ),
        ("`gcc-1.0-r0.apk` went into only one", |asked, client| {
            asked.again(Run::in_another_environment(), client);
        }),
        ("the original does not verify", |asked, _| {
            *asked.original.last_mut().unwrap() ^= 1;
        }),
        ("the original does not verify", |asked, _| {
            asked.original.push(0);
        }),
        ("there is no provenance", |asked, _| {
            asked.attestations = Sidecar::default();
        }),
        ("nothing beside it proves", |asked, _| {
            asked.attestations = Sidecar::new(asked.attestations.envelopes().to_vec());
        }),
        ("there is no provenance", |asked, client| {
            let import = Import {
                list: Digest::of("list"),
                debs: Vec::new(),
                release: None,
            };
            let apk = memory_file(&asked.original).unwrap();
            asked.attestations = client.sign_import(FILE, &import, &apk).unwrap();
        }),
        ("not that of any key", |asked, _| {
            let folder = tempfile::tempdir().unwrap();
            let process = SignerProcess::spawn(&options(folder.path())).unwrap();
            let mut stranger = process.client().unwrap();
            asked.attestations = run::new().carried_out(&mut stranger);
        }),
        ("speaks of these bytes as", |asked, _| {
            asked.file = "hello-1.1-r0.apk".to_owned();
        }),
        ("the control member's digest is", |asked, _| {
            asked.control_size += 1;
        }),
        ("the control member's digest is", |asked, _| {
            asked.signature_sizes.0 -= 1;
        }),
        ("the control member's digest is", |asked, _| {
            asked.signature_sizes.1 = u64::MAX;
        }),
    ];
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let asked = Asked::of_two_runs(&mut client);
    // The control run: unchanged it is signed.
    asked.ask(&mut client).unwrap();
    for (message, change) in cases {
        let before = fixture.log();
        let mut changed = asked.clone();
        change(&mut changed, &mut client);
        let found = refusal(changed.ask(&mut client));
        assert!(found.contains(message), "{found} / {message}");
        let log = fixture.log();
        let new = log.strip_prefix(&before).unwrap();
        assert!(!new.contains("\"role\":\"rebuild\""), "{message}: {new}");
    }
}

#[test]
fn a_summary_of_a_rebuild_stands_beside_that_of_the_gate() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut asked = Asked::of_two_runs(&mut client);
    let policy = bessemer_attest::derive::GatePolicy {
        min_level: 0,
        allow_untested: false,
        allow_boot: false,
    };
    let (apk, place) = (
        memory_file(&asked.original).unwrap(),
        format!("https://repository.example/x86_64/{FILE}"),
    );
    let gate = client.sign_summary(FILE, &place, &policy, &apk, &mut asked.attestations);
    gate.unwrap();
    let summary = asked.ask(&mut client).unwrap();
    // It is fetched where the gate says, whose word is evidence then, too.
    let said = statement(&summary, &fixture);
    assert_eq!(said["predicate"]["resourceUri"], place);
    let evidence = said["predicate"]["inputAttestations"].as_array().unwrap();
    assert_eq!(evidence.len(), 5);
    // Admitted again, the package keeps it.
    let mut beside = asked
        .attestations
        .without(bessemer_attest::Role::Gate, &fixture.root());
    let beside = beside.as_mut().unwrap();
    beside.push_logged(summary.envelopes()[0].clone(), summary.proofs()[0].clone());
    client
        .sign_summary(FILE, &place, &policy, &apk, beside)
        .unwrap();
    let root = fixture.root();
    let report = verify(&asked.facts(), beside, &root, &VerifyPolicy::default()).unwrap();
    assert!(report.gate.is_some());
    assert_eq!(report.reproduced.len(), 1);
}

#[test]
fn another_operators_package_is_reproduced_independently() {
    let (fixture, other) = (Fixture::start(), Fixture::start());
    let mut client = fixture.client();
    let mut asked = Asked::of_two_runs(&mut client);
    asked.attestations = run::new().carried_out(&mut other.client());
    let found = refusal(asked.ask(&mut client));
    assert!(found.contains("keys trust --rebuild"), "{found}");
    let theirs = other.options.state.join("trust-root.json");
    let own = fixture.options.state.join("trust-root.json");
    let trust = |words: &[&str], root: &std::path::Path| {
        std::process::Command::new(&fixture.options.binary)
            .args(["trust", "--state"])
            .arg(&fixture.options.state)
            .args(words)
            .arg(root)
            .env("COSIGN_PASSWORD", &fixture.options.password)
            .output()
            .unwrap()
    };
    // An operator's word for what boots is none for this.
    assert!(trust(&[], &theirs).status.success());
    refusal(asked.ask(&mut client));
    let itself = trust(&["--rebuild"], &own);
    let error = String::from_utf8_lossy(&itself.stderr).into_owned();
    assert!(error.contains("nobody else operates it"), "{error}");
    // A second machine of one's own is another builder, and nobody independent.
    assert!(trust(&["--rebuild"], &theirs).status.success());
    let said = statement(&asked.ask(&mut client).unwrap(), &fixture);
    let levels = said["predicate"]["verifiedLevels"].as_array().unwrap();
    assert_eq!(levels[..], ["BESSEMER_REPRODUCED"]);
    let independent = ["--rebuild", "--independent"];
    assert!(trust(&independent, &theirs).status.success());
    let summary = asked.ask(&mut client).unwrap();
    let said = statement(&summary, &fixture);
    let levels = said["predicate"]["verifiedLevels"].as_array().unwrap();
    assert_eq!(levels[..], ["BESSEMER_REPRODUCED", "SLSA_BUILD_REPRODUCED"]);
    let builder = |number: usize| {
        let one = &said["predicate"]["inputAttestations"][number];
        one["annotations"]["builderId"].as_str().unwrap().to_owned()
    };
    assert!(builder(0).starts_with(&other.root().base), "{said}");
    assert!(builder(3).starts_with(&fixture.root().base), "{said}");
    // Consumers of the other factory believe it where they have this one's trust root, too.
    let (theirs_root, own_root) = (other.root(), fixture.root());
    let policy = VerifyPolicy::default();
    let report = verify(&asked.facts(), &asked.attestations, &theirs_root, &policy).unwrap();
    let judge = |roots: &[&bessemer_attest::TrustRoot]| {
        reproductions(&asked.facts(), &summary, roots, &report, None)
    };
    let found = judge(&[&theirs_root, &own_root]).unwrap();
    assert!(found[0].is_of_another_builder());
    assert!(judge(&[&theirs_root]).is_err());
    // The word is taken back by a trust root without keys.
    let empty = bessemer_attest::TrustRoot {
        keys: Vec::new(),
        ..theirs_root.clone()
    };
    let path = fixture.directory.path().join("none.json");
    std::fs::write(&path, empty.to_bytes().unwrap()).unwrap();
    assert!(trust(&["--rebuild"], &path).status.success());
    refusal(asked.ask(&mut client));
}
