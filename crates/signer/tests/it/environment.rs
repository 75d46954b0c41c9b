//! The gate's word on what a job's machines boot.

use crate::{Fixture, run};
use bessemer_attest::derive::MEASURED_PROPERTY;
use bessemer_attest::documents::{Lock, digest};
use bessemer_attest::predicates::{Import, Summary};
use bessemer_attest::{Role, Sidecar, Statement, TrustRoot};
use bessemer_digest::Digest;
use bessemer_signer::{BootPackage, Client, memory_file};
use serde_json::json;
use std::path::Path;
use std::process::Command;

const KERNEL: &[u8] = b"kernel package";
const AGENT: &[u8] = b"agent package";

/// A run whose lock names this package as what boots.
fn booting(package: &[u8]) -> run::Run {
    locking(&[("package", "kernel", package)])
}

/// A run whose lock has these packages, each in a field of its own, with a name.
pub(crate) fn locking(packages: &[(&str, &str, &[u8])]) -> run::Run {
    let mut run = run::new();
    for lock in [&mut run.lock, &mut run.test_lock] {
        let mut value = serde_json::to_value(&*lock).unwrap();
        for (field, name, package) in packages {
            value["boot"][field] = json!({
                "name": name, "version": "1-r0", "architecture": "x86_64", "size": 1,
                "uri": format!("repository/x86_64/{name}-1-r0.apk"), "sha256": Digest::of(package),
                "control_sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709", "from_build": false,
            });
        }
        *lock = serde_json::from_value(value).unwrap();
    }
    reseal(&mut run);
    run
}

pub(crate) fn reseal(run: &mut run::Run) {
    run.job_spec.lock = digest(&run.lock).unwrap();
    run.record.lock = run.job_spec.lock;
    run.record.job_spec = digest(&run.job_spec).unwrap();
    run.record.tests[0].lock = Some(digest(&run.test_lock).unwrap());
}

pub(crate) fn imported(client: &mut Client, file: &str, apk: &[u8]) -> Sidecar {
    let import = Import {
        list: Digest::of("list"),
        debs: Vec::new(),
        release: None,
    };
    client
        .sign_import(file, &import, &memory_file(apk).unwrap())
        .unwrap()
}

fn ask(
    client: &mut Client,
    run: &run::Run,
    lock: &Lock,
    kernel: &[u8],
    attestations: &Sidecar,
) -> Result<Sidecar, String> {
    ask_with(client, run, lock, (kernel, attestations), None)
}

pub(crate) fn ask_with(
    client: &mut Client,
    run: &run::Run,
    lock: &Lock,
    (kernel, attestations): (&[u8], &Sidecar),
    agent: Option<(&[u8], &Sidecar)>,
) -> Result<Sidecar, String> {
    let agent = agent.map(|(package, beside)| (memory_file(package).unwrap(), beside));
    let agent = agent
        .as_ref()
        .map(|(file, attestations)| BootPackage { file, attestations });
    client
        .sign_environment(
            &run.record.invocation_id,
            &run::file(lock),
            &BootPackage {
                file: &memory_file(kernel).unwrap(),
                attestations,
            },
            agent.as_ref(),
        )
        .map_err(|error| error.to_string())
}

#[test]
fn what_boots_is_verified_before_it_starts_and_provenance_names_the_verdict() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let attestations = imported(&mut client, "kernel-1-r0.apk", KERNEL);
    let mut run = booting(KERNEL);
    run.register(&mut client).unwrap();
    let lock = run.lock.clone();
    let summary = ask(&mut client, &run, &lock, KERNEL, &attestations).unwrap();

    let root = client.trust_root().unwrap();
    let gate = root.statement_keys().unwrap();
    let gate = gate.iter().find(|(_, key)| key.role == Role::Gate).unwrap();
    let envelope = &summary.envelopes()[0];
    let statement: Statement<Summary> =
        serde_json::from_slice(&envelope.open(&gate.0).unwrap()).unwrap();
    // A distribution's kernel: measured and attested, and no level.
    assert_eq!(statement.predicate.verified_levels, [MEASURED_PROPERTY]);
    let subjects: Vec<_> = statement
        .subject
        .iter()
        .map(|one| one.sha256().unwrap())
        .collect();
    let boot = &run.lock.boot;
    assert_eq!(
        subjects,
        [boot.kernel.unwrap(), boot.initramfs.unwrap(), boot.agent]
    );

    run.sign_control(&mut client).unwrap();
    let sidecars = run.finish(&mut client).unwrap();
    let said = |run: &Sidecar| {
        let keys = root.statement_keys().unwrap();
        let opened = run.envelopes().iter().flat_map(|envelope| {
            let opened = keys.iter().filter_map(|(key, _)| envelope.open(key).ok());
            opened.collect::<Vec<_>>()
        });
        opened
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .collect::<String>()
    };
    let named = envelope.digest().unwrap().hex();
    assert!(said(&sidecars[0].1).contains(&named));

    // Control run: a job for which nobody asked.
    let mut other = booting(KERNEL);
    other.register(&mut client).unwrap();
    other.sign_control(&mut client).unwrap();
    let silent = said(&other.finish(&mut client).unwrap()[0].1);
    assert!(!silent.contains("build-environment"), "{silent}");
}

