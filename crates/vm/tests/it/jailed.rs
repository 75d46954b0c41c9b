//! QEMU in the jail.

use crate::bench::{Bench, output_of, qemu, step, variable};
use bessemer_vm::{DirectLauncher, JailLauncher, JailProfile, Launcher};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set for a test that is run by another one, in a process of its own.
const CLIENT: &str = "BESSEMER_TEST_CLIENT";

/// Processes of this host whose command line contains `mark`.
fn processes_with(mark: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let found = entries.filter(|entry| {
        let command_line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_qemu = command_line.starts_with(b"/") && !command_line.is_empty();
        is_qemu && String::from_utf8_lossy(&command_line).contains(mark)
    });
    found.map(|entry| entry.path()).collect()
}

fn status_field(process: &Path, field: &str) -> String {
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with(field))
        .unwrap()
        .to_owned();
    line[field.len()..]
        .trim_matches([':', '\t', ' '])
        .to_owned()
}

fn namespace(process: &Path, kind: &str) -> PathBuf {
    std::fs::read_link(process.join("ns").join(kind)).unwrap()
}

fn jailer(profile: JailProfile) -> JailLauncher {
    JailLauncher::start(&variable("BESSEMER_TEST_JAILER"), qemu(), profile).unwrap()
}

/// A machine that can be found by its name in QEMU's command line.
fn marked(launcher: &dyn Launcher, mark: &str) -> (Bench, bessemer_vm::Session, PathBuf) {
    let mut bench = Bench::new();
    bench.machine = bench
        .machine
        .with_extra_arguments(vec!["-name".into(), mark.into()]);
    let session = bench.launch_with(launcher);
    let found = processes_with(mark);
    assert_eq!(found.len(), 1, "{found:?}");
    (bench, session, found[0].clone())
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn qemu_stands_in_every_layer_that_is_reported() {
    let launcher = jailer(JailProfile::Auto);
    let (_bench, mut session, process) = marked(
        &launcher,
        &format!("bessemer-test-layers-{}", std::process::id()),
    );
    let jail = session.observed().jail.clone();
    assert_eq!(jail.profile, "host");
    let own = Path::new("/proc/self");
    for (layer, kind) in [
        ("mount-namespace", "mnt"),
        ("pid-namespace", "pid"),
        ("net-namespace", "net"),
        ("ipc-namespace", "ipc"),
        ("uts-namespace", "uts"),
        ("cgroup-namespace", "cgroup"),
    ] {
        assert!(
            jail.applied.iter().any(|applied| applied == layer),
            "{layer}: {jail:?}"
        );
        assert_ne!(namespace(&process, kind), namespace(own, kind), "{layer}");
    }
    assert_eq!(status_field(&process, "NoNewPrivs"), "1");
    assert_eq!(status_field(&process, "Seccomp"), "2");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_field(&process, set), "0000000000000000", "{set}");
    }
    assert_ne!(namespace(&process, "user"), namespace(own, "user"));
    assert_eq!(std::fs::read(process.join("environ")).unwrap(), b"");
    if jail.applied.iter().any(|layer| layer == "own-uid") {
        let uid: u32 = status_field(&process, "Uid")
            .split('\t')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!((61710..62734).contains(&uid), "{uid}");
        // Nobody is root in there.
        let map = std::fs::read_to_string(process.join("uid_map")).unwrap();
        assert_eq!(
            map.split_whitespace().next(),
            Some(uid.to_string().as_str()),
            "{map}"
        );
        assert_eq!(jail.missing, Vec::<String>::new(), "all layers in one run");
    }
    let root = std::fs::read_dir(process.join("root"))
        .unwrap()
        .filter_map(Result::ok);
    let mut names: Vec<_> = root
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.retain(|name| !name.starts_with("lib"));
    names.sort();
    assert_eq!(names, ["bin", "boot", "dev", "sbin", "usr"]);

    let (outcome, _) = output_of(&mut session, &step("main/0", "true"));
    assert!(outcome.unwrap().succeeded());
    session.power_off().unwrap();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_without_the_jail_the_same_checks_see_the_host() {
    let launcher = DirectLauncher::new(qemu());
    let (_bench, session, process) = marked(&launcher, "bessemer-test-direct");
    let own = Path::new("/proc/self");
    assert_eq!(namespace(&process, "net"), namespace(own, "net"));
    assert!(process.join("root/proc/self").exists());
    assert_eq!(session.observed().jail.profile, "direct");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_machine_ends_with_its_session_and_all_with_their_launcher() {
    let launcher = jailer(JailProfile::Auto);
    let (_one, session, _) = marked(&launcher, "bessemer-test-session");
    drop(session);
    wait_until_gone("bessemer-test-session");
    let (_two, session, _) = marked(&launcher, "bessemer-test-launcher");
    drop(launcher);
    wait_until_gone("bessemer-test-launcher");
    drop(session);
}

/// This test program again, running one test; in a process of its own, so that it can be killed
/// or run under another uid.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", test])
        .env(CLIENT, "1")
        .stdout(Stdio::null());
    command
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_client_that_waits_to_be_killed() {
    if std::env::var_os(CLIENT).is_none() {
        return;
    }
    let launcher = jailer(JailProfile::Auto);
    let (_bench, mut session, _) = marked(&launcher, "bessemer-test-killed");
    let _ = output_of(&mut session, &step("main/0", "sleep 100"));
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_killed_client_leaves_no_machine() {
    let mut client = again("jailed::a_client_that_waits_to_be_killed")
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while processes_with("bessemer-test-killed").is_empty() {
        assert!(Instant::now() < until, "the client's machine did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    client.kill().unwrap();
    client.wait().unwrap();
    wait_until_gone("bessemer-test-killed");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn without_root_a_user_namespace_takes_the_place_of_a_uid() {
    let mut command = again("jailed::qemu_stands_in_every_layer_that_is_reported");
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    assert!(command.status().unwrap().success());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_guest_boots_in_a_pods_jail() {
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut command = again("jailed::a_guest_boots_in_a_pods_jail");
        assert!(command.uid(65534).gid(65534).status().unwrap().success());
        return;
    }
    let launcher = jailer(JailProfile::Pod);
    let mark = format!("bessemer-test-pod-{}", std::process::id());
    let (_bench, mut session, process) = marked(&launcher, &mark);
    let jail = session.observed().jail.clone();
    assert_eq!(jail.profile, "pod");
    for layer in [
        "landlock",
        "landlock-scope",
        "system-call-filter",
        "no-capabilities",
    ] {
        assert!(
            jail.applied.iter().any(|applied| applied == layer),
            "{jail:?}"
        );
    }
    // There is no namespace of its own.
    assert_eq!(
        namespace(&process, "net"),
        namespace(Path::new("/proc/self"), "net")
    );
    assert_eq!(status_field(&process, "NoNewPrivs"), "1");
    assert_eq!(status_field(&process, "Seccomp"), "2");
    let (outcome, _) = output_of(&mut session, &step("main/0", "true"));
    assert!(outcome.unwrap().succeeded());
    session.power_off().unwrap();
}

/// The kill was sent; a process needs a moment to go.
fn wait_until_gone(mark: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while !processes_with(mark).is_empty() {
        assert!(Instant::now() < until, "{mark} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
