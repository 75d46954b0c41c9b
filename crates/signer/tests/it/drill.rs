//! Rotation and revocation, and the drill: a key is stolen at t.

use crate::Fixture;
use crate::run::Run;
use bessemer_attest::verify::{ApkFacts, Report, VerifyError, VerifyPolicy, verify};
use bessemer_attest::{Envelope, Role, Sidecar, TrustRoot};
use bessemer_signer::{Client, SignerProcess, StatementKey, Vault};
use std::path::PathBuf;
use std::process::Command;

/// A run of the signer's program on the fixture's state.
fn tool(fixture: &Fixture, words: &[&str]) -> Result<serde_json::Value, String> {
    let output = Command::new(&fixture.options.binary)
        .arg(words[0])
        .arg("--state")
        .arg(&fixture.options.state)
        .args(&words[1..])
        .env("COSIGN_PASSWORD", &fixture.options.password)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8(output.stderr).unwrap())
}

fn key_of(root: &TrustRoot, role: Role) -> String {
    let mut keys = root.keys.iter();
    let found = keys.find(|key| key.role == role && key.until.is_none());
    found.unwrap().id.clone()
}

/// A finished run and its sidecar.
fn finished(client: &mut Client) -> (Run, Sidecar) {
    let run = Run::ready(client);
    let sidecar = run.finish(client).unwrap().remove(0).1;
    (run, sidecar)
}

fn judged(run: &Run, sidecar: &Sidecar, root: &TrustRoot) -> Result<Report, VerifyError> {
    let output = &run.record.outputs[0];
    let facts = ApkFacts {
        file: output.file.clone(),
        sha256: output.sha256,
        control_sha256: Some(output.control_sha256),
        data_sha256: Some(output.data_sha256),
    };
    verify(&facts, sidecar, root, &VerifyPolicy::default())
}

/// What whoever broke into the signer's machine takes away: the key itself.
fn stolen(fixture: &Fixture, id: &str) -> StatementKey {
    let name = format!("keys/provenance-{}.key", &id[..16]);
    let path: PathBuf = fixture.options.state.join(name);
    let mut vault = Vault::new(fixture.options.password.as_str());
    let text = std::fs::read_to_string(path).unwrap();
    StatementKey::from_pkcs8(&vault.open(&text).unwrap()).unwrap()
}

#[test]
fn a_key_is_stolen() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let root = client.trust_root().unwrap();
    let id = key_of(&root, Role::Provenance);
    let (before, good) = finished(&mut client);
    let t = fixture.log().lines().count().to_string();

    // The thief signs what was built here as his own work: once with the key alone, once with the
    // whole signer, so that the log has it.
    let thief = stolen(&fixture, &id);
    let public = thief.public().unwrap();
    let payload = good.envelopes()[0].open(&public).unwrap();
    let mut envelopes = good.envelopes().to_vec();
    envelopes[0] = Envelope::seal(&payload, &thief).unwrap();
    let forged = Sidecar::new(envelopes);
    let borrowed = forged.clone().with_proofs(&good.proofs_to_bytes()).unwrap();
    let (after, late) = finished(&mut client);

    // The control run: without a revocation what was logged passes, and only that.
    judged(&before, &good, &root).unwrap();
    judged(&after, &late, &root).unwrap();
    for unlogged in [&forged, &borrowed] {
        let error = judged(&before, unlogged, &root).unwrap_err();
        assert!(
            matches!(error, VerifyError::NoProof { number: 1 }),
            "{error}"
        );
    }

    let change = tool(&fixture, &["revoke", &id, "--at", &t]).unwrap();
    let revoked = fixture.root();
    assert_eq!(change["until"].to_string(), t);
    assert_eq!(change["new"], key_of(&revoked, Role::Provenance));
    judged(&before, &good, &revoked).unwrap();
    let error = judged(&after, &late, &revoked).unwrap_err();
    assert!(
        matches!(error, VerifyError::KeyWindow { number: 1, .. }),
        "{error}"
    );
    for unlogged in [&forged, &borrowed] {
        let error = judged(&before, unlogged, &revoked).unwrap_err();
        assert!(
            matches!(error, VerifyError::NoProof { number: 1 }),
            "{error}"
        );
    }

    // The process that still holds the old key signs nothing more; a new one goes on with the new.
    let error = Run::new_registered(&mut client).unwrap_err().to_string();
    assert!(error.contains("the keys were changed"), "{error}");
    // Nor does it hand out the trust root that is no longer the one.
    for told in [client.trust_root().map(drop), client.describe().map(drop)] {
        let error = told.unwrap_err().to_string();
        assert!(error.contains("the keys were changed"), "{error}");
    }
    drop(fixture.process);
    let process = SignerProcess::spawn(&fixture.options).unwrap();
    let mut client = process.client().unwrap();
    assert_eq!(client.trust_root().unwrap(), revoked);
    let (next, sidecar) = finished(&mut client);
    judged(&next, &sidecar, &revoked).unwrap();
    let error = judged(&next, &sidecar, &root).unwrap_err();
    assert!(
        matches!(error, VerifyError::UnknownKey { number: 1 }),
        "{error}"
    );
    assert_eq!(before.finish(&mut client).unwrap().remove(0).1, good);
}

