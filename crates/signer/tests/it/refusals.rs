//! What the signer does not do.

use crate::run::{self, Run};
use crate::wait_until_ready;
use crate::{Fixture, options, run::file};
use bessemer_attest::Sidecar;
use bessemer_attest::derive::GatePolicy;
use bessemer_attest::documents::{LockKind, Outcome, TestOutcome, Timestamp, digest};
use bessemer_digest::Digest;
use bessemer_signer::{Client, ClientError, SignerProcess, memory_file};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, ClientError>) -> String {
    match result {
        Err(ClientError::Refused(reasons)) => reasons.join(": "),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn refuses_records_that_are_not_what_was_registered_or_measured() {
    type Change = fn(&mut Run);
    let cases: [(&str, Change); 27] = [
        ("no job was registered", |run| {
            run.record.invocation_id = "0".repeat(32);
        }),
        ("interactive", |run| run.record.interactive = true),
        ("ended in failure", |run| {
            run.record.outcome = Outcome::Failure;
        }),
        ("ended in failure", |run| {
            run.record.tests[0].outcome = TestOutcome::Failed;
        }),
        ("the registered job spec", |run| {
            run.record.job_spec = Digest::of("x");
        }),
        ("the registered lock", |run| {
            run.record.lock = Digest::of("x");
        }),
        ("the record's plan", |run| run.record.plan = Digest::of("x")),
        ("a lock is", |run| run.lock.recipe.path.push('x')),
        ("a lock is", |run| run.test_lock.kind = LockKind::Build),
        ("a log is", |run| run.log.push(b'x')),
        ("a log is", |run| run.test_log.clear()),
        ("the guest inputs is", |run| {
            run.guest_inputs.messages.pop();
        }),
        ("names 0 guest inputs, and 1 were handed over", |run| {
            run.record.byproducts.guest_inputs = None;
        }),
        ("the environment disk of the guest is", |run| {
            run.guest_inputs.disks[0].sha256 = Some(Digest::of("x"));
            let inputs = digest(&run.guest_inputs).unwrap();
            run.record.byproducts.guest_inputs = Some(inputs);
        }),
        ("the SBOM of", |run| run.sbom.push(b' ')),
        ("not a JSON object", |run| {
            run.sbom = b"[]".to_vec();
            run.record.outputs[0].sbom = Digest::of(b"[]");
        }),
        ("`hello-1.0-r0.apk` is", |run| {
            *run.apk.last_mut().unwrap() ^= 1;
        }),
        ("data member of", |run| {
            run.record.outputs[0].data_sha256 = Digest::of("x");
        }),
        ("was not signed for this job", |run| {
            run.record.outputs[0].control_sha256 = Digest::of("x");
        }),
        ("the size of", |run| run.record.outputs[0].size += 1),
        ("a test's subject", |run| {
            run.record.tests[0].subject = Digest::of("x");
        }),
        ("all with status 0", |run| {
            run.record.tests[0].steps[0].status = 1;
        }),
        ("the kernel of the build VM", |run| {
            run.record.build_machine.kernel = Some(Digest::of("x"));
        }),
        ("the signer is", |run| {
            run.record.components.signer.sha256 = Digest::of("x");
        }),
        ("not between registration and now", |run| {
            run.record.started_on = Timestamp::epoch();
        }),
        ("not between registration and now", |run| {
            run.record.finished_on = "9000-01-01T00:00:00Z".parse().unwrap();
        }),
        ("has control characters", |run| {
            run.record.build_machine.qemu_version = Some("\u{1b}".to_owned());
        }),
    ];
    let fixture = Fixture::start();
    for (message, change) in cases {
        let mut client = fixture.client();
        let mut run = Run::ready(&mut client);
        change(&mut run);
        let found = refusal(run.finish(&mut client));
        assert!(found.contains(message), "{found} / {message}");
    }
    let log = fixture.log();
    assert!(!log.contains("\"finished\""), "nothing was signed");
    assert!(!log.contains("\"signed\""), "no statement");
    // The control run: the same record, unchanged.
    let mut client = fixture.client();
    Run::ready(&mut client).finish(&mut client).unwrap();
}

/// A record as text, for what the type cannot say.
fn finish_as(
    client: &mut Client,
    run: &Run,
    change: impl Fn(&mut serde_json::Value),
) -> Result<Vec<(String, Sidecar)>, ClientError> {
    let mut record = serde_json::to_value(&run.record).unwrap();
    change(&mut record);
    let plain = |bytes: &[u8]| memory_file(bytes).unwrap();
    let (log, test_log) = (plain(&run.log), plain(&run.test_log));
    client.finish(&bessemer_signer::FinishedRun {
        record: &file(&record),
        locks: &[&file(&run.lock), &file(&run.test_lock)],
        networks: &[],
        guest_inputs: &file(&run.guest_inputs),
        logs: &[&log, &test_log],
        sboms: &[&plain(&run.sbom)],
        apks: &[&plain(&run.apk)],
        signature_sizes: &[b"signature member".len() as u64],
    })
}

#[test]
fn refuses_a_run_that_is_not_over() {
    type Change = fn(&mut serde_json::Value);
    let cases: [(&str, Change); 6] = [
        ("does not follow its schema", |record| {
            record.as_object_mut().unwrap().remove("finished_on");
        }),
        ("does not follow its schema", |record| {
            record["outcome"] = "running".into();
        }),
        ("does not follow its schema", |record| {
            record["build_machine"] = serde_json::Value::Null;
        }),
        ("record speaks of", |record| {
            record["outputs"] = serde_json::json!([]);
            record["tests"] = serde_json::json!([]);
        }),
        ("record speaks of", |record| {
            let test = &mut record["tests"][0];
            test.as_object_mut().unwrap().remove("log");
        }),
        ("not between registration and now", |record| {
            record["finished_on"] = "9000-01-01T00:00:00Z".into();
        }),
    ];
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let run = Run::ready(&mut client);
    for (message, change) in cases {
        let found = refusal(finish_as(&mut client, &run, change));
        assert!(found.contains(message), "{found} / {message}");
    }
    // Registered, and no control member signed yet.
    let early = Run::new_registered(&mut client).unwrap();
    assert!(refusal(early.finish(&mut client)).contains("was not signed for this job"));
    assert!(!fixture.log().contains("\"signed\""));
    // The control run: each of these jobs can still be finished.
    finish_as(&mut client, &run, |_| ()).unwrap();
    early.sign_control(&mut client).unwrap();
    early.finish(&mut client).unwrap();
}

#[test]
fn gives_the_same_bytes_for_the_same_record_whoever_asks_and_when() {
    let fixture = Fixture::start();
    let run = Run::ready(&mut fixture.client());
    let bytes = |sidecars: Vec<(String, Sidecar)>| {
        let sidecar = &sidecars[0].1;
        (sidecar.to_bytes().unwrap(), sidecar.proofs_to_bytes())
    };
    let ask = || bytes(run.finish(&mut fixture.client()).unwrap());
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|one| *one == answers[0]));
    assert_eq!(fixture.log().matches("\"finished\"").count(), 1);
    // Other work in between makes the log longer, and changes nothing of it.
    let other = Run::ready(&mut fixture.client());
    let others = bytes(other.finish(&mut fixture.client()).unwrap());
    assert_eq!(ask(), answers[0]);
    assert_ne!(others, answers[0], "the control run");
    // A record that differs is another record.
    let mut changed = run;
    changed.record.components.controller.version.push('x');
    let found = refusal(changed.finish(&mut fixture.client()));
    assert!(found.contains("with another record"), "{found}");
}

