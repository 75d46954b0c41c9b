//! What reading an index and solving cost. `crates/apk/benches/solve.rs` does the work and says how
//! time is counted; this builds it, runs it, and judges.

use super::median;
use crate::workspace::{cargo, output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Most seconds of processor time for reading an index and checking its signature.
const READ_BOUND: f64 = 0.06;
/// Most seconds for solving every package of the index as a world of its own.
const EACH_BOUND: f64 = 3.0;
/// Most seconds for one of the graphs made to be hard.
const GRAPH_BOUND: f64 = 1.0;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A signed index, such as Alpine's main repository's; this repository carries none
    index: Option<PathBuf>,
    /// The public key that signed it
    #[arg(short, long = "keyring-append", value_name = "FILE")]
    key: Option<PathBuf>,
    /// How often it is read and solved
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Measures and judges the medians.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (Some(index), Some(key)) = (&arguments.index, &arguments.key) else {
        bail!(
            "which index? cargo xtask bench solve path/APKINDEX.tar.gz --keyring-append KEY.rsa.pub"
        );
    };
    // The bench is started in its crate's folder.
    let absolute = |path: &PathBuf| fs_err::canonicalize(path);
    let mut command = cargo();
    command
        .args(["bench", "--quiet", "-p", "bessemer-apk", "--bench", "solve"])
        .arg("--")
        .arg(absolute(index)?)
        .arg(absolute(key)?)
        .arg(arguments.rounds.max(1).to_string());
    let text = output(&mut command)?;
    let last = text.lines().last().unwrap_or_default();
    let measured: Value = serde_json::from_str(last).context("the measurement printed no JSON")?;
    let figures = figures(&measured)?;
    if arguments.json {
        let list = figures.iter().map(
            |(what, seconds, bound)| json!({"what": what, "cpu_seconds": seconds, "bound": bound}),
        );
        println!(
            "{:#}",
            json!({"figures": list.collect::<Vec<_>>(), "measured": measured})
        );
    } else {
        println!(
            "{} packages, {} with a solution; seconds of processor time, medians of {}",
            measured["packages"],
            measured["solved"],
            arguments.rounds.max(1)
        );
        for (what, seconds, bound) in &figures {
            println!("{seconds:>9.4} s, bound {bound:>5.2} s: {what}");
        }
    }
    let above: Vec<&str> = figures
        .iter()
        .filter(|(_, seconds, bound)| seconds > bound)
        .map(|(what, ..)| what.as_str())
        .collect();
    if !above.is_empty() {
        bail!("above the bound: {}", above.join(", "));
    }
    Ok(())
}

/// What was measured, seconds, and the bound.
fn figures(measured: &Value) -> Result<Vec<(String, f64, f64)>> {
    let middle = |key: &str| {
        let numbers: Vec<f64> = measured[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        median(&numbers)
    };
    let mut figures = vec![
        (
            "index read, signature checked".to_owned(),
            middle("read_seconds"),
            READ_BOUND,
        ),
        (
            "every package solved by itself".to_owned(),
            middle("each_seconds"),
            EACH_BOUND,
        ),
    ];
    for graph in measured["graphs"].as_array().into_iter().flatten() {
        let (what, seconds) = (graph[0].as_str(), graph[1].as_f64());
        let (what, seconds) = what.zip(seconds).context("a graph without a figure")?;
        figures.push((what.to_owned(), seconds, GRAPH_BOUND));
    }
    Ok(figures)
}
