//! A signer whose operator provisioned the host: one builder id above `local`, and what it demands.

use crate::environment::{ask_with, imported, locking, reseal};
use crate::run::Run;
use crate::{Fixture, options, run};
use bessemer_attest::derive::{GatePolicy, HOST_LAYERS};
use bessemer_attest::documents::{Accelerator, AcceleratorChoice, JailChoice, digest};
use bessemer_attest::{BuilderKind, Role, TrustRoot};
use bessemer_signer::{SignerOptions, SignerProcess, memory_file};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use tempfile::TempDir;

const BASE: &str = "https://factory.example";
/// Whom root lets the signer be: only root can choose.
const SIGNER: u32 = 65534;

/// A directory that the signer may work in, and the options for it.
fn ground() -> (TempDir, SignerOptions) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let mut options = options(directory.path());
    if rustix::process::geteuid().is_root() {
        options.run_as = Some(SIGNER);
        std::os::unix::fs::chown(directory.path(), Some(SIGNER), Some(SIGNER)).unwrap();
    }
    (directory, options)
}

/// A run of the signer's program on the state directory, under the signer's uid.
fn tool(options: &SignerOptions, verb: &str, words: &[&str]) -> Output {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(&options.binary);
    command.arg(verb).arg("--state").arg(&options.state);
    command
        .args(words)
        .env("COSIGN_PASSWORD", &options.password);
    if let Some(uid) = options.run_as {
        command.uid(uid).gid(uid);
    }
    command.output().unwrap()
}

