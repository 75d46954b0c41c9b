//! The signer's key, socket and environment: out of a guest's reach and out of the control side's,
//! and known to be, because the same probes find them where they are put.

use crate::commands::{build, recipe, run};
use bessemer_testkit::{Outcome, Process, Running, Workshop, adopt_orphans, descendants};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The uid of everything `bessemer` does when root starts it.
const CONTROL: u32 = 61_700;
/// A value that stands in the environment of the whole build.
const VARIABLE: &str = "BESSEMER_TEST_CANARY";
/// Where the probe looks, in the order of its answers.
const PLACES: [&str; 4] = ["files", "parameters", "processes", "kernel log"];

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The signer's keys.
fn keys() -> PathBuf {
    if is_root() {
        return "/var/lib/bessemer/signer/keys".into();
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".local/share");
    data.unwrap_or_else(home).join("bessemer/signer/keys")
}

/// What must not be found: a piece of each private key, a variable's value, the socket's folder.
fn canaries() -> Vec<String> {
    crate::fixture::trust_root();
    let mut canaries = vec![
        "canary-in-the-environment".to_owned(),
        "/bessemer/signer-".to_owned(),
    ];
    let is_private = |name: &&String| Path::new(name).extension().is_none_or(|end| end != "pub");
    let names = crate::commands::names(&keys(), "");
    for name in names.iter().filter(is_private) {
        let text = fs::read_to_string(keys().join(name)).unwrap();
        // A run of characters that mean nothing to grep.
        let plain = |letter: char| !letter.is_ascii_alphanumeric();
        let pieces = text.lines().skip(2).flat_map(|line| line.split(plain));
        let longest = pieces.max_by_key(|piece| piece.len()).unwrap();
        assert!(longest.len() >= 12, "{name}: {longest}");
        canaries.push(longest.to_owned());
    }
    assert!(canaries.len() > 4, "{names:?}");
    canaries
}

/// A script that counts where the guest has one of the canaries. The first character stands in
/// brackets, so that the script does not find itself.
fn probe(canaries: &[String]) -> String {
    let patterns: Vec<String> = canaries
        .iter()
        .map(|canary| format!("[{}]{}", &canary[..1], &canary[1..]))
        .collect();
    format!(
        "pattern='{}'\ncount() {{ grep -aEc \"$pattern\" || true; }}\nfor place in /*; do\n  case \
         $place in /proc|/sys|/dev) ;; *) echo $place ;; esac\ndone > places\necho \"found: $(grep \
         -raElD skip \"$pattern\" $(cat places) | wc -l) $(cat /proc/cmdline | count) $(cat \
         /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' '\\\\n' | count) \
         $(timeout 3 cat /dev/kmsg | count)\"\necho \"parameters: $(cat /proc/cmdline)\"",
        patterns.join("|")
    )
}

