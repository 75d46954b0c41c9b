//! Processor time of reading an index, of solving every package of it, and of graphs made to be hard.
//! `cargo xtask bench solve` runs this and judges; the last line is JSON.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its result, and fails by panicking"
)]

#[path = "../tests/support/graphs.rs"]
mod graphs;

use bessemer_apk::solver::{Repository, Solver, solve};
use bessemer_apk::{Dependency, Index, Keyring, Limits, read_index};
use graphs::graphs;
use std::fmt::Write as _;
use std::path::Path;

/// Seconds of processor time of this thread so far; the kernel counts nanoseconds
/// (`Documentation/scheduler/sched-stats.rst`).
fn used() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds: f64 = text.split(' ').next().unwrap().parse().unwrap();
    nanoseconds / 1e9
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    // The kernel brings its count up to date when the thread is scheduled.
    std::thread::yield_now();
    let before = used();
    let result = work();
    std::thread::yield_now();
    (result, used() - before)
}

fn read(path: &str, key: &str) -> Index {
    let name = Path::new(key).file_name().unwrap().to_string_lossy();
    let mut keyring = Keyring::new();
    let pem = std::fs::read_to_string(key).unwrap();
    keyring.add(&name, &pem).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let archive = read_index(&bytes, Limits::default()).unwrap();
    let signed = &bytes[archive.unsigned.clone()];
    keyring.verify(&archive.signatures, signed).unwrap();
    archive.index
}

fn each(index: &Index) -> (usize, usize) {
    let solver = Solver::new(&[Repository { tag: None, index }]);
    let alone = |name: &String| solver.solve(&[Dependency::named(name.clone())]);
    let names = index.entries.iter().map(|entry| &entry.name);
    let solved = names.filter(|name| alone(name).is_ok()).count();
    (index.entries.len(), solved)
}

fn main() {
    let arguments: Vec<String> = std::env::args().filter(|word| word != "--bench").collect();
    let [_, index, key, rounds] = &arguments[..] else {
        panic!("usage: INDEX KEY ROUNDS");
    };
    let rounds: u32 = rounds.parse().unwrap();
    let (mut read_seconds, mut each_seconds) = (Vec::new(), Vec::new());
    let mut counts = (0, 0);
    for _ in 0..rounds {
        let (index, seconds) = timed(|| read(index, key));
        read_seconds.push(seconds);
        let (found, seconds) = timed(|| each(&index));
        each_seconds.push(seconds);
        counts = found;
    }
    let mut hard = String::new();
    for graph in graphs() {
        let index = &graph.index;
        let world = &graph.world;
        let (found, seconds) = timed(|| solve(&[Repository { tag: None, index }], world));
        let count = found.ok().map(|chosen| chosen.len());
        assert_eq!(count, graph.expected, "{}", graph.what);
        let comma = if hard.is_empty() { "" } else { "," };
        write!(hard, "{comma}[{:?},{seconds}]", graph.what).unwrap();
    }
    let (packages, solved) = counts;
    println!(
        "{{\"packages\":{packages},\"solved\":{solved},\"read_seconds\":{read_seconds:?},\
         \"each_seconds\":{each_seconds:?},\"graphs\":[{hard}]}}"
    );
}
