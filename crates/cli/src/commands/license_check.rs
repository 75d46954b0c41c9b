//! `bessemer license-check`: licence files of sources against what a recipe says.

mod report;
mod subject;

use super::build::order::say_missing_mirrors;
use super::recipe_file::{at_checksum, say_missing_pipelines};
use crate::exit;
use crate::fetching::FetchArguments;
use crate::melange_flags::PlainFlags;
use crate::places::Places;
use crate::print::{self, Hint, Progress};
use crate::signing::write_whole;
use anyhow::{Context, Result, anyhow, bail};
use bessemer_build::RunDirectory;
use bessemer_build::git::Ground;
use bessemer_build::licenses::{Fetching, gather};
use bessemer_license::{
    Classifier, Collector, Declared, Depth, Detected, Entry, Format, Limits, Placement,
    differences, mend,
};
use bessemer_recipe::{CopyrightEntry, Recipe, rewrite_copyright};
use bessemer_store::Store;
use report::Report;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use subject::Subject;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer license-check bash.yaml\n  bessemer license-check --fix --format simple bash.yaml\n  bessemer license-check --scan-type deep --json ./source\n\nDifferences are warnings; with --exit-code they make the status 1."
)]
pub(crate) struct Arguments {
    /// A recipe or a package, whose sources are fetched; or a folder with sources
    file: PathBuf,
    /// Folder for what is downloaded [default: Bessemer's cache]
    #[arg(long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// Write what was found into the recipe's `copyright`; every comment stays
    #[arg(long)]
    fix: bool,
    /// How --fix writes: an entry for each file, or one for all
    #[arg(long, default_value = "flat", value_name = "flat|simple", value_parser = format)]
    format: Format,
    /// How far to look: the top folder and one level below, or everything
    #[arg(long, default_value = "shallow", value_name = "shallow|deep", value_parser = depth)]
    scan_type: Depth,
    /// Directory of pipelines that `uses` finds before the built-in ones; may be repeated
    #[arg(long = "pipeline-dir", alias = "pipeline-dirs")]
    pipeline_dirs: Vec<PathBuf>,
    /// Directory or URL that is asked for sources first; may be repeated
    #[arg(long = "mirror")]
    mirrors: Vec<String>,
    /// End with status 1 when there is a difference
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    fetch: FetchArguments,
    #[command(flatten)]
    _melange: PlainFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "flat" => Ok(Format::Flat),
        "simple" => Ok(Format::Simple),
        other => Err(format!("`{other}` is none of flat, simple")),
    }
}

fn depth(text: &str) -> Result<Depth, String> {
    match text {
        "shallow" => Ok(Depth::Shallow),
        "deep" => Ok(Depth::Deep),
        other => Err(format!("`{other}` is none of shallow, deep")),
    }
}

/// Finds, compares, prints and, if asked, mends.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    say_missing_pipelines(&arguments.pipeline_dirs);
    say_missing_mirrors(&arguments.mirrors);
    let subject = Subject::open(&arguments.file, &arguments.pipeline_dirs)?;
    if arguments.fix && subject.recipe().is_none() {
        return Err(anyhow!("{} is no recipe", arguments.file.display())
            .context(Hint("--fix writes into a recipe; name one".to_owned()))
            .context("there is nothing to fix"));
    }
    let declared = subject.declared();
    let (detected, too_large) = detect(arguments, &subject, &declared)?;
    let mut report = Report {
        file: &arguments.file,
        differences: match subject.evaluated() {
            Some(_) => differences(&declared, &detected),
            None => Vec::new(),
        },
        detected: &detected,
        compared: subject.evaluated().is_some(),
        too_large,
        fixed: false,
    };
    if let Some(recipe) = subject.recipe().filter(|_| arguments.fix) {
        report.fixed = fix(arguments, recipe, &declared, &detected)?;
    }
    if arguments.json {
        print::json(&report.json())?;
    } else {
        report.show()?;
    }
    let differs = arguments.exit_code && !report.differences.is_empty() && !report.fixed;
    Ok(ExitCode::from(if differs { exit::ERROR } else { 0 }))
}

/// The licences in all licence files, file by file, and the files that are too large.
fn detect(
    arguments: &Arguments,
    subject: &Subject,
    declared: &[Declared],
) -> Result<(Vec<Detected>, Vec<String>)> {
    let paths = declared.iter().map(|entry| entry.path.clone());
    let paths = paths.filter(|path| !path.is_empty());
    let mut collector = Collector::new(arguments.scan_type, Limits::default(), paths);
    if let Some(folder) = subject.folder() {
        collector
            .directory(folder, &Placement::default())
            .with_context(|| format!("cannot look into {}", folder.display()))?;
    }
    if let Some(evaluated) = subject.evaluated() {
        let cache = match &arguments.workdir {
            Some(workdir) => workdir.clone(),
            None => Places::of(false)?.cache,
        };
        let store = Store::open(cache.join("store"))?;
        let run = RunDirectory::create(&cache)?;
        let client = arguments.fetch.open(&[])?.client;
        let fetching = Fetching {
            mirrors: &arguments.mirrors,
            client: &client,
            ground: Ground {
                cache: &cache,
                scratch: run.path(),
                store: &store,
                offline: client.is_offline(),
            },
        };
        let unpackings = evaluated.unpackings()?;
        gather(
            &unpackings,
            fetching,
            &mut collector,
            &mut Progress::new(true),
        )
        .map_err(|error| at_checksum(error.into(), &arguments.file))?;
    }
    let (files, too_large) = collector.finish();
    let mut classifier = Classifier::default();
    let mut detected = Vec::new();
    for file in &files {
        detected.extend(Detected::of_file(
            &file.path,
            &classifier.classify(&file.text),
        ));
    }
    for entry in declared.iter().filter(|entry| !entry.path.is_empty()) {
        let found = files.iter().any(|file| file.path == entry.path);
        if !found && !too_large.contains(&entry.path) {
            print::warning(&format!(
                "the sources have no file `{}`, which `license-path` of {} names",
                entry.path, entry.license
            ));
        }
    }
    Ok((detected, too_large))
}

/// Writes the recipe anew where it must; whether it did.
fn fix(
    arguments: &Arguments,
    recipe: &Recipe,
    declared: &[Declared],
    detected: &[Detected],
) -> Result<bool> {
    let Some(entries) = mend(declared, detected, arguments.format) else {
        return Ok(false);
    };
    let entries: Vec<CopyrightEntry> = entries.into_iter().map(entry).collect();
    let text = rewrite_copyright(recipe, &entries).map_err(|error| {
        anyhow::Error::new(error).context(Hint(
            "write it as a list, one `- license:` a line, or change it by hand".to_owned(),
        ))
    })?;
    replace(&arguments.file, recipe, &text)?;
    Ok(true)
}

fn entry(entry: Entry) -> CopyrightEntry {
    match entry {
        Entry::Kept(index) => CopyrightEntry::Kept(index),
        Entry::New { license, path } => CopyrightEntry::New {
            license,
            license_path: path,
        },
    }
}

/// Puts the text in the place of the recipe, whole or not at all; its mode stays, and a link to it.
fn replace(path: &Path, recipe: &Recipe, text: &str) -> Result<()> {
    let path = fs_err::canonicalize(path)?;
    if fs_err::read_to_string(&path)? != recipe.source().text {
        bail!(
            "{} changed in the meantime; nothing was written",
            path.display()
        );
    }
    let mode = fs_err::metadata(&path)?.permissions().mode();
    write_whole(&path, text.as_bytes())?;
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode & 0o7777))?;
    Ok(())
}
