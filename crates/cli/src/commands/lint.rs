//! `bessemer lint`, and the flags that `bessemer build` shares with it.

use crate::exit;
use crate::melange_flags::LintFlags;
use crate::package_file;
use crate::print::{self, Hint};
use anyhow::{Context, Result};
use bessemer_apk::Limits;
use bessemer_lint::{Configuration, Finding, Package, Report, Selection, lint, linters};
use bessemer_package::Opened;
use bessemer_store::{Client, Request, Settings, Store};
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The member of a package that is its compiled recipe.
const RECIPE: &str = ".melange.yaml";

/// Which linters run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct LintArguments {
    /// Linters that must pass, in place of the default ones; separated by commas, may be repeated
    #[arg(long, value_name = "LINTER,…", value_delimiter = ',', value_parser = linter)]
    lint_require: Option<Vec<String>>,
    /// Linters whose findings are warnings, in place of the default ones
    #[arg(long, value_name = "LINTER,…", value_delimiter = ',', value_parser = linter)]
    lint_warn: Option<Vec<String>>,
    /// Write what is found beside the packages, as `lint-<package>-<version>.json`
    #[arg(long)]
    pub(crate) persist_lint_results: bool,
}

/// A linter's name, or nothing: `--lint-warn=` is an empty list.
fn linter(text: &str) -> Result<String, String> {
    let names: Vec<&str> = linters().map(|linter| linter.name).collect();
    if text.is_empty() || names.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "there is no such linter; linters are {}",
        names.join(", ")
    ))
}

impl LintArguments {
    /// The chosen linters.
    pub(crate) fn selection(&self) -> Result<Selection> {
        let lists = [&self.lint_require, &self.lint_warn].map(|list| {
            // `--lint-warn=` is an empty list.
            list.as_ref().map(|names| -> Vec<String> {
                names
                    .iter()
                    .filter(|name| !name.is_empty())
                    .cloned()
                    .collect()
            })
        });
        let [require, warn] = &lists;
        Selection::new(require.as_deref(), warn.as_deref()).map_err(|error| {
            let names: Vec<&str> = linters().map(|linter| linter.name).collect();
            anyhow::Error::new(error)
                .context(Hint(format!("linters are {}", names.join(", "))))
                .context("cannot choose linters")
        })
    }

    /// No linter at all: for packages that passed theirs when they were first built.
    pub(crate) const fn none() -> Self {
        Self {
            lint_require: Some(Vec::new()),
            lint_warn: Some(Vec::new()),
            persist_lint_results: false,
        }
    }

