//! How long a guest takes to be ready. `crates/vm/benches/boot.rs` boots the guests and says why its
//! floor is a fair one; this builds it, runs it, and judges.

use super::{median, smallest};
use crate::ground::Ground;
use crate::setup;
use crate::workspace::{cargo, output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Most that the agent's boot may take, as a multiple of the floor.
const BOUND: f64 = 1.3;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Boots of each kind
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Boots both kinds in turn and compares.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::run()?;
    setup::lists()?;
    let ground = Ground::prepare(true)?;
    let mut command = cargo();
    command
        .args(["bench", "--quiet", "-p", "bessemer-vm", "--bench", "boot"])
        .args(["--", "--rounds", &arguments.rounds.to_string()])
        .arg("--boot")
        .arg(&ground.boot)
        .arg("--agent")
        .arg(ground.program("bessemer-agent"))
        .arg("--jailer")
        .arg(ground.program("bessemer-jailer"));
    let text = output(&mut command)?;
    let last = text.lines().last().unwrap_or_default();
    let measured: Value = serde_json::from_str(last).context("the measurement printed no JSON")?;
    let (agent, floor) = (times(&measured, "agent")?, times(&measured, "floor")?);
    let ratio = median(&agent) / median(&floor);
    if arguments.json {
        let mut result = measured;
        result["ratio_of_medians"] = json!(ratio);
        result["bound"] = json!(BOUND);
        println!("{result:#}");
    } else {
        print(&measured, &agent, &floor, ratio);
    }
    if ratio > BOUND {
        bail!("the agent is ready after {ratio:.2} times the floor; at most {BOUND} is allowed");
    }
    Ok(())
}

fn times(measured: &Value, what: &str) -> Result<Vec<f64>> {
    let numbers = measured[format!("{what}_seconds")].as_array();
    let times: Vec<f64> = numbers
        .into_iter()
        .flatten()
        .filter_map(Value::as_f64)
        .collect();
    if times.is_empty() {
        bail!("nothing was measured of the {what}");
    }
    Ok(times)
}

fn print(measured: &Value, agent: &[f64], floor: &[f64], ratio: f64) {
    let word = |key: &str| crate::demo::text(&measured[key]);
    println!(
        "{}, kernel {}, {}, {} processors, {} MiB, jail {}",
        word("qemu"),
        word("kernel"),
        word("accelerator"),
        word("vcpus"),
        word("memory_mib"),
        word("jail"),
    );
    println!("{:<24} {:>6} {:>9} {:>9}", "", "boots", "median", "min");
    for (name, times) in [("do-nothing init", floor), ("agent ready", agent)] {
        println!(
            "{name:<24} {:>6} {:>7.3} s {:>7.3} s",
            times.len(),
            median(times),
            smallest(times)
        );
    }
    println!("ratio of the medians {ratio:.2}, at most {BOUND}");
}
