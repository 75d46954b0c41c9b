//! Why a recipe does not compile.

use crate::condition::ConditionError;
use crate::keys::MAX_KEY_BYTES;
use crate::substitute::SubstituteError;
use bessemer_yaml::Text;
use bessemer_yaml::did_you_mean;
use bessemer_yaml::{Diagnostic, SourceFile};
use std::io;

/// Why a recipe does not compile.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A `${{…}}` token that cannot be replaced.
    #[error("{0}")]
    Variable(Box<Diagnostic>),
    /// An `if` that cannot be decided.
    #[error("{0}")]
    Condition(Box<Diagnostic>),
    /// A `uses` that names no pipeline, or a pipeline file that is not one.
    #[error("{0}")]
    Pipeline(Box<Diagnostic>),
    /// A `with` that does not fit the pipeline's inputs.
    #[error("{0}")]
    Input(Box<Diagnostic>),
    /// A value that cannot be meant.
    #[error("{0}")]
    Value(Box<Diagnostic>),
    /// A pipeline file could not be read.
    #[error("{diagnostic}")]
    Read {
        /// The step that uses it.
        diagnostic: Box<Diagnostic>,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The recipe excludes the architecture.
    #[error("{0}")]
    Architecture(Box<Diagnostic>),
    /// An option that the recipe does not declare was enabled.
    #[error("{recipe}: no build option `{name}`; declared: {}", listed(declared))]
    BuildOption {
        /// The recipe's name.
        recipe: String,
        /// What was asked for.
        name: String,
        /// What the recipe declares.
        declared: Vec<String>,
    },
    /// The recipe describes no package.
    #[error("the recipe describes no package")]
    NoPackage,
    /// A key that the evaluated recipe in the package could not have.
    #[error("{recipe}: the key `{key}…` has more than {MAX_KEY_BYTES} bytes")]
    Key {
        /// The recipe's name.
        recipe: String,
        /// How the key starts.
        key: String,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

impl CompileError {
    /// Where and what, for errors that have a place in a file.
    pub fn diagnostic(&self) -> Option<&Diagnostic> {
        match self {
            Self::Variable(diagnostic)
            | Self::Condition(diagnostic)
            | Self::Pipeline(diagnostic)
            | Self::Input(diagnostic)
            | Self::Value(diagnostic)
            | Self::Architecture(diagnostic)
            | Self::Read { diagnostic, .. } => Some(diagnostic),
            Self::BuildOption { .. } | Self::NoPackage | Self::Key { .. } => None,
        }
    }

    pub(crate) fn variable<'n>(
        file: &SourceFile,
        text: &Text,
        error: &SubstituteError,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        Self::Variable(Box::new(variable_diagnostic(file, text, error, known)))
    }

    pub(crate) fn condition<'n>(
        file: &SourceFile,
        text: &Text,
        error: &ConditionError,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        Self::Condition(Box::new(match error {
            ConditionError::Variable(inner) => variable_diagnostic(file, text, inner, known),
            other => file
                .diagnostic_within(text, error.offset(), other.to_string())
                .with_hint(Some("such as `${{build.arch}} == 'x86_64'`".to_owned())),
        }))
    }

    pub(crate) fn value(file: &SourceFile, text: &Text, message: impl Into<String>) -> Self {
        Self::Value(Box::new(file.diagnostic(text.position, message)))
    }
}

/// Variables that are not defined in the main pipeline.
const SUBPACKAGE_ONLY: [&str; 4] = [
    "targets.subpkgdir",
    "subpkg.name",
    "range.key",
    "range.value",
];

fn variable_diagnostic<'n>(
    file: &SourceFile,
    text: &Text,
    error: &SubstituteError,
    known: impl IntoIterator<Item = &'n str>,
) -> Diagnostic {
    let hint = match error {
        SubstituteError::Undefined { name, .. } if SUBPACKAGE_ONLY.contains(&name.as_str()) => {
            Some("only subpackages have it".to_owned())
        }
        SubstituteError::Undefined { name, .. } => did_you_mean(name, known),
        _ => None,
    };
    file.diagnostic_within(text, error.offset(), error.to_string())
        .with_hint(hint)
}
