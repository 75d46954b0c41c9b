//! What a QEMU that a guest has taken over could do: Perl stands in its place, in the very jail that a
//! machine gets. Every attempt is made outside the jail as well, where it must succeed: a
//! probe that cannot see a hole proves nothing.

use crate::attempts::attempts;
use crate::bench::{qemu, variable};
use bessemer_vm::{
    DirectLauncher, JailLauncher, JailProfile, JailReport, LaunchRequest, Launcher, ProcessEnd,
    ProcessLimits, ProxyRequest, Qemu,
};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The profile of a test that is run by another one, under another uid.
const PROFILE: &str = "BESSEMER_TEST_PROFILE";
/// Limits that a small program can reach.
const LIMITS: ProcessLimits = ProcessLimits {
    memory_mib: 64,
    tasks: 24,
    cpu_percent: 50,
    seconds: 60,
};

/// Perl in the place of QEMU.
fn perl() -> Qemu {
    Qemu {
        path: "/usr/bin/perl".into(),
        ..qemu()
    }
}

fn launcher(profile: JailProfile) -> JailLauncher {
    JailLauncher::start(&variable("BESSEMER_TEST_JAILER"), perl(), profile).unwrap()
}

fn has(jail: &JailReport, layer: &str) -> bool {
    jail.applied.iter().any(|applied| applied == layer)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn memory_file() -> OwnedFd {
    memfd_create("boot", MemfdFlags::CLOEXEC).unwrap()
}

struct Ran {
    output: String,
    jail: JailReport,
    end: ProcessEnd,
}

/// Runs a Perl program in QEMU's place and takes what it prints.
fn run(launcher: &dyn Launcher, limits: ProcessLimits, program: &str) -> Ran {
    let (mut console, write) = std::io::pipe().unwrap();
    let (mut diagnostics, errors) = std::io::pipe().unwrap();
    let request = LaunchRequest {
        kernel: memory_file(),
        initramfs: memory_file(),
        arguments: ["-e", program, "--"].map(str::to_owned).to_vec(),
        inherited: vec![memory_file()],
        console: write.into(),
        diagnostics: errors.into(),
        kvm: false,
        limits,
    };
    let mut launched = launcher.launch(request).unwrap();
    let mut output = String::new();
    console.read_to_string(&mut output).unwrap();
    let mut said = String::new();
    diagnostics.read_to_string(&mut said).unwrap();
    let end = launched.process.wait(Duration::from_secs(60)).unwrap();
    Ran {
        output: output + &said,
        jail: launched.jail,
        end,
    }
}

/// The same in the place of a guest's proxy, which reads its program from standard input.
fn run_as_proxy(launcher: &dyn Launcher, limits: ProcessLimits, program: &str) -> Ran {
    let file = |content: &str, length: u64| {
        let mut file = File::from(memory_file());
        file.write_all(content.as_bytes()).unwrap();
        file.set_len(length.max(content.len() as u64)).unwrap();
        file.rewind().unwrap();
        file
    };
    let (printed, said) = (file("", 4096), file("", 4096));
    let request = ProxyRequest {
        control: file(program, 0).into(),
        bodies: printed.try_clone().unwrap().into(),
        diagnostics: said.try_clone().unwrap().into(),
        limits,
    };
    let mut launched = launcher.launch_proxy(request).unwrap();
    let end = launched.process.wait(Duration::from_secs(60)).unwrap();
    let text = |mut file: File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text.trim_end_matches('\0').to_owned()
    };
    Ran {
        output: text(printed) + &text(said),
        jail: launched.jail,
        end,
    }
}

/// The same as a child of this process that nothing was done for.
fn run_carelessly(_: &dyn Launcher, _: ProcessLimits, program: &str) -> Ran {
    let mut command = Command::new(perl().path);
    let ran = command.args(["-e", program]).output().unwrap();
    Ran {
        output: String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap(),
        jail: JailReport::default(),
        end: ProcessEnd::Exited(ran.status.code().unwrap()),
    }
}

/// What succeeds of all attempts, one process for each.
fn succeeded(start: impl FnOnce() -> Box<dyn Launcher>) -> Vec<&'static str> {
    // The one that it was given, and boot files where there is no root to put them in.
    succeeded_as(start, run, 2)
}

type Runner = fn(&dyn Launcher, ProcessLimits, &str) -> Ran;

