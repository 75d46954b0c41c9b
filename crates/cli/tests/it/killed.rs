//! One process of a build is killed at any moment: the build ends with one error or is whole, nothing
//! goes on running, what no attestation vouches for is not published, and the next build succeeds.
//!
//! `BESSEMER_TEST_ROUNDS` is how often each is killed, `BESSEMER_TEST_SEED` chooses the moments.

use crate::commands::{ARCH, build, names, publish, recipe, run, verify};
use crate::fixture::trust_root;
use crate::interrupts::{Moments, left_behind};
use bessemer_testkit::{
    Outcome, Running, Workshop, adopt_orphans, descendants, number, wait_until_alone,
};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a build may take to end once a part of it is gone.
const END: Duration = Duration::from_secs(60);

/// Of so many rounds one must find what it is to kill: a moment may be after its end.
const MISSES: u64 = 4;

/// Kills the newest process of this name at the moment, or when there is one; `None` where the build
/// ended before.
fn kill(running: &mut Running, name: &str, moment: Duration) -> Option<Pid> {
    std::thread::sleep(moment);
    while running.runs() {
        let found = descendants().into_iter().filter(|one| one.name == name);
        let newest = found.max_by_key(|one| one.pid);
        if let Some(victim) = newest.filter(|one| one.pid != running.id()) {
            let pid = Pid::from_raw(i32::try_from(victim.pid).unwrap()).unwrap();
            // It may have ended meanwhile.
            return kill_process(pid, Signal::KILL).ok().map(|()| pid);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// What is there verifies, or nobody can publish it.
fn check(out: &Path, outcome: &Outcome, what: &str) {
    let folder = out.join(ARCH);
    let packages = names(&folder, ".apk");
    if outcome.status == 0 {
        assert!(!packages.is_empty(), "{what}: no package\n{outcome}");
    } else {
        let errors = outcome.errors("error").count();
        assert_eq!(errors, 1, "{what}\n{outcome}");
    }
    for name in packages {
        let package = folder.join(name);
        let mut command = verify(&package, trust_root());
        let verified = run(command.arg("--allow-untested")).status == 0;
        assert!(verified || outcome.status != 0, "{what}\n{outcome}");
        let repository = Workshop::new();
        let mut command = publish(&[package], &repository.at("repository"));
        let published = run(command.arg("--allow-untested")).status == 0;
        assert_eq!(published, verified, "{what}");
    }
}

/// Kills this process of a build, again and again.
fn killed(name: &str) {
    adopt_orphans();
    let workshop = Workshop::new();
    let script = "mkdir -p \"${{targets.destdir}}/etc\"\nhead -c 3000000 /dev/urandom > \
                  \"${{targets.destdir}}/etc/random\"";
    let recipe = recipe(&workshop, "killed", &[("write", script)], "");
    let command = |out: &Path| -> Command {
        let mut command = build(&recipe, out);
        command.args(["--network", "recorded"]);
        command
    };
    let before = left_behind();
    let started = Instant::now();
    let out = workshop.at("undisturbed");
    let outcome = run(&mut command(&out));
    outcome.expect(0);
    check(&out, &outcome, "undisturbed");
    let mut moments = Moments::of(started.elapsed());
    let rounds = number("BESSEMER_TEST_ROUNDS", 1);
    let mut struck = 0;
    for round in 0..rounds * MISSES {
        let moment = moments.next();
        let what = format!("round {round}: {name} after {} ms", moment.as_millis());
        let out = workshop.at(&format!("round-{round}"));
        let mut running = Running::start(&mut command(&out));
        let found = kill(&mut running, name, moment);
        struck += u64::from(found.is_some());
        let outcome = running.finish(END);
        wait_until_alone(Duration::from_secs(10));
        check(&out, &outcome, &what);
        if struck == rounds {
            break;
        }
    }
    assert_eq!(struck, rounds, "the builds ended before {name} was killed");
    let out = workshop.at("afterwards");
    let outcome = run(&mut command(&out));
    outcome.expect(0);
    check(&out, &outcome, "afterwards");
    wait_until_alone(Duration::from_secs(10));
    let left: Vec<_> = left_behind()
        .into_iter()
        .filter(|path| !before.contains(path))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_signer_is_killed() {
    killed("bessemer-signer");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_jailer_is_killed() {
    killed("bessemer-jailer");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_proxy_is_killed() {
    // In its jail it is `/proxy`.
    killed("proxy");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_emulator_is_killed() {
    // The kernel keeps fifteen letters.
    killed("qemu-system-x86");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn the_worker_is_killed() {
    killed("bessemer");
}
