//! Running melange, and keeping what it printed.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The commit that both sides are told the recipes have.
pub(super) const COMMIT: &str = "0000000000000000000000000000000000000000";

/// A melange binary, and the directory of its outputs: `ARCH/NAME.json`, or `ARCH/NAME.err` with
/// what it said when it failed.
#[derive(Debug)]
pub(super) struct Peer {
    program: PathBuf,
    architecture: String,
    pipelines: Option<PathBuf>,
    outputs: PathBuf,
}

impl Peer {
    pub(super) fn new(
        program: &Path,
        architecture: &str,
        pipelines: Option<&Path>,
        outputs: &Path,
    ) -> Result<Self> {
        let outputs = outputs.join(architecture);
        fs_err::create_dir_all(&outputs)?;
        Ok(Self {
            program: fs_err::canonicalize(program)?,
            architecture: architecture.to_owned(),
            pipelines: pipelines.map(Path::to_owned),
            outputs,
        })
    }

    /// What melange prints for a recipe.
    pub(super) fn compile(&self, recipe: &Path) -> Result<Value> {
        let stem = recipe.file_stem().context("a recipe without a name")?;
        let name = stem.to_string_lossy();
        let [json, error] = ["json", "err"].map(|end| self.outputs.join(format!("{name}.{end}")));
        if !json.exists() && !error.exists() {
            self.start(recipe, &json, &error)?;
        }
        if error.exists() {
            bail!(fs_err::read_to_string(error)?);
        }
        serde_json::from_slice(&fs_err::read(json)?).context("melange did not print JSON")
    }

    fn start(&self, recipe: &Path, json: &Path, error: &Path) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["compile", "--arch", &self.architecture])
            .args(["--git-commit", COMMIT])
            .args(["--git-repo-url", "https://example.org/recipes"]);
        if let Some(pipelines) = &self.pipelines {
            command.arg("--pipeline-dir").arg(pipelines);
        }
        let output = command
            .arg(recipe)
            .output()
            .context("cannot start melange")?;
        if output.status.success() {
            fs_err::write(json, output.stdout)?;
        } else {
            fs_err::write(error, output.stderr)?;
        }
        Ok(())
    }
}