    /// The same as words of a command line.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let lists = [
            ("--lint-require", &self.lint_require),
            ("--lint-warn", &self.lint_warn),
        ];
        for (flag, names) in lists {
            if let Some(names) = names {
                words.push(format!("{flag}={}", names.join(",")));
            }
        }
        if self.persist_lint_results {
            words.push("--persist-lint-results".to_owned());
        }
        words
    }
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer lint packages/x86_64/*.apk\n  bessemer lint --lint-require dev,setuidgid --lint-warn= --json packages/x86_64/*.apk\n\nLinters that the recipe in a package disables (`checks.disabled`) only warn for it."
)]
pub(crate) struct Arguments {
    /// The packages, files or addresses (http, https)
    #[arg(required = true)]
    packages: Vec<PathBuf>,
    #[command(flatten)]
    lint: LintArguments,
    #[command(flatten)]
    melange: LintFlags,
    /// Where results go with --persist-lint-results, below a folder for the architecture
    #[arg(long, default_value = "packages")]
    out_dir: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prints what is found; fails when a linter that must pass does not.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    arguments.melange.say();
    let selection = arguments.lint.selection()?;
    let mut printed = Vec::new();
    let mut failed = 0;
    for path in &arguments.packages {
        let report = package(path, &selection, arguments).with_context(|| {
            format!(
                "cannot lint {}",
                bessemer_store::shown(&path.to_string_lossy())
            )
        })?;
        let failures: Vec<&str> = report.failures().map(|finding| finding.linter).collect();
        failed += usize::from(!failures.is_empty());
        if arguments.json {
            let mut value = serde_json::to_value(&report)?;
            value["path"] = json!(path);
            value["failed"] = json!(failures);
            printed.push(value);
        } else {
            shown(path, &report)?;
        }
    }
    if arguments.json {
        print::json(&json!({"packages": printed}))?;
    }
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let all = arguments.packages.len();
    print::failure(&anyhow::anyhow!(
        "{failed} of {all} packages do not pass linters that must pass"
    ));
    Ok(ExitCode::from(exit::ERROR))
}

/// Opens a package file for a look at it; says so when its data is not what it names.
pub(super) fn open(path: &Path) -> Result<Opened> {
    let file = match path.to_str().filter(|text| text.contains("://")) {
        Some(address) => fetched(address)?,
        None => package_file::open(path)?,
    };
    let opened = Opened::read(file, &std::env::temp_dir(), Limits::default())
        .with_context(|| format!("{} is no package", path.display()))?;
    if let Err(error) = &opened.proof {
        print::warning(&format!("{}: {error}", path.display()));
    }
    Ok(opened)
}

/// A package from somewhere else, in a file that has no name any more.
fn fetched(address: &str) -> Result<File> {
    let scratch = tempfile::tempdir()?;
    let store = Store::open(scratch.path())?;
    let request = Request {
        uris: vec![address.parse()?],
        ..Request::default()
    };
    let fetched = Client::new(&Settings::default())?.fetch(&request, &store)?;
    let file = store.read(&fetched.object.digest)?;
    file.context("the package was lost after it was fetched")
}

fn package(path: &Path, selection: &Selection, arguments: &Arguments) -> Result<Report> {
    let opened = open(path)?;
    let control = &opened.header.control;
    let info = &control.pkginfo;
    let configuration = match control.files.get(RECIPE) {
        Some(bytes) => Some(Configuration::parse(&String::from_utf8_lossy(bytes))?),
        None => None,
    };
    let disabled = configuration
        .as_ref()
        .map(|found| found.disabled(&info.name));
    let package = Package {
        name: &info.name,
        tree: &opened.tree,
        configuration: configuration.as_ref(),
    };
    let selection = selection.without(disabled.unwrap_or_default());
    let report = lint(&package, &info.version, &selection)?;
    if arguments.lint.persist_lint_results && !report.is_empty() {
        keep(&report, &info.arch, &arguments.out_dir)?;
    }
    Ok(report)
}

/// A stranger's package chooses name and architecture.
fn keep(report: &Report, arch: &str, out: &Path) -> Result<()> {
    let name = format!("lint-{}.json", report.package_name);
    if [arch, &name]
        .iter()
        .any(|part| part.contains('/') || *part == "..")
    {
        anyhow::bail!("`{arch}/{name}` is no place for results");
    }
    let folder = out.join(arch);
    fs_err::create_dir_all(&folder)?;
    fs_err::write(folder.join(name), serde_json::to_vec_pretty(report)?)?;
    Ok(())
}

fn shown(path: &Path, report: &Report) -> Result<()> {
    let path = path.display();
    if report.is_empty() {
        return print::line(format_args!("{path}: nothing found"));
    }
    for finding in report.failures() {
        found(&format!("{path}: error: "), finding)?;
    }
    for finding in report.warnings() {
        found(&format!("{path}: warning: "), finding)?;
    }
    Ok(())
}

fn found(start: &str, finding: &Finding) -> Result<()> {
    let message = print::plain_line(&finding.message);
    print::line(format_args!("{start}[{}] {message}", finding.linter))?;
    for path in finding.paths() {
        print::line(format_args!("    {}", print::plain_line(path)))?;
    }
    print::line(format_args!("  hint: {}", finding.explain))
}
