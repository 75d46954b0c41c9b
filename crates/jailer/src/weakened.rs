//! Jails from which a layer is left out: what each layer holds back, by itself and beside the others.
//! `docs/jail.md` has the result.

use crate::attempts::attempts;
use crate::profile::Profile;
use crate::request::{Kind, Limits, Request, RequestText};
use crate::spawn::{Machine, Programs, spawn};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::ffi::CString;
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::sync::RwLock;
use std::time::Duration;

/// All that can be left out. Limits of memory and processor time have a control run of their own.
const LAYERS: [&str; 17] = [
    "own-uid",
    "user-namespace",
    "no-nested-namespaces",
    "mount-namespace",
    "pid-namespace",
    "net-namespace",
    "ipc-namespace",
    "uts-namespace",
    "cgroup-namespace",
    "pivot-root",
    "resource-limits",
    "closed-descriptors",
    "no-new-privs",
    "no-capabilities",
    "landlock",
    "system-call-filter",
    "empty-environment",
];

static OMITTED: RwLock<Vec<&'static str>> = RwLock::new(Vec::new());

pub(crate) fn omitted(layer: &str) -> bool {
    OMITTED.read().unwrap().contains(&layer)
}

fn memory_file() -> OwnedFd {
    memfd_create("test", MemfdFlags::CLOEXEC).unwrap()
}

/// What a Perl program prints in the place of QEMU.
fn printed(program: &str) -> String {
    printed_with(program, memory_file()).0
}

/// The same with this as its disk, and the machine that has ended.
fn printed_with(program: &str, disk: OwnedFd) -> (String, Machine) {
    let (mut console, write) = std::io::pipe().unwrap();
    let arguments = ["-e", program, "--"].map(|word| CString::new(word).unwrap());
    let limits = Limits {
        memory_mib: 64,
        tasks: 24,
        cpu_percent: 50,
        seconds: 60,
    };
    let request = Request {
        text: RequestText {
            proxy: false,
            kvm: false,
            limits,
            arguments: arguments.to_vec(),
        },
        leash: memory_file(),
        kind: Kind::Machine {
            kernel: memory_file(),
            initramfs: memory_file(),
        },
        console: write.into(),
        diagnostics: memory_file(),
        inherited: vec![disk],
    };
    let programs = Programs {
        qemu: "/usr/bin/perl".into(),
        proxy: None,
    };
    let machine = spawn(&programs, Profile::Host, 0, request);
    let machine = machine.map_err(|(_, error)| error).unwrap();
    let mut output = String::new();
    console.read_to_string(&mut output).unwrap();
    waitid(WaitId::PidFd(machine.handle.as_fd()), WaitIdOptions::EXITED).unwrap();
    (output, machine)
}

/// What succeeds of all attempts without these layers.
fn succeeded(without: &[&'static str]) -> Vec<&'static str> {
    *OMITTED.write().unwrap() = without.to_vec();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut victim = Command::new("sleep").arg("60").spawn().unwrap();
    let outside = tempfile::tempdir().unwrap();
    // What a careless parent leaves open.
    let left_open = rustix::io::fcntl_dupfd_cloexec(&listener, 150).unwrap();
    rustix::io::fcntl_setfd(&left_open, rustix::io::FdFlags::empty()).unwrap();
    let mut found = Vec::new();
    for (what, expression) in attempts(victim.id(), outside.path().to_str().unwrap()) {
        let program = format!(
            "our ($PORT, $EXTRA) = ({port}, 0); $! = 0; \
             my $done = do {{ {expression} }}; print $done ? 'done' : 'no'; exit 0;"
        );
        match printed(&program).as_str() {
            "done" => found.push(what),
            "no" => {}
            other => panic!("{what} without {without:?}: {other}"),
        }
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    OMITTED.write().unwrap().clear();
    found
}

fn all() -> Vec<&'static str> {
    attempts(0, "/").into_iter().map(|(what, _)| what).collect()
}

/// The layer without which this one cannot be had.
fn ground_of(layer: &str) -> Option<&'static str> {
    match layer {
        "pivot-root" => Some("mount-namespace"),
        "no-nested-namespaces" => Some("user-namespace"),
        _ => None,
    }
}

/// What succeeds where only these layers are there.
fn with_only(layers: &[&str]) -> Vec<&'static str> {
    let others = LAYERS.into_iter().filter(|layer| !layers.contains(layer));
    succeeded(&others.collect::<Vec<_>>())
}

