//! `cargo xtask conformance apko`: solved worlds against those of an apko binary.
//!
//! Every package of the indexes is a world of its own, as with `bessemer apk solve --each`.

mod indexes;
mod intended;
mod judge;
mod peer;
mod report;
mod rules;

use crate::recipes::in_parallel;
use anyhow::{Result, bail};
use bessemer_apk::Dependency;
use bessemer_apk::solver::Solver;
use indexes::Worlds;
use judge::{Ours, Outcome, Theirs, judge};
use peer::{Answer, Peer};
use report::Report;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// After how many worlds a line says how far it is.
const STEP: usize = 500;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask conformance apko --index main.APKINDEX.tar.gz --keyring-append alpine.rsa.pub --peer ./apko\n  cargo xtask conformance apko --tree mirror/v3.16 --keyring-append alpine.rsa.pub --peer ./apko --sample 200"
)]
pub(crate) struct Arguments {
    /// Directory of indexes, at any depth: `APKINDEX.tar.gz` and `*.APKINDEX.tar.gz`, sorted by path
    #[arg(long, required_unless_present = "indexes")]
    tree: Option<PathBuf>,
    /// An index; those of one architecture are repositories of one list, in this order; may be
    /// repeated
    #[arg(long = "index", value_name = "FILE")]
    indexes: Vec<PathBuf>,
    /// Public key that signs the indexes, under the name that the signature has; may be repeated
    #[arg(short, long = "keyring-append", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// The apko binary
    #[arg(long)]
    peer: PathBuf,
    /// Where the peer's answers are kept, so that a second run need not start it again
    #[arg(long)]
    peer_output: Option<PathBuf>,
    /// Compare so many worlds only, spread evenly over all of them
    #[arg(long)]
    sample: Option<usize>,
    /// How many worlds are solved at once; by default, as many as there are processors
    #[arg(long)]
    jobs: Option<usize>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Compares all worlds; fails when anything is left to explain.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut paths = arguments.indexes.clone();
    if let Some(tree) = &arguments.tree {
        paths.extend(indexes::find(tree)?);
    }
    let all = indexes::open(&paths, &arguments.keys)?;
    let kept = match &arguments.peer_output {
        Some(directory) => directory.clone(),
        None => crate::workspace::root().join("target/conformance-apko"),
    };
    let mut report = Report::default();
    for worlds in &all {
        let peer = Peer::new(&arguments.peer, &arguments.keys, worlds, &kept)?;
        compare(worlds, &peer, arguments, &mut report);
    }
    if arguments.json {
        println!("{:#}", report.json());
    } else {
        report.print();
    }
    if report.unexplained() > 0 {
        bail!("{} worlds are not explained", report.unexplained());
    }
    Ok(())
}

/// Compares the worlds of one architecture.
fn compare(worlds: &Worlds, peer: &Peer, arguments: &Arguments, report: &mut Report) {
    let repositories = worlds.repositories();
    let solver = Solver::new(&repositories);
    // One after another: a solver is of one thread, and all worlds together take seconds.
    let solved: Vec<(Dependency, Ours<'_>)> = sample(worlds.each(), arguments.sample)
        .into_iter()
        .map(|world| {
            let ours = solve(&solver, &world);
            (world, ours)
        })
        .collect();
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or_else(processors);
    let done = AtomicUsize::new(0);
    let outcomes = in_parallel(&solved, jobs, |(world, ours)| {
        let outcome = one(world, ours, peer, worlds);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(STEP) || done == solved.len() {
            eprintln!("{}: {done} of {} worlds", worlds.arch, solved.len());
        }
        outcome
    });
    for ((world, _), outcome) in solved.iter().zip(outcomes) {
        report.add(format!("{} {world}", worlds.arch), outcome);
    }
}

fn solve<'a>(solver: &Solver<'a>, world: &Dependency) -> Ours<'a> {
    match solver.solve(std::slice::from_ref(world)) {
        Ok(chosen) => Ok(chosen.iter().map(|chosen| chosen.entry).collect()),
        Err(error) => Err(error.reasons.join("; ")),
    }
}

fn one(world: &Dependency, ours: &Ours<'_>, peer: &Peer, worlds: &Worlds) -> Outcome {
    let theirs = match peer.solve(world) {
        Ok(Answer::Packages(names)) => worlds.entries(&names).map(Theirs::Packages),
        Ok(Answer::None(why)) => Ok(Theirs::None(why)),
        Err(error) => Err(error),
    };
    match theirs {
        Ok(theirs) => judge(world, ours, &theirs),
        Err(error) => Outcome::PeerFailed(format!("{error:#}")),
    }
}

/// All of them, or `count` at even distances.
fn sample(all: Vec<Dependency>, count: Option<usize>) -> Vec<Dependency> {
    let length = all.len();
    match count {
        Some(count) if count < length => {
            let mut places = (0..count).map(|at| at * length / count).peekable();
            let mut kept = Vec::new();
            for (at, world) in all.into_iter().enumerate() {
                if places.next_if_eq(&at).is_some() {
                    kept.push(world);
                }
            }
            kept
        }
        _ => all,
    }
}

#[cfg(test)]
mod tests;