#[test]
fn refuses_a_foreign_run_and_a_second_record() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut run = Run::ready(&mut client);
    let mut other = Run::ready(&mut client);
    other.control = b"another control member".to_vec();
    other.sign_control(&mut client).unwrap();
    run.finish(&mut client).unwrap();
    run.record.outputs[0].sbom = Digest::of("another");
    assert!(refusal(run.finish(&mut client)).contains("is finished, with another record"));
    assert!(refusal(run.sign_control(&mut client)).contains("is finished"));
    other.record.components.jailer.version = "changed".to_owned();
    other.record.invocation_id = run.record.invocation_id.clone();
    assert!(refusal(other.finish(&mut client)).contains("is finished, with another record"));
}

#[test]
fn refuses_jobs_it_must_not_take() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let mut run = run::new();
    run.job_spec.lock = Digest::of("x");
    assert!(refusal(run.register(&mut client)).contains("the lock is"));
    let spaced = memory_file(b"{ }").unwrap();
    assert!(refusal(client.register(&spaced, &file(&run.lock))).contains("schema"));
    assert!(refusal(run.sign_control(&mut client)).contains("no job was registered"));
    let mut run = run::new();
    run.job_spec.interactive = true;
    run.record.job_spec = digest(&run.job_spec).unwrap();
    run.register(&mut client).unwrap();
    assert!(refusal(run.sign_control(&mut client)).contains("interactive"));
    let pipe = std::fs::File::open("/dev/null").unwrap();
    assert!(refusal(client.sign_control("x", &pipe)).contains("not a regular file"));
}

