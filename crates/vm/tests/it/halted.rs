//! A disk is read when nobody can write to it any more: its machine is gone, and whatever its QEMU
//! had started went with it. Where one of the two is left out, what was hashed changes afterwards.

use crate::bench::{Bench, output_of, qemu, step, variable};
use bessemer_vm::{
    DirectLauncher, GuestPath, JailLauncher, JailProfile, LaunchRequest, Launcher, ProcessEnd,
    ProcessLimits, Qemu, Session,
};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a disk is watched for a change that must not come; a writer needs a tenth of it.
const WATCH: Duration = Duration::from_secs(2);

/// Root in a guest writes to the output disk itself, past the agent and the archive.
const OVERWRITE: &str =
    "mkdir -p /tmp/dev; test -e /tmp/dev/null || mount -t devtmpfs none /tmp/dev
for disk in /sys/block/*; do
  if test \"$(cat $disk/serial)\" = output; then
    test -b /tmp/dev/${disk##*/} && head -c 4096 /dev/urandom > /tmp/dev/${disk##*/} && echo written
  fi
done";

/// A guest whose archive is on its output disk.
fn archived(bench: &Bench, launcher: &dyn Launcher) -> Session {
    let mut session = bench.launch_with(launcher);
    let script = "mkdir -p melange-out; echo content > melange-out/file";
    let (outcome, output) = output_of(&mut session, &step("main/0", script));
    assert!(outcome.unwrap().succeeded(), "{output}");
    // What a step leaves running is to write when the archive is there.
    let left = format!("(while sleep 0.1; do {OVERWRITE}; done) > /tmp/left 2>&1 &");
    let (outcome, output) = output_of(&mut session, &step("main/1", &left));
    assert!(outcome.unwrap().succeeded(), "{output}");
    let path = GuestPath::new("/home/build/melange-out").unwrap();
    assert!(session.archive(&[path]).unwrap() > 0);
    session
}

fn launcher(program: Qemu) -> JailLauncher {
    JailLauncher::start(
        &variable("BESSEMER_TEST_JAILER"),
        program,
        JailProfile::Auto,
    )
    .unwrap()
}

fn output(bench: &Bench) -> Vec<u8> {
    fs::read(bench.dir.path().join("output.img")).unwrap()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_archive_stays_as_it_is_when_its_machine_is_gone() {
    let bench = Bench::new();
    let launcher = launcher(qemu());
    archived(&bench, &launcher).power_off().unwrap();
    let read = output(&bench);
    assert_eq!(&read[257..262], b"ustar", "no archive");
    std::thread::sleep(WATCH);
    assert!(output(&bench) == read, "it changed");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_while_the_machine_runs_the_archive_changes_behind_its_reader() {
    let bench = Bench::new();
    let launcher = launcher(qemu());
    let mut session = archived(&bench, &launcher);
    let read = output(&bench);
    assert_eq!(&read[257..262], b"ustar", "no archive");
    let (outcome, said) = output_of(&mut session, &step("main/2", OVERWRITE));
    assert!(
        outcome.unwrap().succeeded() && said == "written\n",
        "{said}"
    );
    session.power_off().unwrap();
    assert!(output(&bench) != read, "the guest's write did not arrive");
}

/// A taken-over QEMU: it leaves a process behind that goes on writing to its disk, and ends as if
/// the guest had powered off.
const SURVIVOR: &str = "open(D, '+<&=', 100) or die 'no disk'; $| = 1; \
    my $pid = fork; die 'no fork' if !defined $pid; exit 0 if $pid; \
    close STDOUT; close STDERR; \
    for (1..300) { sysseek(D, 0, 0); syswrite(D, sprintf('%08d', $_)); select(undef, undef, undef, 0.02) }";

/// Whether it could start another process, and what the disk begins with when QEMU has ended, and after a
/// while.
fn left_by(launcher: &dyn Launcher) -> (bool, [Vec<u8>; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let disk: PathBuf = folder.path().join("output.img");
    fs::write(&disk, [b'-'; 8]).unwrap();
    let memory = || -> OwnedFd { memfd_create("test", MemfdFlags::CLOEXEC).unwrap() };
    let request = LaunchRequest {
        kernel: memory(),
        initramfs: memory(),
        arguments: ["-e", SURVIVOR, "--"].map(str::to_owned).to_vec(),
        inherited: vec![
            File::options()
                .read(true)
                .write(true)
                .open(&disk)
                .unwrap()
                .into(),
        ],
        console: memory(),
        diagnostics: memory(),
        kvm: false,
        limits: ProcessLimits {
            memory_mib: 64,
            tasks: 24,
            cpu_percent: 50,
            seconds: 60,
        },
    };
    let mut launched = launcher.launch(request).unwrap();
    let end = launched.process.wait(Duration::from_secs(60));
    let forked = end == Some(ProcessEnd::Exited(0));
    let content = || {
        let mut bytes = vec![0; 8];
        File::open(&disk)
            .unwrap()
            .read_exact_at(&mut bytes, 0)
            .unwrap();
        bytes
    };
    let at_the_end = content();
    let until = Instant::now() + WATCH;
    while content() == at_the_end && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    (forked, [at_the_end, content()])
}

fn perl() -> Qemu {
    Qemu {
        path: "/usr/bin/perl".into(),
        ..qemu()
    }
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn a_taken_over_qemu_leaves_nothing_running() {
    let (forked, [at_the_end, later]) = left_by(&launcher(perl()));
    assert!(!forked);
    assert_eq!(at_the_end, later);
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn control_run_without_the_jail_it_writes_to_the_disk_that_was_hashed() {
    let (forked, [at_the_end, later]) = left_by(&DirectLauncher::new(perl()));
    assert!(forked);
    assert_ne!(at_the_end, later);
}
