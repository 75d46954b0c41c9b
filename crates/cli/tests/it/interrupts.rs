//! Commands that are interrupted at any moment: nothing half-written, nothing left running, and the
//! next run succeeds.
//!
//! `BESSEMER_TEST_ROUNDS` is the number of interruptions of each command, `BESSEMER_TEST_SEED`
//! chooses their moments; a failure names both the moment and the signal.

use crate::commands::{ARCH, bessemer, build, names, publish, recipe, run, verify};
use crate::fixture::{FILES, tiny, trust_root};
use bessemer_apk::package::Reader;
use bessemer_apk::{Limits, read_index};
use bessemer_testkit::{Running, Workshop, adopt_orphans, number, wait_until_alone};
use rustix::process::Signal;
use std::fs::{self, File};
use std::io::BufReader;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const INDEX: &str = "APKINDEX.tar.gz";
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::KILL];

/// The moments of one test: splitmix64 over seed and round, as a share of the whole time.
pub(crate) struct Moments {
    state: u64,
    whole: Duration,
}

impl Moments {
    /// Of something that takes so long.
    pub(crate) fn of(whole: Duration) -> Self {
        let state = number("BESSEMER_TEST_SEED", 1);
        Self { state, whole }
    }

    pub(crate) fn next(&mut self) -> Duration {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let share = f64::from(u32::try_from(mixed >> 32).unwrap()) / f64::from(u32::MAX);
        self.whole.mul_f64(share)
    }
}

/// Runs the command undisturbed, then interrupts it at seeded moments and has `check` look at what
/// is there; in the end it must succeed again.
fn interrupt(rounds: u32, command: &dyn Fn() -> Command, check: &dyn Fn(&str)) {
    adopt_orphans();
    let before = left_behind();
    let started = Instant::now();
    run(&mut command()).expect(0);
    let mut moments = Moments::of(started.elapsed());
    check("undisturbed");
    for round in 0..number("BESSEMER_TEST_ROUNDS", rounds) {
        let signal = SIGNALS[usize::try_from(round).unwrap() % SIGNALS.len()];
        let moment = moments.next();
        let what = format!("round {round}: {signal:?} after {} ms", moment.as_millis());
        let mut running = Running::start(command().process_group(0));
        std::thread::sleep(moment);
        let runs = running.runs();
        if signal == Signal::INT {
            // As a terminal does it.
            running.signal_group(signal);
        } else {
            running.signal(signal);
        }
        let asked = Instant::now();
        let outcome = running.finish(Duration::from_secs(30));
        let ended = asked.elapsed();
        assert!(
            !runs || ended < Duration::from_secs(10),
            "{what}: {ended:?}\n{outcome}"
        );
        wait_until_alone(Duration::from_secs(10));
        check(&what);
    }
    run(&mut command()).expect(0);
    check("afterwards");
    check_nothing_new(&before);
}

/// Waits until nothing runs, and fails if runs that have ended left more behind than before.
pub(crate) fn check_nothing_new(before: &[PathBuf]) {
    wait_until_alone(Duration::from_secs(10));
    let left: Vec<_> = left_behind()
        .into_iter()
        .filter(|path| !before.contains(path))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

/// What runs that have ended left below the caches and where sockets are. Each is named after the
/// process that made it: `PID`, `…-PID` or `.partial-PID-…`.
pub(crate) fn left_behind() -> Vec<PathBuf> {
    let (cache, runtime) = places();
    let mut found = Vec::new();
    let folders = ["runs", "debian", "disks", "boot"].map(|name| cache.join(name));
    for folder in folders.into_iter().chain([runtime]) {
        for name in names(&folder, "") {
            let pid = match name.strip_prefix(".partial-") {
                Some(rest) => rest.split('-').next().unwrap(),
                None => name.rsplit('-').next().unwrap(),
            };
            let Ok(pid) = pid.parse::<u32>() else {
                continue;
            };
            if !Path::new(&format!("/proc/{pid}")).exists() {
                found.push(folder.join(name));
            }
        }
    }
    found
}

/// Where the program keeps caches and sockets, as its documentation says.
fn places() -> (PathBuf, PathBuf) {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        return ("/var/cache/bessemer".into(), "/run/bessemer".into());
    }
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME")
        .unwrap_or_else(|| variable("HOME").unwrap().join(".cache"))
        .join("bessemer");
    let runtime = variable("XDG_RUNTIME_DIR").map(|path| path.join("bessemer"));
    (cache.clone(), runtime.unwrap_or_else(|| cache.join("run")))
}

/// Reads a package to its end.
fn check_package(path: &Path, what: &str) {
    let reader = Reader::open(BufReader::new(File::open(path).unwrap()), Limits::default());
    let mut reader = reader.unwrap_or_else(|error| panic!("{what}: {}: {error}", path.display()));
    loop {
        match reader.next_entry() {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => panic!("{what}: {}: {error}", path.display()),
        }
    }
    let end = reader.finish();
    assert!(end.is_ok(), "{what}: {}: {:?}", path.display(), end.err());
}

