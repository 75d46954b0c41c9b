//! `bessemer scan`: dependency detection on packages that are already built.

use super::lint::open;
use super::recipe_file::{RecipeArguments, render};
use crate::exit;
use crate::melange_flags::ScanFlags;
use crate::print;
use anyhow::{Context, Result, anyhow};
use bessemer_build::metadata::{detect, pkginfo};
use bessemer_package::{Opened, Tree};
use bessemer_recipe::{PackagePlan, Plan};
use serde_json::json;
use similar::TextDiff;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  bessemer scan bash.yaml\n  bessemer scan bash.yaml -r ./packages --diff\n\nPrints the .PKGINFO that each package of the recipe would have; with --diff the status is 1 when one differs."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    recipe: RecipeArguments,
    /// Folder with the packages, below a folder for the architecture
    #[arg(short, long, default_value = "packages", value_name = "DIR")]
    repository_append: PathBuf,
    /// Print this package's alone
    #[arg(short, long)]
    package: Option<String>,
    /// Print how each differs from the one in the package
    #[arg(long)]
    diff: bool,
    /// Compare comments, too: what packages contain for themselves only
    #[arg(long, requires = "diff")]
    comments: bool,
    #[command(flatten)]
    melange: ScanFlags,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// One package, before and after.
struct Scanned {
    name: String,
    file: String,
    written: String,
    generated: String,
}

/// Prints each `.PKGINFO` anew, or how it differs.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    arguments.melange.say();
    arguments.recipe.say_missing_pipelines();
    let compiled = arguments.recipe.compile(&[], &[])?;
    for warning in &compiled.warnings {
        print::warning(&render(warning));
    }
    let plan = compiled.plan;
    let packages = opened(arguments, &plan)?;
    if let Some(wanted) = &arguments.package {
        known(wanted, &packages)?;
    }
    let trees: Vec<&Tree> = packages.iter().map(|(_, opened)| &opened.tree).collect();
    let mut differ = Vec::new();
    let mut printed = Vec::new();
    for (package, opened) in &packages {
        if arguments
            .package
            .as_ref()
            .is_some_and(|name| *name != package.name)
        {
            continue;
        }
        let scanned = scanned(&plan, package, opened, &trees)?;
        let difference = difference(&scanned, &arguments.recipe.path()?, arguments.comments);
        if arguments.json {
            printed.push(json!({
                "package": scanned.name,
                "file": scanned.file,
                "pkginfo": scanned.generated,
                "diff": difference,
            }));
        } else if arguments.diff {
            print::bytes(print::plain(&difference).as_bytes())?;
        } else {
            print::bytes(print::plain(&scanned.generated).as_bytes())?;
        }
        if !difference.is_empty() {
            differ.push(scanned.name);
        }
    }
    if arguments.json {
        print::json(&json!({"packages": printed}))?;
    }
    if arguments.diff && !differ.is_empty() {
        print::failure(&anyhow!("what is found differs for {}", differ.join(", ")));
        return Ok(ExitCode::from(exit::ERROR));
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks that a package that was asked for is among those that are there.
fn known(wanted: &str, packages: &[(&PackagePlan, Opened)]) -> Result<()> {
    let names = packages.iter().map(|(package, _)| package.name.as_str());
    let names: Vec<&str> = names.collect();
    if names.contains(&wanted) {
        return Ok(());
    }
    Err(anyhow!(
        "the recipe has no package `{wanted}` that is there; there are {}",
        names.join(", ")
    ))
}

/// The packages of the plan, main package first. A subpackage that is not there is left out.
fn opened<'a>(arguments: &Arguments, plan: &'a Plan) -> Result<Vec<(&'a PackagePlan, Opened)>> {
    let folder = arguments.repository_append.join(&plan.architecture);
    let mut packages = Vec::new();
    for package in std::iter::once(&plan.package).chain(&plan.subpackages) {
        let path = folder.join(file_name(package));
        let is_main = package.name == plan.package.name;
        if !is_main && !path.exists() {
            print::warning(&format!("{} is not there, left out", path.display()));
            continue;
        }
        packages.push((package, open(&path)?));
    }
    Ok(packages)
}

fn file_name(package: &PackagePlan) -> String {
    format!("{}-{}.apk", package.name, package.full_version())
}

/// What no recipe says (size, time, commit, digest) is taken from the package.
fn scanned(
    plan: &Plan,
    package: &PackagePlan,
    opened: &Opened,
    trees: &[&Tree],
) -> Result<Scanned> {
    let control = &opened.header.control;
    let old = &control.pkginfo;
    let found = detect(package, &opened.tree, trees)?;
    let mut info = pkginfo(plan, package, found);
    info.arch.clone_from(&old.arch);
    info.size = old.size;
    info.commit.clone_from(&old.commit);
    info.maintainer.clone_from(&old.maintainer);
    info.build_date = old.build_date;
    info.datahash = old.datahash;
    let bytes = control
        .files
        .get(".PKGINFO")
        .context("there is no .PKGINFO")?;
    Ok(Scanned {
        name: package.name.clone(),
        file: file_name(package),
        written: String::from_utf8_lossy(bytes).into_owned(),
        generated: info.render()?,
    })
}

/// As a unified diff; empty when there is none.
fn difference(scanned: &Scanned, recipe: &std::path::Path, comments: bool) -> String {
    let compared = |text: &str| -> String {
        let lines = text.split_inclusive('\n');
        lines
            .filter(|line| comments || !line.starts_with('#'))
            .collect()
    };
    let (old, new) = (compared(&scanned.written), compared(&scanned.generated));
    if old == new {
        return String::new();
    }
    let recipe = recipe.display().to_string();
    let diff = TextDiff::configure()
        .timeout(std::time::Duration::from_secs(5))
        .diff_lines(&old, &new);
    let text = diff
        .unified_diff()
        .header(&scanned.file, &recipe)
        .to_string();
    format!("diff {} {recipe}\n{text}", scanned.file)
}
