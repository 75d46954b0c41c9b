//! What is checked: a recipe, a package, or a folder.

use crate::commands::recipe_file::{RecipeArguments, render};
use crate::package_file;
use crate::print::{self, Hint};
use anyhow::{Context, Result, anyhow};
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;
use bessemer_license::Declared;
use bessemer_recipe::{EvaluatedSources, Recipe};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The member of a package that is its compiled recipe.
const RECIPE: &str = ".melange.yaml";

/// What is checked.
#[derive(Debug)]
pub(super) enum Subject {
    /// Its sources are fetched, and the files in the folder beside it enter the workspace.
    Recipe {
        recipe: Box<Recipe>,
        evaluated: EvaluatedSources,
        beside: Option<PathBuf>,
    },
    /// The sources that its compiled recipe names are fetched.
    Package(EvaluatedSources),
    /// Nothing is fetched, and there is nothing to compare with.
    Folder(PathBuf),
}

impl Subject {
    /// Finds out what it is.
    pub(super) fn open(path: &Path, pipeline_dirs: &[PathBuf]) -> Result<Self> {
        let metadata = std::fs::metadata(path);
        let metadata = metadata.with_context(|| format!("cannot read {}", path.display()))?;
        if metadata.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let is = |end: &str| path.extension().is_some_and(|own| own == end);
        if is("apk") {
            return package(path);
        }
        if is("yaml") || is("yml") {
            return recipe(path, pipeline_dirs);
        }
        Err(
            anyhow!("{} is no recipe, package or folder", path.display())
                .context(Hint(
                    "a recipe's name ends in `.yaml`, a package's in `.apk`".to_owned(),
                ))
                .context("there is nothing to check"),
        )
    }

    /// The recipe, where that is what was named.
    pub(super) const fn recipe(&self) -> Option<&Recipe> {
        match self {
            Self::Recipe { recipe, .. } => Some(recipe),
            _ => None,
        }
    }

    /// The folder to look into.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Recipe { beside, .. } => beside.as_deref(),
            Self::Package(_) => None,
            Self::Folder(folder) => Some(folder),
        }
    }

    /// What names the sources.
    pub(super) const fn evaluated(&self) -> Option<&EvaluatedSources> {
        match self {
            Self::Recipe { evaluated, .. } | Self::Package(evaluated) => Some(evaluated),
            Self::Folder(_) => None,
        }
    }

    /// `copyright`, entry by entry.
    pub(super) fn declared(&self) -> Vec<Declared> {
        let licenses = self.evaluated().map_or(&[][..], EvaluatedSources::licenses);
        let declared = licenses.iter().map(|entry| Declared {
            license: entry.license.clone(),
            path: entry.license_path.clone(),
            detection_override: entry.detection_override.clone(),
        });
        declared.collect()
    }
}

fn recipe(path: &Path, pipeline_dirs: &[PathBuf]) -> Result<Subject> {
    let arguments = RecipeArguments {
        recipe: Some(path.to_owned()),
        shown: None,
        arch: std::env::consts::ARCH.to_owned(),
        pipeline_dirs: pipeline_dirs.to_vec(),
        build_options: Vec::new(),
        vars_file: None,
        build_date: None,
    };
    let written = arguments.parse()?;
    let arguments = RecipeArguments {
        arch: architecture(&written),
        ..arguments
    };
    let compiled = arguments.compile(&[], &[])?;
    for warning in &compiled.warnings {
        print::warning(&render(warning));
    }
    let evaluated = EvaluatedSources::parse(&compiled.plan.configuration.to_string())?;
    let beside = path.with_file_name(&compiled.plan.package.name);
    // A link could lead to the home directory of whoever checks a stranger's recipe.
    let is_folder = fs_err::symlink_metadata(&beside).is_ok_and(|found| found.is_dir());
    Ok(Subject::Recipe {
        recipe: Box::new(written),
        evaluated,
        beside: is_folder.then_some(beside),
    })
}

/// This machine's, or one that the recipe can be built for: nothing is built here.
fn architecture(recipe: &Recipe) -> String {
    let own = std::env::consts::ARCH;
    let targets = &recipe.document().package.target_architecture;
    let fits = targets
        .iter()
        .any(|target| matches!(&**target, "all") || &**target == own);
    match targets.first() {
        Some(first) if !fits => first.value.clone(),
        _ => own.to_owned(),
    }
}

fn package(path: &Path) -> Result<Subject> {
    let no_package = || format!("{} is no package", path.display());
    let file = package_file::open(path)?;
    let reader = Reader::open(BufReader::new(file), Limits::default()).with_context(no_package)?;
    let control = &reader.header().control;
    let bytes = control.files.get(RECIPE).with_context(|| {
        format!(
            "{} has no {RECIPE}, so nothing says where its sources are",
            path.display()
        )
    })?;
    let evaluated = EvaluatedSources::parse(&String::from_utf8_lossy(bytes))?;
    Ok(Subject::Package(evaluated))
}
