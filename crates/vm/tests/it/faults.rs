//! Guests that misbehave: each gives one typed error with the step's id, and no machine is left.

use crate::bench::{Bench, output_of, qemu, step};
use bessemer_vm::{
    Activity, DirectLauncher, Fault, JailReport, LaunchRequest, Launched, Launcher, LauncherError,
    ProcessEnd, Qemu, Run, VmProcess, create_scratch,
};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_step_that_hangs_is_ended_and_the_session_goes_on() {
    let bench = Bench::new();
    let mut session = bench.launch();
    let hang = Run {
        timeout_seconds: 2,
        ..step("main/0", "echo before; sleep 1000")
    };
    let (outcome, output) = output_of(&mut session, &hang);
    let error = outcome.unwrap_err();
    assert_eq!(error.activity, Activity::Step("main/0".into()));
    assert_eq!(error.to_string(), "step `main/0`: not finished within 2 s");
    assert_eq!(output, "before\n");
    let (outcome, _) = output_of(&mut session, &step("main/1", "true"));
    assert!(outcome.unwrap().succeeded());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_guest_that_stops_answering_meets_the_hosts_deadline() {
    let bench = Bench::new();
    let mut session = bench.launch();
    let script = "mkdir -p /tmp/cg; mount -t cgroup2 none /tmp/cg; mkdir /tmp/cg/ice; \
                  echo 1 > /tmp/cg/ice/cgroup.procs; echo 1 > /tmp/cg/ice/cgroup.freeze; sleep 99";
    let halt = Run {
        timeout_seconds: 5,
        ..step("main/0", script)
    };
    let error = output_of(&mut session, &halt).0.unwrap_err();
    let limit = Duration::from_secs(5);
    assert!(
        matches!(error.fault, Fault::Deadline { limit: l } if l == limit),
        "{error:?}"
    );
    assert!(error.to_string().starts_with("step `main/0`"), "{error}");
    assert!(!session.is_alive());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_kernel_panic_is_told_from_other_ends() {
    for (trigger, panics) in [("c", true), ("b", false)] {
        let bench = Bench::new();
        let mut session = bench.launch();
        let script = format!("echo {trigger} > /proc/sysrq-trigger; sleep 100");
        let error = output_of(&mut session, &step("main/4", &script))
            .0
            .unwrap_err();
        assert_eq!(error.activity, Activity::Step("main/4".into()));
        match &error.fault {
            Fault::Panicked { line } => assert!(panics && line.contains("Kernel panic"), "{line}"),
            Fault::Ended { .. } => assert!(!panics, "{}", error.console),
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            session
                .run_step(&step("main/5", "true"), &mut |_| ())
                .unwrap_err()
                .fault,
            Fault::Over
        ));
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_flood_of_output_ends_at_the_limit() {
    let mut bench = Bench::new();
    bench.machine.limits.log_bytes = 1 << 20;
    let mut session = bench.launch();
    let (outcome, output) = output_of(&mut session, &step("main/0", "cat /dev/zero"));
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `main/0`: wrote more than 1048576 bytes of output"
    );
    assert!(output.len() <= 1 << 20, "{}", output.len());
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_program_that_is_not_there_is_refused_and_the_session_goes_on() {
    let bench = Bench::new();
    let mut session = bench.launch();
    let missing = Run {
        argv: vec!["/bin/no-such".into()],
        ..step("main/0", "")
    };
    let error = output_of(&mut session, &missing).0.unwrap_err();
    assert!(
        error.to_string().contains("cannot run `/bin/no-such`"),
        "{error}"
    );
    let (outcome, _) = output_of(&mut session, &step("main/1", "true"));
    assert!(outcome.unwrap().succeeded());
    session.power_off().unwrap();
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_archive_that_does_not_fit_is_refused() {
    let bench = Bench::new();
    let mut session = bench.launch();
    let script = "mkdir -p melange-out; head -c 20000000 /dev/zero > melange-out/big";
    assert!(
        output_of(&mut session, &step("main/0", script))
            .0
            .unwrap()
            .succeeded()
    );
    let path = bessemer_vm::GuestPath::new("/home/build/melange-out").unwrap();
    let error = session.archive(&[path]).unwrap_err();
    assert!(matches!(error.fault, Fault::Refused { .. }), "{error:?}");
}

/// A small file system in memory, for as long as it lives.
struct SmallFolder(tempfile::TempDir);

impl SmallFolder {
    fn new(mebibytes: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "small"])
            .arg(dir.path())
            .status();
        assert!(mounted.unwrap().success(), "this test needs root");
        Self(dir)
    }
}

impl Drop for SmallFolder {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// No program in the guest would notice: what it wrote is in its page cache.
#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_guest_whose_disk_finds_no_space_on_the_host_is_ended_with_the_reason() {
    let mut bench = Bench::new();
    let small = SmallFolder::new(24);
    bench.machine.disks.scratch = small.0.path().join("scratch.img");
    create_scratch(&bench.machine.disks.scratch, 1 << 30).unwrap();
    let mut session = bench.launch();
    let script = "head -c 100000000 /dev/zero > big; sleep 100";
    let error = output_of(&mut session, &step("main/0", script))
        .0
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "step `main/0`: the host cannot write to the guest's disk `scratch`: No space left on \
         device; free some where Bessemer keeps its cache"
    );
    assert!(!session.is_alive());
}

/// Starts a machine the second time; the first time something that says nothing.
#[derive(Debug)]
struct SilentFirst {
    qemu: DirectLauncher,
    starts: AtomicUsize,
}

#[derive(Debug)]
struct Silent(#[expect(dead_code, reason = "keeps the channels open")] LaunchRequest);

impl VmProcess for Silent {
    fn kill(&mut self) {}
    fn wait(&mut self, _: Duration) -> Option<ProcessEnd> {
        None
    }
}

impl Launcher for SilentFirst {
    fn qemu(&self) -> &Qemu {
        self.qemu.qemu()
    }

    fn launch(&self, request: LaunchRequest) -> Result<Launched, LauncherError> {
        if self.starts.fetch_add(1, Ordering::Relaxed) > 0 {
            return self.qemu.launch(request);
        }
        Ok(Launched {
            process: Box::new(Silent(request)),
            jail: JailReport::default(),
        })
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_guest_that_never_speaks_is_started_again_once() {
    let mut bench = Bench::new();
    let launcher = SilentFirst {
        qemu: DirectLauncher::new(qemu()),
        starts: AtomicUsize::new(0),
    };
    let waited = Duration::from_millis(300);
    bench.machine.limits.first_boot = waited;
    let mut session = bench.launch_with(&launcher);
    assert_eq!(session.second_start(), Some(waited));
    let (outcome, output) = output_of(&mut session, &step("main/0", "echo here"));
    assert!(outcome.unwrap().succeeded());
    assert_eq!(output, "here\n");
    session.power_off().unwrap();
    assert_eq!(launcher.starts.load(Ordering::Relaxed), 2);
}