/// Every name ends as a whole file's does; a package is whole; envelopes belong to their package.
fn check_folder(folder: &Path, what: &str, verified: bool) {
    for name in names(folder, "") {
        let path = folder.join(&name);
        let known = [
            ".apk",
            ".intoto.jsonl",
            ".tlog-proof",
            ".log",
            ".json",
            INDEX,
            ".lock",
        ];
        assert!(
            known.iter().any(|end| name.ends_with(end)),
            "{what}: {name} is left"
        );
        if path.extension().is_some_and(|end| end == "apk") {
            check_package(&path, what);
        }
        if let Some(package) = name.strip_suffix(".intoto.jsonl") {
            let package = folder.join(package);
            if verified && package.exists() {
                let mut command = verify(&package, trust_root());
                let outcome = run(command.arg("--allow-untested"));
                assert_eq!(outcome.status, 0, "{what}: {outcome}");
            }
        }
    }
    let Ok(index) = fs::read(folder.join(INDEX)) else {
        return;
    };
    let archive = read_index(&index, Limits::default());
    let archive = archive.unwrap_or_else(|error| panic!("{what}: index: {error}"));
    for entry in archive.index.entries {
        let metadata = fs::metadata(folder.join(entry.file_name()));
        let size = metadata.map(|metadata| metadata.len());
        assert_eq!(size.ok(), Some(entry.size), "{what}: {}", entry.file_name());
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_interrupted_build_leaves_nothing_half_done() {
    let workshop = Workshop::new();
    let script = "mkdir -p \"${{targets.destdir}}/etc\"\nhead -c 3000000 /dev/urandom > \
                  \"${{targets.destdir}}/etc/random\"";
    let recipe = recipe(&workshop, "interrupted", &[("write", script)], "");
    let out = workshop.at("packages");
    interrupt(6, &|| build(&recipe, &out), &|what| {
        let folder = out.join(ARCH);
        // A new package beside the envelopes of the one before proves nothing, and none would
        // believe it; a run that was not interrupted has both.
        check_folder(&folder, what, ["undisturbed", "afterwards"].contains(&what));
    });
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn an_interrupted_publisher_leaves_a_whole_repository() {
    let workshop = Workshop::new();
    let packages = FILES.map(|file| tiny().builds[0].join(file));
    let repository = workshop.at("repository");
    run(&mut publish(&packages[..1], &repository)).expect(0);
    let folder = repository.join(ARCH);
    let first = fs::read(folder.join(INDEX)).unwrap();
    interrupt(12, &|| publish(&packages, &repository), &|what| {
        check_folder(&folder, what, true);
        // Back to one package, so that the next round has something to do.
        fs::write(folder.join(INDEX), &first).unwrap();
        for end in ["", ".intoto.jsonl", ".tlog-proof"] {
            let _ = fs::remove_file(folder.join(format!("{}{end}", FILES[1])));
        }
    });
}

/// Copies what is published, the index first and the rest after a while.
fn publish_index_first(from: &Path, to: &Path) -> Command {
    let script = "cp \"$1/APKINDEX.tar.gz\" \"$2\"; sleep \"$3\"; cp \"$1\"/*.apk* \"$2\"";
    let mut command = Command::new("sh");
    command.process_group(0);
    command.args(["-c", script, "sh"]).args([from, to]);
    command
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_a_publisher_that_writes_its_index_first_is_found_out() {
    let workshop = Workshop::new();
    let from = tiny().repositories[0].clone();
    let whole = |name: &str, seconds: &str, killed: bool| {
        let to = workshop.folder(name);
        let mut running = Running::start(publish_index_first(&from, &to).arg(seconds));
        let until = Instant::now() + Duration::from_secs(20);
        while killed && names(&to, INDEX).is_empty() {
            assert!(Instant::now() < until, "no index");
        }
        if killed {
            // With what it waits for: its `sleep` would outlive it, and be found by the next test.
            running.signal_group(Signal::KILL);
        }
        running.finish(Duration::from_secs(60));
        std::panic::catch_unwind(|| check_folder(&to, name, true)).is_ok()
    };
    assert!(!whole("killed", "30", true));
    assert!(whole("undisturbed", "0", false));
}

#[test]
#[ignore = "needs apt and the programs: run through cargo xtask test"]
fn an_interrupted_bootstrap_leaves_a_whole_repository_or_none() {
    let workshop = Workshop::new();
    let list = "exclude: [usr/share/doc, usr/share/man, usr/share/locale, usr/share/info]\nkeep: \
                []\nomit: [dpkg]\npackages:\n  - name: small\n    description: a few small \
                packages\n    debs: [bzip2]\n";
    let list = workshop.file("list.yaml", list);
    let out = workshop.at("repository");
    let command = || {
        let mut command = bessemer();
        command.args(["bootstrap", "debian", "--out"]).arg(&out);
        command.arg("--list").arg(&list);
        command
    };
    interrupt(6, &command, &|what| {
        check_folder(&out.join(ARCH), what, false);
    });
}