#[test]
fn the_gate_verifies_before_it_signs() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    let run = Run::ready(&mut client);
    let sidecar = run.finish(&mut client).unwrap()[0].1.clone();
    let gate = |min_level| GatePolicy {
        min_level,
        allow_untested: false,
        allow_boot: false,
    };
    let place = "packages/hello-1.0-r0.apk";
    let mut ask_for = |place: &str, policy: &GatePolicy, apk: &[u8], sidecar: &Sidecar| {
        let apk = memory_file(apk).unwrap();
        let mut sidecar = sidecar.clone();
        client.sign_summary("hello-1.0-r0.apk", place, policy, &apk, &mut sidecar)
    };
    ask_for(place, &gate(1), &run.apk, &sidecar).unwrap();
    for place in ["packages/x", "hello-1.0-r0.apk/x", ""] {
        let found = refusal(ask_for(place, &gate(1), &run.apk, &sidecar));
        assert!(found.contains("the resource uri"), "{found}");
    }
    let mut ask = |policy: &GatePolicy, apk: &[u8], sidecar: &Sidecar| {
        refusal(ask_for(place, policy, apk, sidecar))
    };
    assert!(ask(&gate(3), &run.apk, &sidecar).contains("level 3 is demanded"));
    assert!(ask(&gate(1), b"another", &sidecar).contains("not among the subjects"));
    assert!(ask(&gate(1), &run.apk, &Sidecar::default()).contains("no provenance"));
    let unlogged = Sidecar::new(sidecar.envelopes().to_vec());
    assert!(ask(&gate(1), &run.apk, &unlogged).contains("nothing beside it proves"));
    let mut provenance = Sidecar::default();
    provenance.push_logged(sidecar.envelopes()[0].clone(), sidecar.proofs()[0].clone());
    assert!(ask(&gate(1), &run.apk, &provenance).contains("no passing test result"));
}

