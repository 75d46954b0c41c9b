//! `bessemer apk solve`.

use super::indexes::{self, Named};
use super::reach::Reach;
use crate::fetching::FetchArguments;
use crate::{exit, print};
use anyhow::Result;
use bessemer_apk::solver::{Chosen, InstallIf, Repository, Solver, Unsolvable};
use bessemer_apk::{Dependency, IndexEntry, Version};
use bessemer_store::Uri;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer apk solve --index x86_64/APKINDEX.tar.gz busybox 'zlib>=1.2'\n  bessemer apk solve --index main.tar.gz --index '@edge edge.tar.gz' curl@edge\n  bessemer apk solve --index x86_64/APKINDEX.tar.gz --each"
)]
pub(crate) struct Arguments {
    /// Index of packages to choose from, a file or a URL, earlier ones first where two offer the same
    /// package; `@tag FILE` is for constraints with that tag; may be repeated
    #[arg(short, long = "index", value_name = "FILE|URL", required = true)]
    indexes: Vec<Named>,
    /// Public key that signs the indexes; without any, signatures are not checked; may be repeated
    #[arg(short, long = "keyring-append", value_name = "FILE|URL")]
    keys: Vec<Uri>,
    /// Architecture to solve for; of several, only packages are taken that all have in the same
    /// version; by default, all of the indexes; may be repeated
    #[arg(short, long = "arch", value_name = "ARCH")]
    archs: Vec<String>,
    /// Take every package of the indexes as a world of its own
    #[arg(long, conflicts_with = "world")]
    each: bool,
    /// What can meet `install_if`: `dependencies`, what one constraint depends on, as apko; `all`,
    /// everything that is installed, as apk
    #[arg(long, value_enum, default_value = "dependencies")]
    install_if: Rule,
    /// The constraints: `name`, `name>=1.2`, `name@tag`, `!name`
    #[arg(required_unless_present = "each")]
    world: Vec<String>,
    #[command(flatten)]
    fetching: FetchArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Rule {
    Dependencies,
    All,
}

impl From<Rule> for InstallIf {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Dependencies => Self::Dependencies,
            Rule::All => Self::All,
        }
    }
}

