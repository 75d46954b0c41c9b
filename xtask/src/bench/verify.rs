//! What verifying a chain costs. `crates/attest/benches/verify.rs` does the work and says what it is; this
//! builds it, runs it, and judges.

use super::median;
use crate::workspace::{cargo, output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Fewest envelopes for a second of processor time, everything counted.
const ENVELOPES_BOUND: f64 = 1000.0;
/// Most times the least that must be done.
const FLOOR_BOUND: f64 = 6.0;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many packages the chain has
    #[arg(long, default_value_t = 1000)]
    packages: u32,
    /// How often it is walked
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Measures and judges the medians.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (packages, rounds) = (arguments.packages.max(1), arguments.rounds.max(1));
    let mut command = cargo();
    command
        .args([
            "bench",
            "--quiet",
            "-p",
            "bessemer-attest",
            "--bench",
            "verify",
            "--",
        ])
        .args([packages.to_string(), rounds.to_string()]);
    let text = output(&mut command)?;
    let last = text.lines().last().unwrap_or_default();
    let measured: Value = serde_json::from_str(last).context("the measurement printed no JSON")?;
    let middle = |key: &str| {
        let numbers = measured[key].as_array().into_iter().flatten();
        let numbers: Vec<f64> = numbers.filter_map(Value::as_f64).collect();
        median(&numbers)
    };
    let seconds = middle("pool_seconds") + middle("walk_seconds");
    let (each, ratio) = (
        f64::from(packages) / seconds,
        seconds / middle("floor_seconds"),
    );
    if arguments.json {
        let figures = json!({
            "envelopes_per_cpu_second": each, "bound": ENVELOPES_BOUND,
            "times_the_floor": ratio, "floor_bound": FLOOR_BOUND, "measured": measured,
        });
        println!("{figures:#}");
    } else {
        println!(
            "{packages} packages, {} reached; medians of {rounds}",
            measured["reached"]
        );
        println!("{each:>7.0} envelopes a second of processor time, bound {ENVELOPES_BOUND:.0}");
        println!(
            "{ratio:>7.2} times one signature, one checkpoint and the decoding of each, bound {FLOOR_BOUND:.1}"
        );
    }
    if each < ENVELOPES_BOUND || ratio > FLOOR_BOUND {
        bail!("outside of the bounds");
    }
    Ok(())
}
