//! `bessemer update-cache`: sources into a folder, by digest.

use super::recipe_file::{RecipeArguments, at_checksum, parse, render, say_missing_pipelines};
use crate::exit;
use crate::fetching::FetchArguments;
use crate::folders::NewFolders;
use crate::melange_flags::PlainFlags;
use crate::print::{self, Progress};
use anyhow::{Context, Result, anyhow};
use bessemer_build::source_cache::{CachedSource, SourceCache, Update};
use bessemer_build::{Event, Reporter};
use bessemer_recipe::SourceRequest;
use bessemer_store::{Client, Limits, Settings, shown as shown_address};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Largest source, in bytes; melange's limit.
const LARGEST: u64 = 1 << 30;
/// Longest time for one source; melange's limit.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Downloads at a time.
const PARALLEL: usize = 4;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer update-cache --cache-dir ./cache bash.yaml\n  bessemer update-cache --cache-dir ./cache --pipeline-dir ./pipelines *.yaml --json\n\nFiles are named after their digests, as melange names them; `bessemer build --mirror ./cache` takes them from there. Sources without a checksum, and git repositories, are not kept."
)]
pub(crate) struct Arguments {
    /// The recipes
    #[arg(required = true)]
    recipes: Vec<PathBuf>,
    /// Folder for the sources
    #[arg(long, default_value = "/var/cache/melange", value_parser = folder)]
    cache_dir: PathBuf,
    /// Architecture whose sources are fetched; may be repeated [default: every one that the recipe
    /// can be built for]
    #[arg(long, value_parser = super::recipe_file::architecture)]
    arch: Vec<String>,
    /// Directory of pipelines that `uses` finds before the built-in ones; may be repeated
    #[arg(long = "pipeline-dir", alias = "pipeline-dirs")]
    pipeline_dirs: Vec<PathBuf>,
    /// Switch a build option of the recipes on; may be repeated
    #[arg(long = "build-option")]
    build_options: Vec<String>,
    /// YAML file with variables that replace the recipes'
    #[arg(long)]
    vars_file: Option<PathBuf>,
    #[command(flatten)]
    fetch: FetchArguments,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn folder(text: &str) -> Result<PathBuf, String> {
    match text.split_once("://") {
        Some((scheme, _)) => Err(format!(
            "`{scheme}:` is no folder of this machine; copy the folder there afterwards"
        )),
        None if text.is_empty() => Err("it is empty".to_owned()),
        None => Ok(text.into()),
    }
}

/// A source, and what asks for it first.
#[derive(Debug)]
struct Source {
    /// As it may be shown.
    uri: String,
    recipe: PathBuf,
    cached: CachedSource,
}

/// What the recipes fetch.
#[derive(Debug, Default)]
struct Wanted {
    sources: Vec<Source>,
    unpinned: Vec<String>,
    git: usize,
}

/// Fetches what is missing; fails when a source cannot be had, after having tried the others.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut wanted = Wanted::default();
    say_missing_pipelines(&arguments.pipeline_dirs);
    for recipe in &arguments.recipes {
        collect(arguments, recipe, &mut wanted)?;
    }
    for uri in &wanted.unpinned {
        print::warning(&format!("{uri} has no checksum, left out"));
    }
    let folders = NewFolders::make(&arguments.cache_dir)?;
    let cache = SourceCache::open(&arguments.cache_dir)?;
    let results = update(&cache, &wanted.sources, arguments.fetch)?;
    let failed = results.iter().filter(|result| result.is_err()).count();
    if arguments.json {
        print::json(&as_json(arguments, &wanted, &results))?;
    } else {
        shown(arguments, &wanted, &results)?;
    }
    if failed == 0 {
        folders.keep();
        return Ok(ExitCode::SUCCESS);
    }
    let all = wanted.sources.len();
    print::failure(&anyhow!("{failed} of {all} sources could not be had"));
    Ok(ExitCode::from(exit::ERROR))
}

fn collect(arguments: &Arguments, path: &Path, wanted: &mut Wanted) -> Result<()> {
    let written = parse(path)?;
    let targets = &written.document().package.target_architecture;
    let any = targets.is_empty() || targets.iter().any(|target| &**target == "all");
    let of_recipe: Vec<String> = if any {
        super::recipe_file::ALPINE_ARCHITECTURES
            .map(str::to_owned)
            .into()
    } else {
        targets.iter().map(|name| name.value.clone()).collect()
    };
    let architectures = match arguments.arch.as_slice() {
        [] => &of_recipe,
        _ => &arguments.arch,
    };
    for (number, arch) in architectures.iter().enumerate() {
        let recipe = RecipeArguments {
            recipe: Some(path.to_owned()),
            shown: None,
            arch: arch.clone(),
            pipeline_dirs: arguments.pipeline_dirs.clone(),
            build_options: arguments.build_options.clone(),
            vars_file: arguments.vars_file.clone(),
            build_date: None,
        };
        let compiled = recipe.compile(&[], &[])?;
        if number == 0 {
            for warning in &compiled.warnings {
                print::warning(&render(warning));
            }
        }
        for request in &compiled.plan.sources {
            wanted.add(path, request)?;
        }
    }
    Ok(())
}

