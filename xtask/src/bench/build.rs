//! What a build costs beside the guest's boot and the recipe's own commands.

use super::accounting::{Accounting, Used};
use super::{median, smallest};
use crate::ground::Ground;
use crate::setup;
use crate::workspace::{cache, root};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

/// Most seconds of processor time that our own processes may use.
const BOUND: f64 = 0.5;
/// A recipe with one step that does nothing, in an environment with a compiler.
const RECIPE: &str = "xtask/src/bench/empty.yaml";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Builds that count, after one that warms everything
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// One stage of one build.
#[derive(Debug)]
struct Stage {
    name: String,
    wall: f64,
    used: Used,
}

/// Builds the empty recipe some times and judges the median.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(true)?;
    let out = cache()?.join("test/bench-build");
    let mut builds = Vec::new();
    for round in 0..=arguments.rounds {
        let stages = build(&ground, &out)?;
        if round > 0 {
            builds.push(stages);
        }
    }
    let totals: Vec<f64> = builds.iter().map(|build| total(build)).collect();
    let figure = median(&totals);
    if arguments.json {
        let stages: Vec<_> = table(&builds)
            .into_iter()
            .map(|(name, wall, ours, guests)| {
                json!({"name": name, "wall_seconds": wall, "cpu_seconds": ours,
                       "guest_cpu_seconds": guests})
            })
            .collect();
        let result = json!({"stages": stages, "cpu_seconds": totals, "median": figure,
                            "bound": BOUND});
        println!("{result:#}");
    } else {
        print(&builds, &totals);
    }
    if figure >= BOUND {
        bail!("{figure:.3} s of processor time, where less than {BOUND} s is allowed");
    }
    Ok(())
}

fn total(build: &[Stage]) -> f64 {
    build.iter().map(|stage| stage.used.ours).sum()
}

/// Runs one build; a line of progress ends a stage and begins the next.
fn build(ground: &Ground, out: &Path) -> Result<Vec<Stage>> {
    let accounting = Accounting::start()?;
    let mut child = accounting
        .command(&ground.program("bessemer"))
        .arg("build")
        .arg(root().join(RECIPE))
        .arg("--repository-append")
        .arg(&ground.repository)
        .arg("--keyring-append")
        .arg(&ground.key)
        .arg("--out-dir")
        .arg(out)
        .arg("--quiet")
        .current_dir(root())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take().context("no pipe")?;
    let mut stages = Vec::new();
    let mut said = String::new();
    let mut name = "start, plan".to_owned();
    let (mut since, mut before) = (Instant::now(), Used::default());
    let mut end_of = |name: &str| -> Result<()> {
        let (now, used) = (Instant::now(), accounting.used()?);
        stages.push(Stage {
            name: name.to_owned(),
            wall: (now - since).as_secs_f64(),
            used: Used {
                ours: used.ours - before.ours,
                guests: used.guests - before.guests,
            },
        });
        (since, before) = (now, used);
        Ok(())
    };
    for line in BufReader::new(stderr).lines() {
        let line = line?;
        said.push_str(&line);
        said.push('\n');
        if let Some(next) = stage_name(&line) {
            end_of(&name)?;
            name = next;
        }
    }
    let status = child.wait()?;
    end_of(&name)?;
    if !status.success() {
        bail!("the build ended with {status}:\n{said}");
    }
    Ok(stages)
}

/// The stage or step that a line of progress (`    1.2s name: detail`) begins.
fn stage_name(line: &str) -> Option<String> {
    let (seconds, text) = line.trim_start().split_once("s ")?;
    seconds.parse::<f64>().ok()?;
    let (name, _) = text.split_once(": ")?;
    (name != "note").then(|| name.to_owned())
}

/// Name, wall, our and the guests' seconds of each stage: the median over all builds.
fn table(builds: &[Vec<Stage>]) -> Vec<(String, f64, f64, f64)> {
    let Some(first) = builds.first() else {
        return Vec::new();
    };
    let middle = |index: usize, take: &dyn Fn(&Stage) -> f64| {
        let values: Vec<f64> = builds
            .iter()
            .filter_map(|build| build.get(index))
            .map(take)
            .collect();
        median(&values)
    };
    first
        .iter()
        .enumerate()
        .map(|(index, stage)| {
            (
                stage.name.clone(),
                middle(index, &|stage| stage.wall),
                middle(index, &|stage| stage.used.ours),
                middle(index, &|stage| stage.used.guests),
            )
        })
        .collect()
}

fn print(builds: &[Vec<Stage>], totals: &[f64]) {
    println!(
        "{:<16} {:>9} {:>9} {:>12}",
        "stage", "wall", "our CPU", "guests' CPU"
    );
    for (name, wall, ours, guests) in table(builds) {
        println!("{name:<16} {wall:>7.3} s {ours:>7.3} s {guests:>10.3} s");
    }
    println!(
        "neither guest boot nor the recipe's own commands: {:.3} s CPU (median of {}; min {:.3}); \
         less than {BOUND} is wanted",
        median(totals),
        totals.len(),
        smallest(totals),
    );
}