/// Builds a recipe whose step is the probe; returns its answers.
fn probed(
    workshop: &Workshop,
    before: &str,
    more: &str,
    arguments: &[&Path],
    canaries: &[String],
) -> Vec<u64> {
    let probe = probe(canaries);
    let steps = [("before", before), ("probe", probe.as_str())];
    let recipe = recipe(workshop, "probe", &steps, "");
    let text = fs::read_to_string(&recipe).unwrap();
    fs::write(
        &recipe,
        text.replace("environment:\n", &format!("environment:\n{more}")),
    )
    .unwrap();
    let mut command = build(&recipe, &workshop.at("packages"));
    command
        .env(VARIABLE, "canary-in-the-environment")
        .args(arguments);
    let outcome = run(&mut command);
    outcome.expect(0);
    assert!(
        outcome.stderr.contains("parameters: console=ttyS0"),
        "{outcome}"
    );
    let mut found = outcome.errors("found: ");
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no answer\n{outcome}"));
    let counts: Vec<u64> = line
        .split(' ')
        .skip(1)
        .map(|count| count.parse().unwrap())
        .collect();
    assert_eq!(counts.len(), PLACES.len(), "{line}");
    counts
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn nothing_of_the_signer_is_in_a_guest() {
    let counts = probed(&Workshop::new(), "true", "", &[], &canaries());
    assert_eq!(counts, [0, 0, 0, 0], "{PLACES:?}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_the_probe_finds_what_is_put_there() {
    let (workshop, canaries) = (Workshop::new(), canaries());
    // The probe sees every canary, wherever it is: one a file, and the variable in the rest.
    for (number, canary) in canaries.iter().enumerate() {
        workshop.file(&format!("shared/{number}"), canary);
    }
    let variable = "  environment:\n    SHARED: canary-in-the-environment\n";
    let shared = workshop.at("shared");
    let arguments = [Path::new("--source-dir"), &shared];
    let before = "echo canary-in-the-environment > /dev/kmsg";
    let counts = probed(&workshop, before, variable, &arguments, &canaries);
    assert!(
        counts[0] >= u64::try_from(canaries.len()).unwrap(),
        "{counts:?}"
    );
    // Nothing can be put on the kernel's command line from outside; that it is read is checked.
    assert!(counts[2] > 0 && counts[3] > 0, "{counts:?} in {PLACES:?}");
}

/// Runs `program` under `uid`.
fn as_uid(uid: Option<u32>, program: &str, words: &[&str]) -> Outcome {
    let mut command = Command::new(program);
    command.args(words).current_dir("/");
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    Outcome::of(&mut command, Duration::from_secs(20))
}

/// What of the signer can be read under `uid`: files of its state, its environment, its memory,
/// its open files. Reading the memory needs the same permission as attaching to it.
fn readable(uid: Option<u32>, signer: u32) -> Vec<String> {
    let process = |name: &str| format!("/proc/{signer}/{name}");
    let state = keys().parent().unwrap().to_owned();
    let mut candidates = vec![
        process("environ"),
        process("maps"),
        process("syscall"),
        process("stack"),
    ];
    let names = crate::commands::names(&keys(), "");
    candidates.extend(
        names
            .iter()
            .map(|name| keys().join(name).display().to_string()),
    );
    candidates.push(state.join("log/checkpoint").display().to_string());
    candidates.retain(|path| as_uid(uid, "head", &["-c", "1", path]).status == 0);
    if as_uid(uid, "ls", &[&process("fd")]).status == 0 {
        candidates.push(process("fd"));
    }
    if as_uid(uid, "sh", &["-c", &format!("exec 3<{}", process("mem"))]).status == 0 {
        candidates.push(process("mem"));
    }
    candidates
}

/// A build under way, with its signer.
fn with_signer(look: &dyn Fn(u32)) {
    adopt_orphans();
    let workshop = Workshop::new();
    let recipe = recipe(&workshop, "waiting", &[("wait", "sleep 30")], "");
    let mut running = Running::start(&mut build(&recipe, &workshop.at("packages")));
    let until = Instant::now() + Duration::from_secs(20);
    let is_signer = |process: &Process| process.name == "bessemer-signer";
    // `init` comes first, and ends; the one that serves has its socket's name among its words.
    let signer = loop {
        assert!(running.runs() && Instant::now() < until, "no signer");
        let found = descendants().into_iter().filter(is_signer).find(|process| {
            let words = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            words.windows(5).any(|bytes| bytes == b"serve")
        });
        if let Some(signer) = found {
            break signer.pid;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    std::thread::sleep(Duration::from_millis(500));
    look(signer);
    running.signal(rustix::process::Signal::TERM);
    running.finish(Duration::from_secs(20));
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_control_side_cannot_read_the_signer() {
    with_signer(&|signer| {
        let found = readable(is_root().then_some(CONTROL), signer);
        // Without root both have one uid, and only the process protects itself: the id says local.
        let expected = |path: &&String| is_root() || path.starts_with("/proc/");
        let found: Vec<_> = found.iter().filter(expected).collect();
        assert!(found.is_empty(), "{found:?}");
        // The control run: the same probe under a uid that may.
        if is_root() {
            let found = readable(None, signer);
            for needle in [
                "/environ",
                "/mem",
                "/fd",
                "/provenance-",
                "/apk-",
                "/log/checkpoint",
            ] {
                assert!(
                    found.iter().any(|path| path.contains(needle)),
                    "{needle}: {found:?}"
                );
            }
        }
    });
}