impl Wanted {
    /// One source of several architectures or recipes is fetched once, from wherever it is had.
    fn add(&mut self, recipe: &Path, request: &SourceRequest) -> Result<()> {
        if request.git.is_some() {
            self.git += 1;
            return Ok(());
        }
        if request.sha256.is_none() && request.sha512.is_none() {
            let uri = shown_address(&request.uri);
            if !self.unpinned.contains(&uri) {
                self.unpinned.push(uri);
            }
            return Ok(());
        }
        let source = CachedSource::new(&request.uri, request.sha256, request.sha512.as_deref())
            .with_context(|| format!("cannot fetch {}", shown_address(&request.uri)))
            .with_context(|| recipe.display().to_string())?;
        let mut known = self.sources.iter_mut().map(|known| &mut known.cached);
        match known.find(|known| known.expected == source.expected) {
            Some(known) if known.uris.contains(&source.uris[0]) => {}
            Some(known) => known.uris.extend(source.uris),
            None => self.sources.push(Source {
                uri: shown_address(&request.uri),
                recipe: recipe.to_owned(),
                cached: source,
            }),
        }
        Ok(())
    }
}

type Outcome = Result<(Update, u64)>;

/// Some at a time; results in the order of the sources.
fn update(cache: &SourceCache, sources: &[Source], fetch: FetchArguments) -> Result<Vec<Outcome>> {
    let limits = Limits {
        bytes: LARGEST,
        total: LONGEST,
        ..Limits::default()
    };
    let client = Client::new(&Settings {
        limits,
        ..fetch.settings(&[])?
    })?;
    let next = AtomicUsize::new(0);
    let progress = Mutex::new(Progress::new(true));
    let say = |name: &'static str, number: usize, uri: &str| {
        let detail = format!("{}/{} {uri}", number + 1, sources.len());
        if let Ok(mut progress) = progress.lock() {
            progress.report(Event::Stage {
                name,
                detail: &detail,
            });
        }
    };
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(number) else {
                return done;
            };
            let uri = &source.uri;
            say("source", number, uri);
            let outcome = cache.update(&source.cached, &client);
            let word = match &outcome {
                Ok((update, _)) => word(*update),
                Err(_) => "failed",
            };
            say(word, number, uri);
            let outcome = outcome.map_err(|error| at_checksum(error.into(), &source.recipe));
            done.push((number, outcome));
        }
    };
    let mut done: Vec<(usize, Outcome)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PARALLEL.min(sources.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.collect::<std::thread::Result<Vec<_>>>()
    })
    .map_err(|_| anyhow!("a download ended by a mistake in this program"))?
    .into_iter()
    .flatten()
    .collect();
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}

const fn word(update: Update) -> &'static str {
    match update {
        Update::Present => "present",
        Update::Fetched => "fetched",
        Update::Replaced => "replaced",
    }
}

fn as_json(arguments: &Arguments, wanted: &Wanted, results: &[Outcome]) -> Value {
    let sources = wanted.sources.iter().zip(results);
    let sources: Vec<Value> = sources
        .map(|(source, outcome)| {
            let mut value = json!({"uri": source.uri, "files": source.cached.names()});
            match outcome {
                Ok((update, size)) => {
                    value["state"] = word(*update).into();
                    value["size"] = (*size).into();
                }
                Err(error) => {
                    value["state"] = "failed".into();
                    value["failure"] = print::failure_json(error);
                }
            }
            value
        })
        .collect();
    json!({
        "cache_dir": arguments.cache_dir,
        "sources": sources,
        "unpinned": wanted.unpinned,
        "git": wanted.git,
    })
}

fn shown(arguments: &Arguments, wanted: &Wanted, results: &[Outcome]) -> Result<()> {
    for (source, outcome) in wanted.sources.iter().zip(results) {
        match outcome {
            Ok((update, _)) => {
                for name in source.cached.names() {
                    let path = arguments.cache_dir.join(name);
                    print::line(format_args!("{:8}  {}", word(*update), path.display()))?;
                }
            }
            Err(error) => print::failure(error),
        }
    }
    if wanted.git > 0 {
        print::note(
            "git repositories are not kept in this folder; builds have a cache of their own for them",
        );
    }
    Ok(())
}