fn provision(options: &SignerOptions, builder: &str) -> Output {
    tool(options, "init", &["--base", BASE, "--builder", builder])
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn root_of(options: &SignerOptions) -> TrustRoot {
    let bytes = std::fs::read(options.state.join("trust-root.json")).unwrap();
    TrustRoot::parse(&bytes).unwrap()
}

#[test]
fn keys_speak_for_the_builder_that_they_were_made_for() {
    for kind in [BuilderKind::Microvm, BuilderKind::MicrovmEmulated] {
        let (_directory, options) = ground();
        assert!(provision(&options, kind.name()).status.success());
        // Once more is no mistake, another builder is.
        assert!(provision(&options, kind.name()).status.success());
        let other = match kind {
            BuilderKind::Microvm => "microvm-emulated",
            _ => "microvm",
        };
        let said = said(&provision(&options, other));
        assert!(said.contains(&kind.id(BASE)), "{said}");
        assert!(tool(&options, "rotate", &["provenance"]).status.success());
        let root = root_of(&options);
        let keys = root.keys.iter().filter(|key| key.role == Role::Provenance);
        let claims: Vec<_> = keys
            .map(|key| (key.builder_id.clone().unwrap(), key.level))
            .collect();
        let expected = (kind.id(BASE), kind.highest_level());
        assert_eq!(claims, [expected.clone(), expected]);
    }
}

#[test]
fn a_base_that_no_trust_root_can_have_leaves_no_keys() {
    for base in ["http://factory.example", "https://factory.example/"] {
        let (_directory, options) = ground();
        let words = ["--base", base, "--builder", "microvm"];
        let said = said(&tool(&options, "init", &words));
        assert!(said.contains("not an https URL"), "{said}");
        // What was begun is made anew.
        assert!(provision(&options, "microvm").status.success());
    }
    let (_directory, options) = ground();
    let words = ["--base", BASE, "--builder", "local"];
    assert!(said(&tool(&options, "init", &words)).contains("none of microvm"));
}

#[test]
fn a_provisioned_signer_shares_no_uid_with_whom_it_answers() {
    let (_directory, mut options) = ground();
    assert!(provision(&options, "microvm").status.success());
    options.allow_uid = options.run_as.unwrap_or(options.allow_uid);
    let error = SignerProcess::spawn(&options).unwrap_err().to_string();
    assert!(error.contains("a signer with a uid of its own"), "{error}");
}

#[test]
fn what_can_never_be_signed_is_refused_before_it_starts() {
    if !rustix::process::geteuid().is_root() {
        // Without root there is one uid, and no such signer: the test above.
        return;
    }
    let (_directory, options) = ground();
    assert!(provision(&options, "microvm-emulated").status.success());
    let process = SignerProcess::spawn(&options).unwrap();
    let mut client = process.client().unwrap();
    let id = client.describe().unwrap().builder_id;
    assert_eq!(id, BuilderKind::MicrovmEmulated.id(BASE));
    let mut run = run::new();
    let mut refused = |run: &mut run::Run, reason: &str| {
        let error = run.register(&mut client).unwrap_err();
        let text = format!("{:#}", anyhow::Error::new(error));
        assert!(text.contains(reason), "{text} / {reason}");
    };
    refused(&mut run, "the accelerator was left to chance");
    run.job_spec.accelerator = AcceleratorChoice::Kvm;
    refused(&mut run, "asked for is `kvm`, not `tcg`");
    run.job_spec.accelerator = AcceleratorChoice::Tcg;
    refused(&mut run, "asked for is `auto`, not `host`");
    run.job_spec.jail = JailChoice::Host;
    refused(&mut run, "not at a clean commit");
    let source = &mut run.job_spec.config_source;
    source.repository = Some("https://example.test/recipes".to_owned());
    source.commit = Some("0123456789012345678901234567890123456789".to_owned());
    run.register(&mut client).unwrap();

    // What was seen is judged at the end: the jail of this run lacks its uid.
    run.record.job_spec = digest(&run.job_spec).unwrap();
    assert_eq!(run.record.build_machine.accelerator, Accelerator::Tcg);
    run.sign_control(&mut client).unwrap();
    let error = anyhow::Error::new(run.finish(&mut client).unwrap_err());
    let text = format!("{error:#}");
    assert!(text.contains("what boots was not verified"), "{text}");

    // A job that a person may enter is signed by nobody, and needs no commit.
    let mut entered = run::new();
    entered.job_spec.interactive = true;
    entered.register(&mut client).unwrap();
}

/// A run as the builder id demands it, which boots `agent`.
fn demanded(agent: &[u8]) -> Run {
    let mut run = locking(&[
        ("package", "kernel", KERNEL),
        ("agent_package", "hello", agent),
    ]);
    for lock in [&mut run.lock, &mut run.test_lock] {
        let package = lock.boot.agent_package.as_mut().unwrap();
        package.version.replace_range(.., "1.0-r0");
    }
    let spec = &mut run.job_spec;
    (spec.accelerator, spec.jail) = (AcceleratorChoice::Tcg, JailChoice::Host);
    spec.config_source.repository = Some("https://example.test/recipes".to_owned());
    spec.config_source.commit = Some("0123456789012345678901234567890123456789".to_owned());
    let tested = run.record.tests[0].machine.as_mut().unwrap();
    for jail in [&mut run.record.build_machine.jail, &mut tested.jail] {
        jail.applied = HOST_LAYERS.map(str::to_owned).into();
        jail.missing.clear();
    }
    reseal(&mut run);
    run
}

const KERNEL: &[u8] = b"kernel package";

#[test]
fn a_factory_boots_no_agent_that_its_operator_did_not_choose() {
    if !rustix::process::geteuid().is_root() {
        // Without root there is one uid, and no such signer.
        return;
    }
    let (directory, options) = ground();
    assert!(provision(&options, "microvm-emulated").status.success());
    let maker = Fixture::start();
    let root = directory.path().join("maker.json");
    std::fs::write(&root, maker.root().to_bytes().unwrap()).unwrap();
    let trusted = tool(&options, "trust", &[root.to_str().unwrap()]);
    assert!(trusted.status.success());
    let beside_kernel = imported(&mut maker.client(), "kernel-1-r0.apk", KERNEL);
    let made = Run::ready(&mut maker.client());
    let beside_agent = made.finish(&mut maker.client()).unwrap().remove(0).1;

    let process = SignerProcess::spawn(&options).unwrap();
    let mut client = process.client().unwrap();
    let kernel = (KERNEL, &beside_kernel);
    let apk = &made.apk[..];
    let mut first = demanded(&made.apk);
    first.register(&mut client).unwrap();
    let lock = first.lock.clone();
    let refused = ask_with(&mut client, &first, &lock, kernel, None).unwrap_err();
    assert!(refused.contains("boots no other"), "{refused}");
    ask_with(
        &mut client,
        &first,
        &lock,
        kernel,
        Some((apk, &beside_agent)),
    )
    .unwrap();
    first.sign_control(&mut client).unwrap();
    let mut own = first.finish(&mut client).unwrap().remove(0).1;

    // The same bytes, as a tenant of this factory had them built.
    let mut second = demanded(&made.apk);
    second.register(&mut client).unwrap();
    let refused = ask_with(&mut client, &second, &lock, kernel, Some((apk, &own))).unwrap_err();
    assert!(
        refused.contains("did not admit it for booting"),
        "{refused}"
    );
    let file = memory_file(&made.apk).unwrap();
    for (allow_boot, name) in [(false, "as any package"), (true, "for booting")] {
        let policy = GatePolicy {
            min_level: 0,
            allow_untested: false,
            allow_boot,
        };
        let mut admitted = own.clone();
        let uri = "https://factory.example/hello-1.0-r0.apk";
        let admit = client.sign_summary("hello-1.0-r0.apk", uri, &policy, &file, &mut admitted);
        admit.unwrap();
        let asked = ask_with(&mut client, &second, &lock, kernel, Some((apk, &admitted)));
        assert_eq!(asked.is_ok(), allow_boot, "{name}: {asked:?}");
        if allow_boot {
            own = admitted;
        }
    }
    assert_eq!(own.envelopes().len(), 4);
}