#[test]
fn nothing_boots_on_the_word_of_another_package() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let good = imported(&mut client, "kernel-1-r0.apk", KERNEL);
    let mut run = booting(KERNEL);
    run.register(&mut client).unwrap();
    let lock = run.lock.clone();
    let mut other_lock = lock.clone();
    other_lock.boot.agent = Digest::of("another agent");
    let foreign = imported(&mut client, "kernel-1-r0.apk", b"another package");
    let named = imported(&mut client, "other-1-r0.apk", KERNEL);
    let cases: [(&Lock, &[u8], &Sidecar, &str); 5] = [
        (&other_lock, KERNEL, &good, "the lock is"),
        (&lock, b"another package", &good, "the kernel package is"),
        (&lock, KERNEL, &foreign, "does not verify"),
        (&lock, KERNEL, &named, "does not verify"),
        (&lock, KERNEL, &Sidecar::default(), "does not verify"),
    ];
    for (lock, kernel, attestations, reason) in cases {
        let refused = ask(&mut client, &run, lock, kernel, attestations).unwrap_err();
        assert!(refused.contains(reason), "{refused} / {reason}");
    }
    // Control run: the same, unchanged.
    ask(&mut client, &run, &lock, KERNEL, &good).unwrap();
    // A run without a machine has no environment.
    let mut direct = run::new();
    direct.register(&mut client).unwrap();
    let lock = direct.lock.clone();
    let refused = ask(&mut client, &direct, &lock, KERNEL, &good).unwrap_err();
    assert!(refused.contains("names no kernel"), "{refused}");
}

#[test]
fn the_agents_package_is_evidence_too() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let beside_kernel = imported(&mut client, "kernel-1-r0.apk", KERNEL);
    let beside_agent = imported(&mut client, "agent-1-r0.apk", AGENT);
    let mut run = locking(&[
        ("package", "kernel", KERNEL),
        ("agent_package", "agent", AGENT),
    ]);
    run.register(&mut client).unwrap();
    let lock = run.lock.clone();
    let kernel = (KERNEL, &beside_kernel);
    let evidence = |client: &mut Client, agent| {
        let summary = ask_with(client, &run, &lock, kernel, agent)?;
        let root = client.trust_root().unwrap();
        let keys = root.statement_keys().unwrap();
        let gate = keys.iter().find(|(_, key)| key.role == Role::Gate).unwrap();
        let opened = summary.envelopes()[0].open(&gate.0).unwrap();
        let statement: Statement<Summary> = serde_json::from_slice(&opened).unwrap();
        Ok::<_, String>(statement.predicate.input_attestations.len())
    };
    // Control run: without the agent's package there is the kernel's envelope alone.
    assert_eq!(evidence(&mut client, None), Ok(1));
    assert_eq!(evidence(&mut client, Some((AGENT, &beside_agent))), Ok(2));
    for (agent, reason) in [
        ((KERNEL, &beside_kernel), "the agent package is"),
        ((AGENT, &beside_kernel), "does not verify"),
        ((AGENT, &Sidecar::default()), "does not verify"),
    ] {
        let refused = evidence(&mut client, Some(agent)).unwrap_err();
        assert!(refused.contains(reason), "{refused} / {reason}");
    }
    // A lock that names no package of the agent's has none to hand over.
    let mut without = booting(KERNEL);
    without.register(&mut client).unwrap();
    let lock = without.lock.clone();
    let agent = Some((AGENT, &beside_agent));
    let refused = ask_with(&mut client, &without, &lock, kernel, agent).unwrap_err();
    assert!(
        refused.contains("names no package that the agent"),
        "{refused}"
    );
}

#[test]
fn another_factorys_kernel_boots_when_the_operator_trusts_it() {
    let maker = Fixture::start();
    let attestations = imported(&mut maker.client(), "kernel-1-r0.apk", KERNEL);
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut run = booting(KERNEL);
    run.register(&mut client).unwrap();
    let lock = run.lock.clone();
    // The control run: nobody here knows the maker's keys.
    let error = ask(&mut client, &run, &lock, KERNEL, &attestations).unwrap_err();
    assert!(error.contains("does not verify"), "{error}");

    let own = maker.options.state.join("trust-root.json");
    let trust = |root: &Path| {
        Command::new(&fixture.options.binary)
            .args(["trust", "--state"])
            .arg(&fixture.options.state)
            .arg(root)
            .env("COSIGN_PASSWORD", &fixture.options.password)
            .output()
            .unwrap()
    };
    let output = trust(&own);
    assert!(output.status.success());
    // The signer that runs takes it up.
    let summary = ask(&mut client, &run, &lock, KERNEL, &attestations).unwrap();
    assert_eq!(summary.envelopes().len(), 1);
    let digest = Digest::of(maker.root().to_bytes().unwrap()).to_string();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), digest);
    assert!(trust(&own).status.success());
    let logged = fixture.log();
    let named = logged
        .lines()
        .filter(|line| line.contains("boot-root-trusted"));
    assert_eq!(named.count(), 1, "once is enough");

    // A newer trust root of the same factory takes the place of the earlier one: here one that does
    // not have its import key any more.
    let revoked = maker.root().keys.into_iter();
    let revoked = revoked.filter(|key| key.role != Role::Import).collect();
    let newer = TrustRoot {
        keys: revoked,
        ..maker.root()
    };
    let path = fixture.directory.path().join("newer.json");
    std::fs::write(&path, newer.to_bytes().unwrap()).unwrap();
    assert!(trust(&path).status.success());
    let error = ask(&mut client, &run, &lock, KERNEL, &attestations).unwrap_err();
    assert!(error.contains("does not verify"), "{error}");
    assert!(trust(&own).status.success());
    ask(&mut client, &run, &lock, KERNEL, &attestations).unwrap();

    // What the log names must be there, as it was.
    let name = format!("roots/{}.json", digest.trim_start_matches("sha256:"));
    std::fs::write(fixture.options.state.join(name), "{}").unwrap();
    let error = ask(&mut client, &run, &lock, KERNEL, &attestations).unwrap_err();
    assert!(error.contains("gone or was changed"), "{error}");
}
