//! One process of a build is killed at any moment: the build ends with one error or is whole, nothing
//! goes on running, what no attestation vouches for is not published, and the next build succeeds.
//!
//! `BESSEMER_TEST_ROUNDS` is how often each is killed, `BESSEMER_TEST_SEED` chooses the moments.

use crate::commands::{ARCH, build, names, publish, recipe, run, verify};
use crate::fixture::trust_root;
use crate::interrupts::{Moments, check_nothing_new, left_behind};
use bessemer_testkit::{
    Outcome, Running, Workshop, adopt_orphans, descendants, number, wait_until_alone,
};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
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

/// What is killed, by the names of processes, of which the kernel keeps fifteen letters; the worker is
/// the newest `bessemer`, and in its jail the proxy is `/proxy`.
const VICTIMS: [&str; 5] = [
    "bessemer-signer",
    "bessemer-jailer",
    "proxy",
    "qemu-system-x86",
    "bessemer",
];

/// A build with a network, killed again and again.
struct Ground {
    workshop: Workshop,
    recipe: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let workshop = Workshop::new();
        let script = "mkdir -p \"${{targets.destdir}}/etc\"\nhead -c 3000000 /dev/urandom > \
                      \"${{targets.destdir}}/etc/random\"";
        let recipe = recipe(&workshop, "killed", &[("write", script)], "");
        Self { workshop, recipe }
    }

    fn command(&self, out: &Path) -> Command {
        let mut command = build(&self.recipe, out);
        command.args(["--network", "recorded"]);
        command
    }

    /// Nobody disturbs it: how long that takes.
    fn undisturbed(&self, name: &str) -> Duration {
        let started = Instant::now();
        let out = self.workshop.at(name);
        let outcome = run(&mut self.command(&out));
        outcome.expect(0);
        check(&out, &outcome, name);
        started.elapsed()
    }

    /// Kills this process of so many builds.
    fn kills(&self, name: &str, moments: &mut Moments, rounds: u64) {
        let mut struck = 0;
        for round in 0..rounds * MISSES {
            let moment = moments.next();
            let what = format!("round {round}: {name} after {} ms", moment.as_millis());
            let out = self.workshop.at(&format!("{name}-{round}"));
            let mut running = Running::start(&mut self.command(&out));
            let found = kill(&mut running, name, moment);
            struck += u64::from(found.is_some());
            let outcome = running.finish(END);
            wait_until_alone(Duration::from_secs(10));
            check(&out, &outcome, &what);
            if struck == rounds {
                return;
            }
        }
        panic!("the builds ended before {name} was killed");
    }
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn every_process_of_a_build_is_killed() {
    adopt_orphans();
    let ground = Ground::new();
    let before = left_behind();
    let mut moments = Moments::of(ground.undisturbed("undisturbed"));
    let rounds = number("BESSEMER_TEST_ROUNDS", 1);
    for victim in VICTIMS {
        ground.kills(victim, &mut moments, rounds);
    }
    ground.undisturbed("afterwards");
    check_nothing_new(&before);
}
