//! Finding, reading and compiling a recipe.

use super::recipe_at_commit;
use crate::folders;
use crate::print::{self, Hint};
use anyhow::{Context, Result, anyhow, bail};
use bessemer_recipe::{
    CompileError, CompileOptions, Compiled, Diagnostic, PipelineDirectories, Recipe, SourceFile,
    compile,
};
use bessemer_store::{FailureCause, FetchError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The names that are tried when no recipe is given.
const NAMES: [&str; 4] = [
    ".melange.yaml",
    ".melange.yml",
    "melange.yaml",
    "melange.yml",
];

/// apk's names of architectures.
pub(crate) const ALPINE_ARCHITECTURES: [&str; 9] = [
    "x86_64",
    "aarch64",
    "armhf",
    "armv7",
    "loongarch64",
    "ppc64le",
    "riscv64",
    "s390x",
    "x86",
];
/// OCI's names of the same.
const OCI_ARCHITECTURES: [&str; 6] = ["386", "amd64", "arm/v6", "arm/v7", "arm64", "loong64"];

pub(super) fn architecture(text: &str) -> Result<String, String> {
    if text.contains(',') {
        return Err("one run is for one architecture; start one for each".to_owned());
    }
    if ALPINE_ARCHITECTURES.contains(&text) || OCI_ARCHITECTURES.contains(&text) {
        return Ok(text.to_owned());
    }
    let mut names = ALPINE_ARCHITECTURES;
    names.sort_unstable();
    let names = names.into_iter().chain(OCI_ARCHITECTURES);
    Err(format!(
        "it is none of {}",
        names.collect::<Vec<_>>().join(", ")
    ))
}

/// What shapes a compilation, from the command line.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RecipeArguments {
    /// The recipe [default: .melange.yaml, .melange.yml, melange.yaml or melange.yml here]. `build`
    /// takes one out of a repository, too: git+ADDRESS@REVISION#PATH, the revision a commit's whole
    /// name, refs/heads/… or refs/tags/…
    pub(crate) recipe: Option<PathBuf>,
    /// What messages call the recipe, if not by its path.
    #[arg(skip)]
    pub(crate) shown: Option<String>,
    /// Architecture to build for
    #[arg(long, default_value = std::env::consts::ARCH, value_parser = architecture)]
    pub(crate) arch: String,
    /// Directory of pipelines that `uses` finds before the built-in ones; may be repeated
    #[arg(long = "pipeline-dir", alias = "pipeline-dirs")]
    pub(crate) pipeline_dirs: Vec<PathBuf>,
    /// Switch a build option of the recipe on; may be repeated
    #[arg(long = "build-option")]
    pub(crate) build_options: Vec<String>,
    /// YAML file with variables that replace the recipe's
    #[arg(long)]
    pub(crate) vars_file: Option<PathBuf>,
    /// Time of the build (RFC 3339); the environment's `SOURCE_DATE_EPOCH` comes first
    #[arg(long)]
    pub(crate) build_date: Option<jiff::Timestamp>,
}

impl RecipeArguments {
    /// The recipe's path.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        if let Some(address) = recipe_at_commit::address(self) {
            let hint = Hint("check the repository out and name the file".to_owned());
            let error = anyhow!("`{address}`: only `build` takes recipes out of repositories");
            return Err(error.context(hint).context("no recipe can be read"));
        }
        if let Some(recipe) = &self.recipe {
            return Ok(recipe.clone());
        }
        NAMES
            .iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
            .with_context(|| {
                format!(
                    "no recipe is named, and none of {} is here",
                    NAMES.join(", ")
                )
            })
    }

    /// Parses the recipe.
    pub(crate) fn parse(&self) -> Result<Recipe> {
        let path = self.path()?;
        let shown = self.shown.clone();
        parse_as(&path, shown.unwrap_or_else(|| path.display().to_string()))
    }

    /// Parses and compiles the recipe; `repositories` and `keyring` are added to its own.
    pub(crate) fn compile(&self, repositories: &[String], keyring: &[String]) -> Result<Compiled> {
        self.compile_with(|options| {
            options.repositories = repositories.to_vec();
            options.keyring = keyring.to_vec();
            Ok(())
        })
    }

    /// Parses and compiles the recipe; `more` sets options that are not among these arguments.
    pub(crate) fn compile_with(
        &self,
        more: impl FnOnce(&mut CompileOptions<'_>) -> Result<()>,
    ) -> Result<Compiled> {
        let recipe = self.parse()?;
        let directories = PipelineDirectories::new(self.pipeline_dirs.clone());
        let mut options = CompileOptions::new(&self.arch, &directories);
        options.source_date_epoch = self.epoch()?;
        options.build_options.clone_from(&self.build_options);
        options.variables = self.variables()?;
        more(&mut options)?;
        match compile(&recipe, &options) {
            Ok(compiled) => Ok(compiled),
            Err(CompileError::Read { diagnostic, source }) => {
                Err(anyhow::Error::new(source).context(render(&diagnostic)))
            }
            Err(error) => match error.diagnostic() {
                Some(diagnostic) => bail!(render(diagnostic)),
                None => Err(error.into()),
            },
        }
    }

    /// Variables set from outside the recipe.
    pub(crate) fn variables(&self) -> Result<BTreeMap<String, String>> {
        let Some(path) = &self.vars_file else {
            return Ok(BTreeMap::new());
        };
        let text = fs_err::read_to_string(path).context("cannot read the variables")?;
        bessemer_recipe::parse_variables(&text)
            .with_context(|| format!("cannot read variables from {}", path.display()))
    }

    /// Warns of each `--pipeline-dir` that is not there: what it was to hold comes from elsewhere.
    pub(crate) fn say_missing_pipelines(&self) {
        say_missing_pipelines(&self.pipeline_dirs);
    }

    fn epoch(&self) -> Result<u64> {
        if let Some(value) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty())
        {
            let text = value.to_string_lossy().into_owned();
            return text.parse().with_context(|| {
                format!("SOURCE_DATE_EPOCH is `{text}`, not a number of seconds")
            });
        }
        let date = self.build_date.map_or(0, jiff::Timestamp::as_second);
        u64::try_from(date).context("the build date is before 1970")
    }
}

