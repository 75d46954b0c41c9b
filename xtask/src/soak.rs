//! `cargo xtask soak`: long runs, each of which writes a dated report to `docs/soak/`.

mod demos;
mod fuzz;
mod kill;
mod pipelines;
mod report;

use anyhow::{Result, bail};
use report::Report;
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which run
    #[arg(value_enum)]
    what: What,
    /// How long; what has begun is finished
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Where random choices start
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fuzz this target alone; may be repeated; they share the time [default: all]
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum What {
    /// libFuzzer on every parser that meets strangers' bytes
    Fuzz,
    /// Each process of a build killed fifty times, at seeded moments
    Kill,
    /// Each command interrupted and killed, fifty times by each signal, at seeded moments
    Interrupts,
    /// The demo with GNU hello, whose configure takes minutes in an emulated guest
    Hello,
    /// The demo built twice, compared byte for byte
    Twice,
    /// The built-in pipelines that are too heavy for every change, each on a tiny project
    Pipelines,
}

impl What {
    const fn word(self) -> &'static str {
        match self {
            Self::Fuzz => "fuzz",
            Self::Kill => "kill",
            Self::Interrupts => "interrupts",
            Self::Hello => "hello",
            Self::Twice => "twice",
            Self::Pipelines => "pipelines",
        }
    }
}

/// Until when to begin anything new, and where to start choices.
#[derive(Debug, Clone, Copy)]
struct Span {
    whole: Duration,
    until: Instant,
    seed: u64,
}

impl Span {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// Runs one kind and writes its report; findings are an error.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut report = Report::begin(arguments.what.word(), arguments.minutes, arguments.seed)?;
    let whole = Duration::from_secs(arguments.minutes * 60);
    let span = Span {
        whole,
        until: Instant::now() + whole,
        seed: arguments.seed,
    };
    let result = match arguments.what {
        What::Fuzz => fuzz::run(span, &arguments.targets, &mut report),
        What::Kill => kill::run(&kill::PROCESSES, span, &mut report),
        What::Interrupts => kill::run(&kill::COMMANDS, span, &mut report),
        What::Hello => demos::run("hello", false, span, &mut report),
        What::Twice => demos::run("bzip2", true, span, &mut report),
        What::Pipelines => pipelines::run(span, &mut report),
    };
    if let Err(error) = result {
        report.finding(&format!("the run ended early: {error:#}"));
    }
    let (path, findings) = report.write()?;
    println!("report in {}", path.display());
    if findings > 0 {
        bail!("{findings} findings");
    }
    Ok(())
}
