//! Two builds at the same time: neither finds anything of the other, and what they make does not
//! depend on it. In one guest, the same search finds all of it.

use crate::commands::{ARCH, LIMIT, build, recipe, run};
use bessemer_testkit::{Running, Workshop, adopt_orphans, descendants};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Leaves a word in every place where a neighbour could look, and stays a while. The word is put
/// together while it runs, so that nobody finds the script instead.
const HOLD: &str = "word=can; word=${word}ary-of-the-other
for place in /tmp /dev/shm /var/cache/melange /home/build /root; do echo $word > $place/mark; done
echo $word > /dev/kmsg
WORD=$word sleep 60 &
sh -c 'sleep 60; true' $word &
mkdir -p \"${{targets.destdir}}/etc\"; echo content > \"${{targets.destdir}}/etc/held\"";
/// How long it stays: several times what the other build takes on a quiet host.
const STAY: &str = "sleep 45";
/// Looks for the word: files, shared memory, processes' variables and words, the kernel's log.
const SPY: &str = "pattern='[c]anary-of-the-other'
count() { grep -ac \"$pattern\" || true; }
# No assignments: a search that finds nothing must not end the step.
echo \"found: $(grep -ralD skip \"$pattern\" /tmp /dev/shm /var/cache/melange /home/build /root | wc -l) \
$(cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\\\0' '\\\\n' | count) \
$(timeout 3 cat /dev/kmsg | count)\"";

fn holding(workshop: &Workshop) -> PathBuf {
    // One step: what a step leaves running ends with it.
    let script = format!("{HOLD}\n{STAY}");
    recipe(workshop, "held", &[("hold", &script)], "")
}

/// What the search found, in the order of the places.
fn found(outcome: &bessemer_testkit::Outcome) -> Vec<u32> {
    outcome.expect(0);
    let line = outcome.errors("found: ").next();
    let line = line.unwrap_or_else(|| panic!("no answer\n{outcome}"));
    let counts = line.split(' ').skip(1);
    counts.map(|count| count.parse().unwrap()).collect()
}

fn machines() -> usize {
    let all = descendants();
    all.iter()
        .filter(|process| process.name.starts_with("qemu-system"))
        .count()
}

/// Waits until that many machines run.
fn wait_for_machines(count: usize, running: &mut Running) {
    let until = Instant::now() + Duration::from_secs(60);
    while machines() < count {
        assert!(
            running.runs() && Instant::now() < until,
            "no {count} machines"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn package(out: &Path) -> Vec<u8> {
    fs::read(out.join(ARCH).join("held-1.0.0-r0.apk")).unwrap()
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_build_finds_nothing_of_another_that_runs_beside_it() {
    adopt_orphans();
    let workshop = Workshop::new();
    let alone = workshop.at("alone");
    let file = holding(&workshop);
    run(&mut build(&file, &alone)).expect(0);

    let beside = workshop.at("beside");
    let mut held = Running::start(&mut build(&file, &beside));
    wait_for_machines(1, &mut held);
    // Until its guest has booted and said the word: a build that is alone takes no longer.
    std::thread::sleep(Duration::from_secs(12));
    let spy = recipe(&workshop, "spy", &[("spy", SPY)], "");
    let mut spying = Running::start(&mut build(&spy, &workshop.at("spied")));
    wait_for_machines(2, &mut spying);
    let outcome = spying.finish(LIMIT);
    assert!(held.runs(), "the other build was over too early");
    assert_eq!(found(&outcome), [0, 0, 0], "{outcome}");
    held.finish(LIMIT).expect(0);
    assert!(
        package(&alone) == package(&beside),
        "the neighbour changed it"
    );
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn control_run_in_one_guest_the_same_search_finds_everything() {
    let workshop = Workshop::new();
    let both = format!("{HOLD}\nsleep 1\n{SPY}");
    let file = recipe(&workshop, "both", &[("both", &both)], "");
    let outcome = run(&mut build(&file, &workshop.at("packages")));
    let found = found(&outcome);
    assert!(found.iter().all(|count| *count > 0), "{outcome}");
    assert!(found[0] >= 5 && found[1] >= 2, "{outcome}");
}
