//! What the signer gives for a run that is as it should be.

use crate::{Fixture, options, run};
use bessemer_attest::derive::GatePolicy;
use bessemer_attest::predicates::{Import, ImportedDeb, ImportedRelease};
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{Role, TrustRoot, decode_pem};
use bessemer_digest::Digest;
use bessemer_signer::{Repository, SignerOptions, SignerProcess, generate_rsa, memory_file};
use std::path::Path;

fn facts(run: &run::Run) -> ApkFacts {
    let output = &run.record.outputs[0];
    ApkFacts {
        file: output.file.clone(),
        sha256: output.sha256,
        control_sha256: Some(output.control_sha256),
        data_sha256: Some(output.data_sha256),
    }
}

fn rsa_verifies(root: &TrustRoot, role: Role, message: &[u8], signature: &[u8]) -> bool {
    let key = root.keys.iter().find(|key| key.role == role).unwrap();
    let spki = decode_pem("PUBLIC KEY", &key.public_key_pem).unwrap();
    let algorithm = &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
    aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, spki)
        .verify(message, signature)
        .is_ok()
}

#[test]
fn signs_a_run_and_admits_it() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let root = client.trust_root().unwrap();
    let mut run = run::new();
    run.register(&mut client).unwrap();
    assert!(
        fixture.log().contains(&run.record.invocation_id),
        "logged before the reply"
    );

    let (name, signature) = run.sign_control(&mut client).unwrap();
    assert!(
        name.starts_with("local-") && name.ends_with(".rsa.pub"),
        "{name}"
    );
    assert!(rsa_verifies(&root, Role::Apk, &run.control, &signature));

    let sidecars = run.finish(&mut client).unwrap();
    let (file, mut sidecar) = sidecars[0].clone();
    assert_eq!(
        (file.as_str(), sidecar.envelopes().len()),
        ("hello-1.0-r0.apk", 3)
    );
    let policy = VerifyPolicy {
        min_level: 1,
        require_tests: true,
        ..VerifyPolicy::default()
    };
    let report = verify(&facts(&run), &sidecar, &root, &policy).unwrap();
    assert_eq!(
        (report.level(), report.is_tested(), report.sbom),
        (1, true, true)
    );
    assert_eq!(
        run.finish(&mut client).unwrap(),
        sidecars,
        "the same record, the same envelopes"
    );

    let gate = GatePolicy {
        min_level: 1,
        allow_untested: false,
        allow_boot: false,
    };
    let apk = memory_file(&run.apk).unwrap();
    client
        .sign_summary(
            &file,
            &format!("packages/{file}"),
            &gate,
            &apk,
            &mut sidecar,
        )
        .unwrap();
    let policy = VerifyPolicy {
        require_gate: true,
        ..policy
    };
    assert!(
        verify(&facts(&run), &sidecar, &root, &policy)
            .unwrap()
            .gate
            .is_some()
    );

    let (name, signature) = client
        .sign_index(Repository::Packages, &memory_file(b"index").unwrap())
        .unwrap();
    assert!(name.starts_with("local-"));
    assert!(rsa_verifies(&root, Role::Apk, b"index", &signature));
}

#[test]
fn signs_imports_with_keys_of_their_own() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let root = client.trust_root().unwrap();
    let control = memory_file(b"control").unwrap();
    let (name, signature) = client.sign_import_control(&control).unwrap();
    assert_eq!(name, client.describe().unwrap().import_key);
    assert!(rsa_verifies(&root, Role::ImportApk, b"control", &signature));
    assert!(!rsa_verifies(&root, Role::Apk, b"control", &signature));
    let import = Import {
        list: Digest::of("list"),
        debs: vec![ImportedDeb {
            name: "dash".to_owned(),
            version: "0.5".to_owned(),
            architecture: "amd64".to_owned(),
            sha256: Digest::of("deb"),
            packages_file: Digest::of("Packages"),
        }],
        release: Some(ImportedRelease {
            suite: "bookworm".to_owned(),
            sha256: Digest::of("release"),
        }),
    };
    let apk = memory_file(b"apk").unwrap();
    let sidecar = client
        .sign_import("dash-0.5-r0.apk", &import, &apk)
        .unwrap();
    let facts = ApkFacts {
        file: "dash-0.5-r0.apk".to_owned(),
        sha256: Digest::of("apk"),
        control_sha256: None,
        data_sha256: None,
    };
    let policy = VerifyPolicy {
        accept_imports: true,
        ..VerifyPolicy::default()
    };
    assert!(verify(&facts, &sidecar, &root, &policy).is_ok());
    assert!(verify(&facts, &sidecar, &root, &VerifyPolicy::default()).is_err());
}

#[test]
fn keeps_its_keys_and_its_log_over_a_restart() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let root = client.trust_root().unwrap();
    let run = run::Run::ready(&mut client);
    let sidecars = run.finish(&mut client).unwrap();
    drop(fixture.process);
    let again = SignerProcess::spawn(&fixture.options).unwrap();
    let mut client = again.client().unwrap();
    assert_eq!(client.trust_root().unwrap(), root);
    assert_eq!(run.finish(&mut client).unwrap(), sidecars);
    drop(fixture.directory);
}

#[test]
fn takes_over_keys_that_other_programs_made() {
    let directory = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("test-data");
    let apk_key = directory.path().join("melange.rsa");
    std::fs::write(&apk_key, generate_rsa(2048).unwrap().private_pem).unwrap();
    let options = SignerOptions {
        provenance_key: Some(data.join("n65536.key")),
        apk_key: Some(apk_key),
        password: "correct horse".to_owned(),
        ..options(directory.path())
    };
    let process = SignerProcess::spawn(&options).unwrap();
    let mut client = process.client().unwrap();
    let root = client.trust_root().unwrap();
    let public = std::fs::read_to_string(data.join("key.pub")).unwrap();
    assert_eq!(root.keys[0].public_key_pem, public);
    let (name, signature) = client
        .sign_index(Repository::Packages, &memory_file(b"index").unwrap())
        .unwrap();
    assert_eq!(name, "melange.rsa.pub");
    assert!(rsa_verifies(&root, Role::Apk, b"index", &signature));
}

#[test]
fn a_key_can_come_as_a_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("handed.rsa");
    std::fs::write(&path, generate_rsa(2048).unwrap().private_pem).unwrap();
    let options = SignerOptions {
        apk_key: Some(path.clone()),
        // Any uid of its own makes the parent open the key; this one needs no privilege.
        run_as: Some(rustix::process::geteuid().as_raw()),
        ..options(directory.path())
    };
    let process = SignerProcess::spawn(&options).unwrap();
    // The signer has read it already, and not through the path.
    std::fs::remove_file(&path).unwrap();
    let mut client = process.client().unwrap();
    assert_eq!(client.describe().unwrap().apk_key, "handed.rsa.pub");
    let root = client.trust_root().unwrap();
    let (_, signature) = client
        .sign_index(Repository::Packages, &memory_file(b"index").unwrap())
        .unwrap();
    assert!(rsa_verifies(&root, Role::Apk, b"index", &signature));
    drop(process);
    let error = SignerProcess::spawn(&options).unwrap_err().to_string();
    assert!(error.contains("cannot open the signing key"), "{error}");
}
