//! How much memory installing takes, whatever the size of what is installed, and what hostile
//! indexes cost.
//!
//! The inputs are made as streams.

mod inputs;

use super::watched::watch;
use crate::binaries::target;
use crate::workspace::{cargo, check};
use anyhow::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Most MiB that a large package may take more than a package of 1 MiB.
const MORE: f64 = 16.0;
/// Most MiB for refusing a line of 1 GiB.
const LINE: f64 = 64.0;
/// Most MiB for refusing a package of one entry more than may be: the others were taken in before.
const ENTRIES: f64 = 700.0;
/// Most MiB for refusing an index of a million packages.
const MILLION: f64 = 1200.0;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Size of the large package's file, in MiB
    #[arg(long, default_value_t = 1024)]
    mib: u64,
    /// The program to measure, instead of the one that is built now
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// One run of the program.
#[derive(Debug)]
struct Run {
    what: String,
    /// Most memory at a time.
    mib: f64,
    seconds: f64,
    bound: f64,
}

/// Measures each, and judges.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = if let Some(program) = &arguments.program {
        fs_err::canonicalize(program)?
    } else {
        check(cargo().args(["build", "--quiet", "-p", "bessemer-cli"]))?;
        target().join("debug/bessemer")
    };
    let directory = target().join("bench-memory");
    if directory.exists() {
        fs_err::remove_dir_all(&directory)?;
    }
    fs_err::create_dir_all(&directory)?;
    let measured = measure(&program, &directory, arguments.mib);
    fs_err::remove_dir_all(&directory)?;
    report(&measured?, arguments.json)
}

fn measure(program: &Path, directory: &Path, mib: u64) -> Result<Vec<Run>> {
    inputs::package(&directory.join("small.apk"), "small", 1)?;
    inputs::package(&directory.join("large.apk"), "large", mib)?;
    fs_err::write(directory.join("trust-root.json"), inputs::trust_root()?)?;
    inputs::long_line(&directory.join("line.tar.gz"))?;
    inputs::many_packages(&directory.join("million.tar.gz"))?;
    inputs::many_entries(&directory.join("entries.apk"))?;
    let mut runs = Vec::new();
    for kind in ["--root", "--tar", "--erofs"] {
        let install = ["apk", "install", "--allow-untrusted", kind, "made"];
        runs.extend(pair(program, directory, &install, true)?);
    }
    // It reads the whole package before it finds that there are no attestations.
    let verify = ["verify", "--trust-root", "trust-root.json"];
    runs.extend(pair(program, directory, &verify, false)?);
    let refused = ["apk", "install", "--allow-untrusted", "--tar", "made"];
    for (what, words, bound) in [
        (
            "a line of 1 GiB, refused",
            &["apk", "solve", "--index", "line.tar.gz", "a"][..],
            LINE,
        ),
        (
            "an index of 1,000,000 packages, refused",
            &["apk", "solve", "--index", "million.tar.gz", "p500000"],
            MILLION,
        ),
        (
            "a package of 1,000,001 entries, refused",
            &[&refused[..], &["./entries.apk"]].concat(),
            ENTRIES,
        ),
    ] {
        let (mib, seconds) = run_once(program, directory, words, false)?;
        runs.push(Run {
            what: what.to_owned(),
            mib,
            seconds,
            bound,
        });
    }
    if directory.join("made").exists() {
        bail!("a package that was refused left something behind");
    }
    Ok(runs)
}

/// The same for the small package and for the large one, which is held against the small one.
fn pair(program: &Path, directory: &Path, words: &[&str], works: bool) -> Result<Vec<Run>> {
    let made = directory.join("made");
    let mut runs = Vec::new();
    let mut bound = f64::INFINITY;
    for name in ["small", "large"] {
        let file = format!("./{name}.apk");
        let words = [words, &[file.as_str()]].concat();
        let (mib, seconds) = run_once(program, directory, &words, works)?;
        let what = words.join(" ");
        runs.push(Run {
            what,
            mib,
            seconds,
            bound,
        });
        bound = mib + MORE;
        if made.is_dir() {
            fs_err::remove_dir_all(&made)?;
        } else if made.exists() {
            fs_err::remove_file(&made)?;
        }
    }
    Ok(runs)
}

/// Runs the program to its end; gives the most MiB it took, and seconds.
fn run_once(program: &Path, directory: &Path, words: &[&str], works: bool) -> Result<(f64, f64)> {
    let watched = watch(Command::new(program).args(words).current_dir(directory))?;
    if watched.status.success() != works {
        let (status, said) = (watched.status, watched.stderr);
        bail!("{} ended with {status}: {said}", words.join(" "));
    }
    if watched.mib == 0.0 {
        bail!("{} ended before it was looked at", words.join(" "));
    }
    Ok((watched.mib, watched.wall))
}

fn report(runs: &[Run], as_json: bool) -> Result<()> {
    if as_json {
        let list = runs.iter().map(|run| {
            let bound = run.bound.is_finite().then_some(run.bound);
            json!({"what": run.what, "peak_mib": run.mib, "seconds": run.seconds, "bound_mib": bound})
        });
        println!("{:#}", json!(list.collect::<Vec<_>>()));
    } else {
        for run in runs {
            let bound = if run.bound.is_finite() {
                format!("bound {:>6.1} MiB", run.bound)
            } else {
                "the measure".to_owned()
            };
            println!(
                "{:>7.1} MiB, {bound}, {:>6.1} s: {}",
                run.mib, run.seconds, run.what
            );
        }
    }
    let above: Vec<&str> = runs
        .iter()
        .filter(|run| run.mib > run.bound)
        .map(|run| run.what.as_str())
        .collect();
    if !above.is_empty() {
        bail!("above the bound: {}", above.join(", "));
    }
    Ok(())
}