/// Prints the packages in the order of installation, or why there is no choice.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let world = constraints(&arguments.world)?;
    indexes::say_unknown_tags(&world, arguments.indexes.iter().map(|named| &named.tag));
    let places = arguments.indexes.iter().map(|named| &named.place);
    let reach = Reach::open(arguments.fetching, places.chain(&arguments.keys))?;
    let (keyring, _) = indexes::keyring(&arguments.keys, &reach)?;
    let keyring = (!arguments.keys.is_empty()).then_some(&keyring);
    if keyring.is_none() {
        print::note("signatures are not checked: no key was given with --keyring-append");
    }
    let opened = indexes::open(&arguments.indexes, keyring, &reach)?;
    let paths: Vec<String> = opened.iter().map(|one| one.place.to_string()).collect();
    let by_arch = indexes::by_arch(&opened, &arguments.archs)?;
    let (archs, repositories): (Vec<String>, Vec<Vec<Repository<'_>>>) =
        by_arch.into_iter().unzip();
    let rule = arguments.install_if.into();
    let solvers: Vec<Solver<'_>> = Solver::for_all(&repositories)
        .into_iter()
        .map(|solver| solver.install_if(rule))
        .collect();
    let all: Vec<(&String, &Solver<'_>, &Vec<Repository<'_>>)> = archs
        .iter()
        .zip(&solvers)
        .zip(&repositories)
        .map(|((arch, solver), repositories)| (arch, solver, repositories))
        .collect();
    if arguments.each {
        return each(&all, arguments.json);
    }
    let mut results = Vec::new();
    for (arch, solver, _) in all {
        match solver.solve(&world) {
            Ok(chosen) => results.push((arch, chosen)),
            Err(error) => return refused(arch, archs.len(), error, arguments.json),
        }
    }
    if arguments.json {
        let results = results.iter().map(|(arch, chosen)| {
            json!({"arch": arch, "packages": chosen.iter().map(package).collect::<Vec<_>>()})
        });
        print::json(&json!({"indexes": paths, "solutions": results.collect::<Vec<_>>()}))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (arch, chosen) in results {
        if archs.len() > 1 {
            print::line(format_args!("{arch}:"))?;
        }
        for chosen in chosen {
            print::line(format_args!("{}", print::plain_line(&name(chosen.entry))))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn constraints(words: &[String]) -> Result<Vec<Dependency>> {
    let world = words.iter().map(|word| word.parse());
    Ok(world.collect::<Result<_, _>>()?)
}

fn refused(arch: &str, archs: usize, error: Unsolvable, as_json: bool) -> Result<ExitCode> {
    let found = json!({"arch": arch, "reasons": error.reasons});
    let mut error = anyhow::Error::from(error);
    if archs > 1 {
        error = error.context(format!("there is no solution for {arch}"));
    }
    if !as_json {
        return Err(error);
    }
    print::failure(&error);
    print::json(&found)?;
    Ok(ExitCode::from(exit::ERROR))
}

fn name(entry: &IndexEntry) -> String {
    format!("{}-{}", entry.name, entry.version)
}

fn package(chosen: &Chosen<'_>) -> Value {
    let Chosen { repository, entry } = chosen;
    json!({"name": entry.name, "version": entry.version.as_str(), "arch": entry.arch, "index": repository})
}

/// One line a package, and a summary; status 0 however many have no solution.
fn each(all: &[(&String, &Solver<'_>, &Vec<Repository<'_>>)], as_json: bool) -> Result<ExitCode> {
    let (mut solved, mut unsolved) = (0_usize, 0_usize);
    let mut worlds = Vec::new();
    let mut piece = String::new();
    for (arch, solver, repositories) in all {
        for (label, dependency) in alone(repositories) {
            let result = solver.solve(&[dependency]);
            *if result.is_ok() {
                &mut solved
            } else {
                &mut unsolved
            } += 1;
            if as_json {
                worlds.push(world_json(arch, &label, &result));
                continue;
            }
            if all.len() > 1 {
                piece.push_str(&[arch.as_str(), " "].concat());
            }
            piece.push_str(&print::plain_line(&world_line(&label, &result)));
            piece.push('\n');
            if piece.len() >= 1 << 16 {
                print::bytes(piece.as_bytes())?;
                piece.clear();
            }
        }
    }
    if as_json {
        print::json(&json!({"worlds": worlds, "solved": solved, "unsolved": unsolved}))?;
    } else {
        print::bytes(piece.as_bytes())?;
        let count = solved + unsolved;
        print::line(format_args!(
            "{}: {solved} solved, {unsolved} without a solution",
            print::count(count, "world")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Each package and the constraint that asks for it: its name, with its version and tag where the
/// name does not say it all.
fn alone(repositories: &[Repository<'_>]) -> Vec<(String, Dependency)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let all = || {
        let entries = repositories.iter();
        entries.flat_map(|r| r.index.entries.iter().map(move |entry| (r.tag, entry)))
    };
    for (_, entry) in all() {
        *counts.entry(&entry.name).or_default() += 1;
    }
    all()
        .map(|(tag, entry)| {
            let several = counts[entry.name.as_str()] > 1;
            let version = || Version::new(entry.version.as_str());
            let dependency = Dependency {
                constraint: several.then(|| (bessemer_apk::Operator::Equal, version())),
                pin: tag.map(str::to_owned),
                ..Dependency::named(entry.name.clone())
            };
            (name(entry), dependency)
        })
        .collect()
}

fn world_line(label: &str, result: &Result<Vec<Chosen<'_>>, Unsolvable>) -> String {
    match result {
        Ok(chosen) => {
            let names: Vec<String> = chosen.iter().map(|chosen| name(chosen.entry)).collect();
            format!("{label}: {}", names.join(" "))
        }
        Err(error) => format!("{label}: no solution: {}", error.reasons.join("; ")),
    }
}

fn world_json(arch: &str, label: &str, result: &Result<Vec<Chosen<'_>>, Unsolvable>) -> Value {
    match result {
        Ok(chosen) => {
            let names: Vec<String> = chosen.iter().map(|chosen| name(chosen.entry)).collect();
            json!({"arch": arch, "package": label, "packages": names})
        }
        Err(error) => json!({"arch": arch, "package": label, "reasons": error.reasons}),
    }
}