/// The same for one kind of process, which has `extra` descriptors beside its standard streams.
fn succeeded_as(
    start: impl FnOnce() -> Box<dyn Launcher>,
    run: Runner,
    extra: u32,
) -> Vec<&'static str> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut victim = Command::new("sleep").arg("60").spawn().unwrap();
    let outside = tempfile::tempdir().unwrap();
    // What a careless parent leaves open.
    let left_open = rustix::io::fcntl_dupfd_cloexec(&listener, 150).unwrap();
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
    let place = outside.path().to_str().unwrap();
    let launcher = start();
    let mut found = Vec::new();
    for (what, expression) in attempts(victim.id(), place) {
        let ended = format!(
            "our ($PORT, $EXTRA) = ({port}, {extra}); $! = 0; \
             my $done = do {{ {expression} }}; print $done ? 'done' : 'no'; exit 0;"
        );
        let ran = run(launcher.as_ref(), LIMITS, &ended);
        match ran.output.as_str() {
            "done" => found.push(what),
            "no" => {}
            other => panic!("{what}: {other} ({})", ran.end),
        }
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    found
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn a_taken_over_qemu_reaches_nothing() {
    let profile = match std::env::var(PROFILE).as_deref() {
        Ok("pod") => JailProfile::Pod,
        _ => JailProfile::Auto,
    };
    let found = succeeded(|| Box::new(launcher(profile)));
    assert_eq!(found, Vec::<&str>::new());
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn a_taken_over_proxy_reaches_the_network_and_nothing_else() {
    let start = || -> Box<dyn Launcher> {
        let jailer = variable("BESSEMER_TEST_JAILER");
        let perl = Path::new("/usr/bin/perl");
        let started = JailLauncher::start_with(&jailer, qemu(), JailProfile::Auto, Some(perl));
        Box::new(started.unwrap())
    };
    // What it is for is the control run of the rest.
    assert_eq!(
        succeeded_as(start, run_as_proxy, 0),
        ["reach the host by loopback"]
    );
    let listen = "use Socket; print socket(S, PF_INET, SOCK_STREAM, 0) && \
                  bind(S, sockaddr_in(0, INADDR_ANY)) ? 'done' : 'no'";
    let ran = run_as_proxy(start().as_ref(), LIMITS, listen);
    assert_eq!(ran.output, "no", "it listens for nobody");
    for layer in [
        "pivot-root",
        "system-call-filter",
        "no-capabilities",
        "landlock",
    ] {
        assert!(has(&ran.jail, layer), "{:?}", ran.jail);
    }
    assert!(!has(&ran.jail, "net-namespace"), "{:?}", ran.jail);
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn nor_does_one_without_root_or_in_a_pod() {
    for profile in ["auto", "pod"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--ignored",
                "--exact",
                "escape::a_taken_over_qemu_reaches_nothing",
            ])
            .env(PROFILE, profile);
        if is_root() {
            command.uid(65534).gid(65534);
        }
        assert!(command.status().unwrap().success(), "{profile}");
    }
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn control_run_without_the_jail_every_attempt_succeeds() {
    if !is_root() {
        return;
    }
    let all: Vec<_> = attempts(0, "/").into_iter().map(|(what, _)| what).collect();
    let plain = || -> Box<dyn Launcher> { Box::new(DirectLauncher::new(perl())) };
    assert_eq!(succeeded_as(plain, run_carelessly, 0), all);
    // The plain launcher, too, gives away neither descriptors nor an environment.
    assert_eq!(succeeded(plain), all[..all.len() - 2]);
}

/// Programs that want more than they may have, and what they print when nothing holds them.
const GREEDY: [(&str, &str); 2] = [
    ("my $all = 'x' x (256 << 20); print 'done'", "done"),
    (
        "use threads; no warnings; my $n = 0; for (1..100) { \
         my $t = threads->create(sub { sleep 3 }) or last; $t->detach; $n++ } $| = 1; print $n",
        "100",
    ),
];

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn control_groups_hold_memory_and_processes() {
    let launcher = launcher(JailProfile::Auto);
    let [memory, processes] = GREEDY.map(|(program, _)| run(&launcher, LIMITS, program));
    if !is_root() {
        assert!(has(&memory.jail, "memory-rlimit"), "{:?}", memory.jail);
        return;
    }
    assert!(has(&memory.jail, "cgroup-limits"), "{:?}", memory.jail);
    assert_eq!(
        (memory.output.as_str(), memory.end),
        ("", ProcessEnd::Signaled(9))
    );
    let count: u32 = processes.output.parse().unwrap();
    assert!((1..LIMITS.tasks).contains(&count), "{count}");
    // They go with their machines, a moment after these have ended.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let left = groups(Path::new("/sys/fs/cgroup"), 6);
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "{left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn control_run_without_control_groups_nothing_holds_them() {
    let direct = DirectLauncher::new(perl());
    for (program, expected) in GREEDY {
        assert_eq!(run(&direct, LIMITS, program).output, expected);
    }
}

/// Groups of this process's jailers that are still there, wherever this host has its hierarchies.
fn groups(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let name = entry.file_name();
        if let Some(rest) = name.to_str().and_then(|name| name.strip_prefix("vm-")) {
            let pid = rest.split('-').next().unwrap_or_default();
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
            let parent = format!("PPid:\t{}\n", std::process::id());
            if status.is_ok_and(|status| status.contains(&parent)) {
                found.push(entry.path());
            }
        } else if depth > 0 {
            found.extend(groups(&entry.path(), depth - 1));
        }
    }
    found
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn a_machine_ends_when_its_time_is_over() {
    let limits = ProcessLimits {
        seconds: 1,
        ..LIMITS
    };
    let program = "$| = 1; print 'begun'; sleep 50; print 'done'";
    let ran = run(&launcher(JailProfile::Auto), limits, program);
    assert_eq!(
        (ran.output.as_str(), ran.end),
        ("begun", ProcessEnd::Overdue)
    );
    let short = "print 'done'";
    let ran = run(&launcher(JailProfile::Auto), limits, short);
    assert_eq!(
        (ran.output.as_str(), ran.end),
        ("done", ProcessEnd::Exited(0))
    );
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn root_gets_no_pod() {
    if !is_root() {
        return;
    }
    let error = launcher(JailProfile::Pod).launch(LaunchRequest {
        kernel: memory_file(),
        initramfs: memory_file(),
        arguments: Vec::new(),
        inherited: Vec::new(),
        console: memory_file(),
        diagnostics: memory_file(),
        kvm: false,
        limits: LIMITS,
    });
    let error = error
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(error.contains("for an ordinary uid"), "{error}");
}