/// The same, of commands that take several recipes.
pub(crate) fn say_missing_pipelines(directories: &[PathBuf]) {
    for directory in directories {
        if let Err(error) = folders::check("--pipeline-dir", directory) {
            print::warning(&format!("{error:#}; no pipeline comes from it"));
        }
    }
}

/// Reads and parses a recipe; a mistake in it is shown with its place.
pub(crate) fn parse(path: &Path) -> Result<Recipe> {
    parse_as(path, path.display().to_string())
}

/// The same; messages call the file `shown`.
fn parse_as(path: &Path, shown: String) -> Result<Recipe> {
    let text = fs_err::read_to_string(path).context("cannot read the recipe")?;
    match Recipe::parse(SourceFile::new(shown, text)) {
        Ok(recipe) => Ok(recipe),
        Err(error) => bail!(render(error.diagnostic())),
    }
}

/// Says where the recipe has the checksum that a fetched file does not have.
pub(crate) fn at_checksum(error: anyhow::Error, recipe: &Path) -> anyhow::Error {
    let failures = error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(FetchError::Failed(failures)) => Some(failures),
        _ => None,
    });
    let mismatch = failures
        .into_iter()
        .flatten()
        .find_map(|failure| match &failure.cause {
            FailureCause::Mismatch { expected, .. } => Some(expected.clone()),
            _ => None,
        });
    let Some(expected) = mismatch else {
        return error;
    };
    let hint = Hint(
        "upstream's file changed, or the recipe is wrong; find out which before you change it"
            .to_owned(),
    );
    let digits = expected.rsplit(':').next().unwrap_or_default();
    let text = fs_err::read_to_string(recipe).unwrap_or_default();
    let file = SourceFile::new(recipe.display().to_string(), text);
    match file.find(digits, "a source does not have this checksum") {
        Some(diagnostic) => error.context(hint).context(render(&diagnostic)),
        None => error
            .context(hint)
            .context("a source is not what the recipe says"),
    }
}

/// File, line, column, the line itself, and a hint.
pub(crate) fn render(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.clone();
    let place = diagnostic.position.map_or_else(String::new, |position| {
        format!(":{}:{}", position.line, position.column)
    });
    text += &["\n  --> ", &diagnostic.file, &place].concat();
    if let (Some(excerpt), Some(position)) = (&diagnostic.excerpt, diagnostic.position) {
        let number = position.line.to_string();
        let margin = " ".repeat(number.len());
        let column = usize::try_from(position.column)
            .unwrap_or(1)
            .saturating_sub(1);
        let before = " ".repeat(column);
        text += &[
            format!("\n {margin} |"),
            format!("\n {number} | {excerpt}"),
            format!("\n {margin} | {before}^"),
        ]
        .concat();
    }
    if let Some(hint) = &diagnostic.hint {
        text += &["\n  hint: ", hint].concat();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::architecture;

    #[test]
    fn one_known_architecture_at_a_time() {
        assert_eq!(architecture("arm64").unwrap(), "arm64");
        assert!(
            architecture("x86_64,aarch64")
                .unwrap_err()
                .contains("one run")
        );
        assert!(architecture("pdp11").unwrap_err().contains("none of"));
    }
}
