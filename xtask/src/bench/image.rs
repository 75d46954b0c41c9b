//! What building an image costs: with empty caches, again with nothing changed, and with one package of
//! twenty changed; in one layer, and in layers by origin.
//!
//! How many layers were compressed is the program's own report. Time and memory are held against floors of
//! the same run: reading and unpacking the packages, and compressing, once and by the same compressor,
//! what has to be compressed ([`floor`]).

mod floor;
mod inputs;
mod report;

use super::watched::{Watched, watch};
use crate::binaries::target;
use crate::workspace::{cargo, check};
use anyhow::{Context as _, Result, bail};
use inputs::Inputs;
use report::{Build, Layers, State};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// MiB in all packages together, unpacked
    #[arg(long, default_value_t = 128)]
    mib: usize,
    /// How often each is built; medians count
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// The program to measure, with `bessemer-signer` beside it, instead of the one that is built now
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Be the floor: compress so many of the packages
    #[arg(long, hide = true)]
    floor: Option<usize>,
    #[arg(hide = true)]
    packages: Vec<PathBuf>,
}

/// Measures and judges. The programs are those of the tests' profile, which optimises what costs here, the
/// compressor and the hashes; our own code it optimises little, so the error is against us.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(compressed) = arguments.floor {
        return floor::run(&arguments.packages, compressed, Path::new("floor.gz"));
    }
    let program = if let Some(program) = &arguments.program {
        fs_err::canonicalize(program)?
    } else {
        let crates = ["-p", "bessemer-cli", "-p", "bessemer-signer"];
        check(cargo().args(["build", "--quiet", "--bins"]).args(crates))?;
        target().join("debug/bessemer")
    };
    let folder = target().join("bench-image");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    let measured = measure(&program, &folder, arguments);
    fs_err::remove_dir_all(&folder)?;
    report::judge(&measured?, arguments.json)
}

/// Builds in turn, so that whatever else the machine does is spread over all kinds.
fn measure(program: &Path, folder: &Path, arguments: &Arguments) -> Result<Vec<Build>> {
    let inputs = Inputs::make(folder, arguments.mib, program)?;
    let mut builds = Build::all();
    for _ in 0..arguments.rounds.max(1) {
        for build in &mut builds {
            let (layering, state) = (build.layering, build.state);
            inputs.offer(state.index())?;
            let cache = folder.join("cache");
            if state == State::Cold && cache.exists() {
                fs_err::remove_dir_all(cache)?;
            }
            let run = image(program, folder, &format!("{layering}.yaml"))?;
            let layers = Layers::read(&run.stdout)?;
            build.add(run, layers);
            let packages = inputs.offered(state.index());
            let compressed = build.compressed_packages(packages.len());
            build.floors.push(be_floor(folder, &packages, compressed)?);
        }
    }
    Ok(builds)
}

fn image(program: &Path, folder: &Path, file: &str) -> Result<Watched> {
    let mut command = Command::new(program);
    command
        .args(["image", "build", file, "bench:1", "image.tar"])
        .args(["--cache-dir", "cache", "--json"])
        .args(["--vcs=false", "--sbom=false", "--no-key-discovery"])
        .current_dir(folder);
    successful(watch(&mut command)?)
}

fn be_floor(folder: &Path, packages: &[&PathBuf], compressed: usize) -> Result<Watched> {
    let own = std::env::current_exe().context("where is this program?")?;
    let mut command = Command::new(own);
    command
        .args(["bench", "image", "--floor", &compressed.to_string()])
        .args(packages)
        .current_dir(folder);
    successful(watch(&mut command)?)
}

fn successful(watched: Watched) -> Result<Watched> {
    if !watched.status.success() {
        bail!(
            "a program ended with {}: {}",
            watched.status,
            watched.stderr
        );
    }
    Ok(watched)
}