/// What a factory is worth whose builders hold the key themselves, and whose keys need no log.
#[test]
fn control_run_whoever_has_the_key_has_any_statement_believed() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut root = client.trust_root().unwrap();
    let thief = stolen(&fixture, &key_of(&root, Role::Provenance));
    let (run, good) = finished(&mut client);
    let payload = good.envelopes()[0].open(&thief.public().unwrap()).unwrap();
    let mut told: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let metadata = &mut told["predicate"]["runDetails"]["metadata"];
    assert!(metadata["startedOn"].is_string(), "{told}");
    metadata["startedOn"] = "2001-01-01T00:00:00Z".into();
    let mut envelopes = good.envelopes().to_vec();
    envelopes[0] = Envelope::seal(&serde_json::to_vec(&told).unwrap(), &thief).unwrap();
    let forged = Sidecar::new(envelopes);
    judged(&run, &forged, &root).unwrap_err();
    root.keys.retain(|key| key.role != Role::Log);
    judged(&run, &forged, &root).unwrap();
}

#[test]
fn every_role_gets_a_new_key_and_old_statements_stay_good() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let (run, sidecar) = finished(&mut client);
    let root = fixture.root();
    for role in [
        "provenance",
        "test",
        "sbom",
        "gate",
        "import",
        "image",
        "rebuild",
        "apk",
        "import-apk",
    ] {
        let change = tool(&fixture, &["rotate", role]).unwrap();
        assert_eq!(change["role"], role);
    }
    let rotated = fixture.root();
    assert_eq!(rotated.keys.len(), root.keys.len() + 9);
    assert_eq!(rotated.base, root.base);
    judged(&run, &sidecar, &rotated).unwrap();
    drop(fixture.process);
    let process = SignerProcess::spawn(&fixture.options).unwrap();
    let mut client = process.client().unwrap();
    let (run, sidecar) = finished(&mut client);
    judged(&run, &sidecar, &rotated).unwrap();
}

#[test]
fn refuses_changes_that_make_no_sense() {
    let fixture = Fixture::start();
    let root = fixture.root();
    let id = key_of(&root, Role::Test);
    let log = key_of(&root, Role::Log);
    let foreign = fixture.directory.path().join("checkpoint");
    let other = Fixture::start();
    std::fs::copy(other.options.state.join("log/checkpoint"), &foreign).unwrap();
    let foreign = foreign.to_str().unwrap();
    for (message, words) in [
        ("no role", vec!["rotate", "log"]),
        ("no role", vec!["rotate", "king"]),
        ("no role", vec!["revoke", &log]),
        ("has no key", vec!["revoke", "0123456789"]),
        ("has no key", vec!["revoke", &id[..7]]),
        ("has 1 entries", vec!["revoke", &id, "--at", "2"]),
        (
            "no signature of",
            vec!["revoke", &id, "--since-checkpoint", foreign],
        ),
    ] {
        let found = tool(&fixture, &words).unwrap_err();
        assert!(found.contains(message), "{words:?}: {found}");
    }
    assert_eq!(fixture.root(), root, "nothing was changed");
    assert_eq!(fixture.log().lines().count(), 1);
    let own = fixture.options.state.join("log/checkpoint");
    let kept = fixture.directory.path().join("kept");
    std::fs::copy(own, &kept).unwrap();
    Run::ready(&mut fixture.client());
    let change = tool(
        &fixture,
        &[
            "revoke",
            &id[..8],
            "--since-checkpoint",
            kept.to_str().unwrap(),
        ],
    );
    assert_eq!(change.unwrap()["until"], 1);
    // A second look finds that it was earlier; it is never later again.
    for (at, until) in [("0", 0), ("2", 0)] {
        let change = tool(&fixture, &["revoke", &id, "--at", at]).unwrap();
        assert_eq!(change["until"], until);
    }
}

#[test]
fn a_change_that_was_cut_off_is_completed() {
    let fixture = Fixture::start();
    let path = fixture.options.state.join("trust-root.json");
    let old = std::fs::read(&path).unwrap();
    tool(&fixture, &["rotate", "gate"]).unwrap();
    let new = std::fs::read(&path).unwrap();
    assert_ne!(old, new);
    // As if it had died before the last step.
    std::fs::write(&path, &old).unwrap();
    drop(fixture.process);
    let process = SignerProcess::spawn(&fixture.options).unwrap();
    let root = process.client().unwrap().trust_root().unwrap();
    assert_eq!(root.to_bytes().unwrap(), new);
    assert_eq!(std::fs::read(&path).unwrap(), new);
}
