//! How long a guest takes to be ready. `crates/vm/benches/boot.rs` boots the guests and says why its
//! floor is a fair one; this builds it, runs it, and judges.

use super::{median, smallest};
use crate::ground::Ground;
use crate::kernel::Kernel;
use crate::setup;
use crate::workspace::{cargo, output};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Most that the agent's boot may take, as a multiple of the floor.
const BOUND: f64 = 1.15;
/// Most that it may take as a multiple of the same with Debian's cloud kernel.
const OTHER_BOUND: f64 = 0.4;

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
    let kernel = Kernel::prepare(&ground.program("bessemer"))?;
    let mut command = cargo();
    command
        .args(["bench", "--quiet", "-p", "bessemer-vm", "--bench", "boot"])
        .args(["--", "--rounds", &arguments.rounds.to_string()])
        .arg("--boot")
        .arg(&kernel.boot)
        .arg("--other")
        .arg(&ground.boot)
        .arg("--agent")
        .arg(ground.program("bessemer-agent"))
        .arg("--jailer")
        .arg(ground.program("bessemer-jailer"));
    let text = output(&mut command)?;
    let last = text.lines().last().unwrap_or_default();
    let measured: Value = serde_json::from_str(last).context("the measurement printed no JSON")?;
    let kinds = ["floor", "agent", "other"].map(|kind| times(&measured, kind));
    let [floor, agent, other] = kinds;
    let (floor, agent, other) = (floor?, agent?, other?);
    let ratio = median(&agent) / median(&floor);
    let other_ratio = median(&agent) / median(&other);
    if arguments.json {
        let mut result = measured;
        result["ratio_of_medians"] = json!(ratio);
        result["bound"] = json!(BOUND);
        result["ratio_to_other_kernel"] = json!(other_ratio);
        result["other_bound"] = json!(OTHER_BOUND);
        println!("{result:#}");
    } else {
        print(&measured, &[&floor, &agent, &other]);
        println!("agent to floor {ratio:.2}, at most {BOUND}");
        println!("agent to the same with the other kernel {other_ratio:.2}, at most {OTHER_BOUND}");
    }
    if ratio > BOUND || other_ratio > OTHER_BOUND {
        bail!("the agent is ready too late");
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

fn print(measured: &Value, times: &[&[f64]; 3]) {
    let word = |key: &str| crate::demo::text(&measured[key]);
    println!(
        "{}, {}, {} processors, {} MiB, jail {}",
        word("qemu"),
        word("accelerator"),
        word("vcpus"),
        word("memory_mib"),
        word("jail"),
    );
    let (own, other) = (word("kernel"), word("other_kernel"));
    let names = [
        format!("do-nothing init, {own}"),
        format!("agent ready, {own}"),
        format!("agent ready, {other}"),
    ];
    println!("{:<40} {:>6} {:>9} {:>9}", "", "boots", "median", "min");
    for (name, times) in names.iter().zip(times) {
        println!(
            "{name:<40} {:>6} {:>7.3} s {:>7.3} s",
            times.len(),
            median(times),
            smallest(times)
        );
    }
}
