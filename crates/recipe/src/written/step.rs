//! `pipeline` steps, and pipeline files that `uses` names.

use bessemer_yaml::{Text, nullable};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One step of a pipeline.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// Whether it runs.
    #[serde(default, rename = "if")]
    pub condition: Text,
    /// What logs call it.
    #[serde(default)]
    pub name: Text,
    /// What it does, at length.
    #[serde(default)]
    pub description: Text,
    /// The pipeline file it stands for.
    #[serde(default)]
    pub uses: Text,
    /// Values for that file's inputs.
    #[serde(default, deserialize_with = "nullable")]
    pub with: BTreeMap<String, Text>,
    /// A shell fragment.
    #[serde(default)]
    pub runs: Text,
    /// Steps within.
    #[serde(default, deserialize_with = "nullable")]
    pub pipeline: Vec<Step>,
    /// Inputs that the steps within can read.
    #[serde(default, deserialize_with = "nullable")]
    pub inputs: BTreeMap<String, Input>,
    /// What it needs in the environment.
    #[serde(default, deserialize_with = "nullable")]
    pub needs: Needs,
    /// A label; carried, not used.
    #[serde(default)]
    pub label: Text,
    /// What must hold afterwards.
    #[serde(default, deserialize_with = "nullable")]
    pub assertions: Assertions,
    /// Where it runs; relative paths are below /home/build.
    #[serde(default)]
    pub working_directory: Text,
    /// Environment variables.
    #[serde(default, deserialize_with = "nullable")]
    pub environment: BTreeMap<String, Text>,
}

impl Step {
    /// Whether it has its expansion beside `uses`, as steps of evaluated recipes have.
    pub(crate) fn is_expanded(&self) -> bool {
        !self.runs.is_empty() || !self.pipeline.is_empty()
    }

    /// Whether a text is in a script of it, or of a step within.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.runs.contains(text) || self.pipeline.iter().any(|step| step.mentions(text))
    }
}

/// A pipeline file: the part of a step that it defines.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PipelineFile {
    /// What it does, in a few words.
    #[serde(default)]
    pub name: Text,
    /// What it does, at length.
    #[serde(default)]
    pub description: Text,
    /// Its inputs.
    #[serde(default, deserialize_with = "nullable")]
    pub inputs: BTreeMap<String, Input>,
    /// What it needs in the environment.
    #[serde(default, deserialize_with = "nullable")]
    pub needs: Needs,
    /// Steps within.
    #[serde(default, deserialize_with = "nullable")]
    pub pipeline: Vec<Step>,
    /// A shell fragment.
    #[serde(default)]
    pub runs: Text,
    /// Where it runs.
    #[serde(default)]
    pub working_directory: Text,
    /// Environment variables.
    #[serde(default, deserialize_with = "nullable")]
    pub environment: BTreeMap<String, Text>,
    /// A label; carried, not used.
    #[serde(default)]
    pub label: Text,
    /// What must hold afterwards.
    #[serde(default, deserialize_with = "nullable")]
    pub assertions: Assertions,
}

/// An input of a pipeline file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What it is for.
    #[serde(default)]
    pub description: Text,
    /// Its value when none is given.
    #[serde(default)]
    pub default: Text,
    /// Whether a value must be given.
    #[serde(default)]
    pub required: bool,
}

/// `needs`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// Packages added to the environment.
    #[serde(default, deserialize_with = "nullable")]
    pub packages: Vec<Text>,
}

/// `assertions`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Assertions {
    /// How many of the direct steps must run; 0 asserts nothing.
    #[serde(default)]
    pub required_steps: usize,
}
