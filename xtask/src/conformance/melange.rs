//! `cargo xtask conformance melange`: compiled recipes against those of a melange binary.

mod compare;
mod intended;
mod peer;

use crate::recipes::{Compilation, Tree, in_parallel};
use anyhow::{Result, bail};
use bessemer_recipe::CompileError;
use compare::Difference;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  cargo xtask conformance melange --tree ../os --peer ./melange --peer-output /tmp/melange"
)]
pub(crate) struct Arguments {
    /// Directory of recipes, with their pipelines in `pipelines/`
    #[arg(long)]
    tree: PathBuf,
    /// The melange binary
    #[arg(long)]
    peer: PathBuf,
    /// Where the peer's outputs are kept, so that a second run need not start it again
    #[arg(long)]
    peer_output: Option<PathBuf>,
    /// Architecture to compile for
    #[arg(long, default_value = "x86_64")]
    arch: String,
    /// Compare the first so many recipes only
    #[arg(long)]
    limit: Option<usize>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What the comparison of one recipe came to.
#[derive(Debug)]
enum Outcome {
    Equal,
    /// Equal but for differences with these identifiers.
    Intended(BTreeSet<&'static str>),
    Different(Vec<Difference>),
    /// Both refuse the recipe for this architecture.
    BothRefuse,
    PeerFailed(String),
    OursFailed(String),
}

/// Compares a tree; fails when anything is left to explain.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut tree = Tree::open(&arguments.tree)?;
    tree.recipes.truncate(arguments.limit.unwrap_or(usize::MAX));
    let kept = tempfile_directory(arguments)?;
    let peer = peer::Peer::new(
        &arguments.peer,
        &arguments.arch,
        tree.pipelines.as_deref(),
        &kept,
    )?;
    let mut compilation = Compilation::new(&tree, &arguments.arch);
    compilation.commit = Some(peer::COMMIT.to_owned());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let outcomes = in_parallel(&tree.recipes, threads, |path| {
        compare_one(path, &compilation, &peer, &tree)
    });
    let names = tree.recipes.iter().map(|path| name(path));
    let report = Report::of(names.zip(outcomes).collect());
    if arguments.json {
        println!("{:#}", report.json());
    } else {
        report.print();
    }
    if report.unexplained() > 0 {
        bail!("{} recipes are not explained", report.unexplained());
    }
    Ok(())
}

fn tempfile_directory(arguments: &Arguments) -> Result<PathBuf> {
    let directory = match &arguments.peer_output {
        Some(directory) => directory.clone(),
        None => crate::workspace::root().join("target/conformance-melange"),
    };
    fs_err::create_dir_all(&directory)?;
    Ok(directory)
}

fn name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn compare_one(path: &Path, compilation: &Compilation, peer: &peer::Peer, tree: &Tree) -> Outcome {
    let theirs = peer.compile(path);
    let ours = compilation.compile(path);
    match (theirs, ours) {
        (Ok(theirs), Ok(ours)) => {
            let ours = ours.plan.configuration;
            judge(compare::compare(&theirs, &ours, tree.pipelines.as_deref()))
        }
        (Err(theirs), Err(ours)) if excluded(&theirs, &ours) => Outcome::BothRefuse,
        (Err(error), _) => Outcome::PeerFailed(format!("{error:#}")),
        (_, Err(error)) => Outcome::OursFailed(format!("{error:#}")),
    }
}

/// Whether both say that the recipe is not for the architecture.
fn excluded(theirs: &anyhow::Error, ours: &anyhow::Error) -> bool {
    let by_architecture = |error: &CompileError| matches!(error, CompileError::Architecture(_));
    theirs.to_string().contains("skip this arch")
        && ours.downcast_ref().is_some_and(by_architecture)
}

fn judge(differences: Vec<Difference>) -> Outcome {
    let mut reasons = BTreeSet::new();
    let mut left = Vec::new();
    for difference in differences {
        match intended::reason(&difference) {
            Some(intended) => {
                reasons.insert(intended.id);
            }
            None => left.push(difference),
        }
    }
    if !left.is_empty() {
        Outcome::Different(left)
    } else if reasons.is_empty() {
        Outcome::Equal
    } else {
        Outcome::Intended(reasons)
    }
}

/// All outcomes, by kind.
struct Report {
    equal: usize,
    intended: usize,
    reasons: BTreeMap<&'static str, usize>,
    different: Vec<(String, Vec<Difference>)>,
    both_refuse: usize,
    peer_failed: Vec<(String, String)>,
    ours_failed: Vec<(String, String)>,
}

impl Report {
    fn of(outcomes: Vec<(String, Outcome)>) -> Self {
        let mut report = Self {
            equal: 0,
            intended: 0,
            reasons: BTreeMap::new(),
            different: Vec::new(),
            both_refuse: 0,
            peer_failed: Vec::new(),
            ours_failed: Vec::new(),
        };
        for (name, outcome) in outcomes {
            match outcome {
                Outcome::Equal => report.equal += 1,
                Outcome::Intended(reasons) => {
                    report.intended += 1;
                    for reason in reasons {
                        *report.reasons.entry(reason).or_default() += 1;
                    }
                }
                Outcome::Different(differences) => report.different.push((name, differences)),
                Outcome::BothRefuse => report.both_refuse += 1,
                Outcome::PeerFailed(error) => report.peer_failed.push((name, error)),
                Outcome::OursFailed(error) => report.ours_failed.push((name, error)),
            }
        }
        report
    }

    /// A recipe that the peer refuses and Bessemer takes, or the other way round, is unexplained.
    fn unexplained(&self) -> usize {
        self.different.len() + self.peer_failed.len() + self.ours_failed.len()
    }

    fn print(&self) {
        for (name, differences) in &self.different {
            for difference in differences {
                println!("{name}: {difference}");
            }
        }
        for (name, error) in &self.ours_failed {
            println!("{name}: Bessemer: {error}");
        }
        for (name, error) in &self.peer_failed {
            println!("{name}: melange: {}", error.trim());
        }
        println!("equal                       {:5}", self.equal);
        println!("equal but for intended      {:5}", self.intended);
        for (reason, count) in &self.reasons {
            println!("  {reason:<26}{count:5}");
        }
        println!("both refuse the architecture{:4}", self.both_refuse);
        println!("different                   {:5}", self.different.len());
        println!("melange failed              {:5}", self.peer_failed.len());
        println!("Bessemer failed             {:5}", self.ours_failed.len());
    }

    fn json(&self) -> Value {
        let different = self.different.iter().map(|(name, differences)| {
            let texts = differences.iter().map(ToString::to_string);
            (name.clone(), texts.collect())
        });
        let failed = |list: &[(String, String)]| -> Value {
            let pairs = list
                .iter()
                .map(|(name, error)| (name.clone(), json!(error)));
            Value::Object(pairs.collect())
        };
        json!({
            "equal": self.equal,
            "intended": self.intended,
            "reasons": self.reasons,
            "both_refuse": self.both_refuse,
            "different": Value::Object(different.collect()),
            "peer_failed": failed(&self.peer_failed),
            "ours_failed": failed(&self.ours_failed),
        })
    }
}

#[cfg(test)]
mod tests;
