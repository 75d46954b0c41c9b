//! A seeded sample of fuzzing that needs no other toolchain: each target over its seeds, over what
//! once failed, and over a bounded number of mutations.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fuzz_targets::{Mutator, TARGETS, Target};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Mutations of each target, unless its time is over first.
const MUTATIONS: u64 = 20_000;
/// Most time for one target's mutations: all together stay below two minutes.
const TIME: Duration = Duration::from_secs(4);
/// Most memory of this process, in bytes: a parser that allocates what a length field says fails.
const MEMORY: u64 = 2 << 30;
/// The seed of every run; `BESSEMER_TEST_SEED` takes another.
const SEED: u64 = 2026;

/// Runs one input and, should it fail, says how to run it again.
fn run(target: &Target, input: &[u8], origin: &str) {
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        let kept = std::env::temp_dir().join(format!("fuzz-{}-failed", target.name));
        std::fs::write(&kept, input).unwrap();
        panic!(
            "{} fails on {origin}; the input is in {}",
            target.name,
            kept.display()
        );
    }
}

fn bound_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = Rlimit {
        current: Some(MEMORY),
        maximum: Some(MEMORY),
    };
    setrlimit(Resource::Data, limit).unwrap();
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn names_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn no_target_fails_on_seeds_or_their_mutations() {
    bound_memory();
    let seed = std::env::var("BESSEMER_TEST_SEED").map_or(SEED, |text| text.parse().unwrap());
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seed", target.name);
        for (number, input) in seeds.iter().enumerate() {
            run(target, input, &format!("its seed {number}"));
        }
        let mut mutator = Mutator::new(seed);
        let start = Instant::now();
        let mut count = 0;
        while count < MUTATIONS && start.elapsed() < TIME {
            let input = mutator.input(&seeds, target.words);
            run(target, &input, &format!("mutation {count} of {seed}"));
            count += 1;
        }
        println!("{:<20} {count:>6} mutations of seed {seed}", target.name);
        assert!(count > 20, "{}: {count} inputs in {TIME:?}", target.name);
    }
}

#[test]
fn nothing_that_once_failed_fails_again() {
    for target in TARGETS {
        for path in names_in(&sources().join("regressions").join(target.name)) {
            let input = std::fs::read(&path).unwrap();
            run(target, &input, &path.display().to_string());
        }
    }
}

/// libFuzzer's programs and this list are the same.
#[test]
fn every_target_has_a_program() {
    let programs: Vec<String> = names_in(&sources().join("fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    names.sort();
    assert_eq!(programs, names);
    let manifest = std::fs::read_to_string(sources().join("Cargo.toml")).unwrap();
    for name in names {
        let line = format!("name = \"{name}\"");
        assert!(manifest.contains(&line), "fuzz/Cargo.toml lacks {line}");
    }
}
