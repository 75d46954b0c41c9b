//! What linters ask of a recipe: `.melange.yaml` in a package's control member, or the evaluated
//! recipe of a plan (which is JSON, and so YAML).

use serde::Deserialize;

/// A compiled recipe, as far as linters look at it; everything else in it is passed over.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Configuration {
    #[serde(default)]
    package: Named,
    #[serde(default)]
    test: Option<Test>,
    #[serde(default)]
    subpackages: Vec<Named>,
}

/// The text is no recipe.
#[derive(Debug, thiserror::Error)]
#[error("the compiled recipe cannot be read: {0}")]
pub struct ConfigurationError(String);

#[derive(Debug, Clone, Default, Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default)]
    checks: Checks,
    #[serde(default)]
    test: Option<Test>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Checks {
    #[serde(default)]
    disabled: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Test {
    #[serde(default)]
    pipeline: Vec<Step>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Step {
    #[serde(default)]
    uses: String,
}

impl Configuration {
    /// Reads a stranger's text.
    pub fn parse(text: &str) -> Result<Self, ConfigurationError> {
        serde_saphyr::from_str(text).map_err(|error| ConfigurationError(error.to_string()))
    }

    /// Whether a step of this package's test uses one of these pipelines.
    pub(crate) fn tests_with(&self, package: &str, pipelines: &[&str]) -> bool {
        let test = if self.package.name == package {
            self.test.as_ref()
        } else {
            self.named(package).and_then(|found| found.test.as_ref())
        };
        let steps = test.into_iter().flat_map(|test| &test.pipeline);
        steps
            .into_iter()
            .any(|step| pipelines.contains(&step.uses.as_str()))
    }

    /// The linters that only warn for this package.
    pub fn disabled(&self, package: &str) -> &[String] {
        let found = if self.package.name == package {
            Some(&self.package)
        } else {
            self.named(package)
        };
        found.map_or(&[], |found| &found.checks.disabled)
    }

    fn named(&self, package: &str) -> Option<&Named> {
        self.subpackages.iter().find(|found| found.name == package)
    }
}