#[test]
fn refuses_other_users_passwords_and_open_directories() {
    let mut fixture = Fixture::start();
    drop(fixture.process);
    fixture.options.allow_uid = rustix::process::geteuid().as_raw() + 1;
    let process = SignerProcess::spawn(&fixture.options).unwrap();
    assert!(refusal(process.client().unwrap().describe()).contains("may not use this signer"));
    drop(process);
    fixture.options.password = "another".to_owned();
    let error = SignerProcess::spawn(&fixture.options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot open the key"), "{error}");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&fixture.options.state, open).unwrap();
    let error = SignerProcess::spawn(&fixture.options)
        .unwrap_err()
        .to_string();
    assert!(error.contains("not this user's alone"), "{error}");
}

#[test]
fn control_run_a_signer_that_is_told_another_uid_answers_it() {
    let mut fixture = Fixture::start();
    drop(fixture.process);
    // Directory, socket and client are those of the refusal: the uid alone makes the difference.
    let own = rustix::process::geteuid().as_raw();
    for (uid, answered) in [(own + 1, false), (own, true)] {
        fixture.options.allow_uid = uid;
        let process = SignerProcess::spawn(&fixture.options).unwrap();
        let mut client = process.client().unwrap();
        assert_eq!(client.describe().is_ok(), answered, "{uid}");
    }
}

#[test]
fn refuses_to_go_on_with_an_altered_log() {
    let fixture = Fixture::start();
    let mut client = fixture.client();
    Run::ready(&mut client);
    let path = fixture.options.state.join("log/checkpoint");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replacen("\n3\n", "\n2\n", 1)).unwrap();
    assert!(refusal(run::new().register(&mut client)).contains("was altered"));
    std::fs::write(&path, good).unwrap();
    run::new().register(&mut client).unwrap();
}

#[test]
fn does_not_begin_again_where_there_are_keys_and_no_log() {
    let fixture = Fixture::start();
    drop(fixture.process);
    let state = &fixture.options.state;
    let refused = || {
        SignerProcess::spawn(&fixture.options)
            .unwrap_err()
            .to_string()
    };
    std::fs::rename(state.join("log"), state.join("elsewhere")).unwrap();
    assert!(refused().contains("their log is gone"));
    std::fs::rename(state.join("elsewhere"), state.join("log")).unwrap();
    std::fs::write(state.join("log.jsonl"), "{}\n").unwrap();
    assert!(refused().contains("no released version wrote"));
    std::fs::remove_file(state.join("log.jsonl")).unwrap();
    SignerProcess::spawn(&fixture.options).unwrap();
}

#[test]
fn ends_when_its_parent_lets_go() {
    let fixture = Fixture::start();
    let (id, socket) = (fixture.process.id(), fixture.process.socket().to_owned());
    drop(fixture.process);
    assert!(!Path::new(&format!("/proc/{id}")).exists());
    assert!(matches!(
        Client::connect(&socket),
        Err(ClientError::Connect { .. })
    ));

    // Nobody kills this one: it notices by itself, as it would after a SIGKILL of its parent.
    let mut child = Command::new(&fixture.options.binary)
        .args(["serve", "--exit-with-parent", "--allow-uid", "0", "--state"])
        .arg(&fixture.options.state)
        .arg("--socket")
        .arg(&socket)
        .env("COSIGN_PASSWORD", &fixture.options.password)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until_ready(&mut child);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!socket.exists());
}

#[test]
fn keeps_its_keys_from_the_uid_that_asks_it() {
    // Only root can choose another uid; anybody else's signer shares theirs, and says so.
    const NOBODY: u32 = 65534;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let mut options = options(directory.path());
    if rustix::process::geteuid().is_root() {
        options.run_as = Some(NOBODY);
        std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let process = SignerProcess::spawn(&options).unwrap();
    let uid = options
        .run_as
        .unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let mut pending = vec![options.state.clone()];
    let mut files = 0;
    while let Some(path) = pending.pop() {
        let metadata = std::fs::metadata(&path).unwrap();
        let found = (metadata.uid(), metadata.mode() & 0o077);
        assert_eq!(found, (uid, 0), "{}", path.display());
        files += 1;
        if metadata.is_dir() {
            let inside = std::fs::read_dir(path).unwrap();
            pending.extend(inside.map(|entry| entry.unwrap().path()));
        }
    }
    assert!(files > 20, "{files}");
    assert!(
        process
            .client()
            .unwrap()
            .describe()
            .unwrap()
            .builder_id
            .ends_with("/local/v1")
    );
}