/// One line for each layer: what succeeds without it, and what it holds back when it is the only one
/// beside what it stands on.
fn table() -> String {
    let list = |what: Vec<&str>| match what.len() {
        0 => "nothing".to_owned(),
        _ => what.join("; "),
    };
    let mut lines = String::new();
    for layer in LAYERS {
        let without = succeeded(&[layer]);
        let ground = ground_of(layer).as_slice().to_vec();
        let alone = with_only(&[&ground[..], &[layer]].concat());
        let before = with_only(&ground).into_iter();
        let held = before.filter(|what| !alone.contains(what));
        writeln!(
            lines,
            "| `{layer}` | {} | {} |",
            list(without),
            list(held.collect())
        )
        .unwrap();
    }
    lines
}

/// Linux 6.12 and later.
fn has_all_of_landlock() -> bool {
    let name = rustix::system::uname();
    let release = name.release().to_str().unwrap();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse().unwrap());
    let version: (u32, u32) = (numbers.next().unwrap(), numbers.next().unwrap());
    version >= (6, 12)
}

/// It leaves a process behind that goes on writing to its disk.
const SURVIVOR: &str = "open(D, '+<&=', 100) or die 'no disk'; my $pid = fork; exit 0 if $pid || !defined $pid; \
    close STDOUT; close STDERR; for (1..300) \
    { sysseek(D, 0, 0); syswrite(D, sprintf('%08d', $_)); select(undef, undef, undef, 0.02) }";

/// Whether the disk changes after the machine's end, without these layers.
fn survives(without: &[&'static str]) -> bool {
    *OMITTED.write().unwrap() = without.to_vec();
    let disk = memory_file();
    // A machine writes no file larger than its disks.
    rustix::fs::ftruncate(&disk, 4096).unwrap();
    // As long as it is not let go, nobody waits for its control group to be empty.
    let _machine = printed_with(SURVIVOR, disk.try_clone().unwrap());
    OMITTED.write().unwrap().clear();
    let disk = std::fs::File::from(disk);
    let content = || {
        let mut bytes = [0; 8];
        disk.read_at(&mut bytes, 0).unwrap();
        bytes
    };
    let at_the_end = content();
    std::thread::sleep(Duration::from_secs(1));
    content() != at_the_end
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn two_layers_keep_a_machine_from_leaving_a_writer_behind() {
    if !is_root() {
        return;
    }
    assert!(!survives(&[]));
    assert!(!survives(&["system-call-filter"]));
    assert!(!survives(&["pid-namespace"]));
    // Control run.
    assert!(survives(&["system-call-filter", "pid-namespace"]));
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn the_page_says_what_each_layer_holds_back() {
    if !is_root() {
        return;
    }
    assert_eq!(succeeded(&[]), Vec::<&str>::new());
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/jail.md");
    let page = std::fs::read_to_string(page).unwrap();
    for line in table().lines() {
        // An older Landlock holds back less: no TCP, no signals.
        if line.starts_with("| `landlock`") && !has_all_of_landlock() {
            continue;
        }
        assert!(page.contains(line), "docs/jail.md must have {line}");
    }
}

#[test]
#[ignore = "needs root: run through cargo xtask test"]
fn control_run_without_any_layer_every_attempt_succeeds() {
    if !is_root() {
        return;
    }
    assert_eq!(succeeded(&LAYERS), all());
}
