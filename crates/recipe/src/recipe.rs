//! Parsing a recipe, and the checks that need no variables.

use crate::written::{Document, Setcap, Step};
use bessemer_yaml::Text;
use bessemer_yaml::decode;
use bessemer_yaml::did_you_mean;
use bessemer_yaml::{Diagnostic, SourceFile};
use std::collections::BTreeSet;

/// A recipe as written, known to be well formed.
#[derive(Clone, Debug)]
pub struct Recipe {
    source: SourceFile,
    document: Document,
}

/// Why a text is not a recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Not YAML, or not the keys and types of a recipe.
    #[error("{0}")]
    Syntax(Box<Diagnostic>),
    /// Well formed, with a value that cannot be meant.
    #[error("{0}")]
    Invalid(Box<Diagnostic>),
}

impl RecipeError {
    /// Where and what.
    pub fn diagnostic(&self) -> &Diagnostic {
        match self {
            Self::Syntax(diagnostic) | Self::Invalid(diagnostic) => diagnostic,
        }
    }
}

impl Recipe {
    /// Parses strictly: unknown keys, repeated keys and contradictory steps are errors.
    pub fn parse(source: SourceFile) -> Result<Self, RecipeError> {
        let document: Document = decode(&source).map_err(RecipeError::Syntax)?;
        check(&source, &document, check_steps).map_err(RecipeError::Invalid)?;
        Ok(Self { source, document })
    }

    /// The same for an evaluated recipe, whose steps have their expansion beside `uses`.
    pub(crate) fn parse_evaluated(source: SourceFile) -> Result<Self, RecipeError> {
        let document: Document = decode(&source).map_err(RecipeError::Syntax)?;
        check(&source, &document, |_, _| Ok(())).map_err(RecipeError::Invalid)?;
        Ok(Self { source, document })
    }

    /// The file it was parsed from.
    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    /// What is written in it, before substitution.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

type Check = Result<(), Box<Diagnostic>>;

fn check(
    source: &SourceFile,
    document: &Document,
    check_steps: fn(&SourceFile, &[Step]) -> Check,
) -> Check {
    let package = &document.package;
    check_name(source, &package.name)?;
    if package.version.is_empty() {
        return fail(source, &package.version, "package version is empty", None);
    }
    let ranges: BTreeSet<&str> = document
        .data
        .iter()
        .map(|range| &*range.name.value)
        .collect();
    check_steps(source, &document.pipeline)?;
    check_setcap(source, &package.setcap)?;
    for subpackage in &document.subpackages {
        check_name(source, &subpackage.name)?;
        check_steps(source, &subpackage.pipeline)?;
        check_setcap(source, &subpackage.setcap)?;
        let range = &subpackage.range;
        if !range.is_empty() && !ranges.contains(&**range) {
            let hint = did_you_mean(range, ranges.iter().copied());
            return fail(
                source,
                range,
                format!("`data` has no table `{}`", range.value),
                hint,
            );
        }
    }
    let tests = document
        .subpackages
        .iter()
        .filter_map(|subpackage| subpackage.test.as_ref());
    for test in document.test.iter().chain(tests) {
        check_steps(source, &test.pipeline)?;
    }
    Ok(())
}

fn fail(
    source: &SourceFile,
    text: &Text,
    message: impl Into<String>,
    hint: Option<String>,
) -> Check {
    Err(Box::new(
        source.diagnostic(text.position, message).with_hint(hint),
    ))
}

/// Package names as melange accepts them: `^[a-zA-Z\d][a-zA-Z\d+_.-]*$`.
pub(crate) fn is_package_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte))
}

fn check_name(source: &SourceFile, name: &Text) -> Check {
    if name.contains("${{") || is_package_name(name) {
        return Ok(());
    }
    if name.is_empty() {
        return fail(source, name, "a package's name is empty", None);
    }
    let hint = "letters, digits and `+_.-`, starting with a letter or digit".to_owned();
    fail(
        source,
        name,
        format!("`{}` is not a package name", name.value),
        Some(hint),
    )
}

pub(crate) fn check_steps(source: &SourceFile, steps: &[Step]) -> Check {
    for step in steps {
        let with = step.with.values().next();
        if let Some(with) = with.filter(|_| step.uses.is_empty()) {
            return fail(source, with, "`with` has no meaning without `uses`", None);
        }
        if !step.uses.is_empty() && !step.runs.is_empty() {
            let message = "a step has either `uses` or `runs`, not both";
            return fail(
                source,
                &step.runs,
                message,
                Some("make two steps of it".to_owned()),
            );
        }
        if !step.uses.is_empty() && !step.pipeline.is_empty() {
            let message = "a step has either `uses` or `pipeline`, not both";
            return fail(source, &step.uses, message, None);
        }
        check_steps(source, &step.pipeline)?;
    }
    Ok(())
}

/// The capabilities that packages may set on files; melange's list.
const ALLOWED_CAPABILITIES: [&str; 5] = [
    "cap_net_bind_service",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_sys_admin",
];

fn check_setcap(source: &SourceFile, setcaps: &[Setcap]) -> Check {
    for setcap in setcaps {
        if setcap.reason.is_empty() {
            return fail(source, &setcap.path, "`setcap` needs a `reason`", None);
        }
        for (names, flags) in &setcap.add {
            for name in names.split(',') {
                if !ALLOWED_CAPABILITIES.contains(&name) {
                    let hint = did_you_mean(name, ALLOWED_CAPABILITIES);
                    let message = format!("capability `{name}` may not be set");
                    return fail(source, flags, message, hint);
                }
            }
            if flags.is_empty() || !flags.bytes().all(|flag| b"+=epi".contains(&flag)) {
                let message = format!("capability flags `{}` are not of `e`, `p`, `i`", &**flags);
                return fail(source, flags, message, None);
            }
        }
    }
    Ok(())
}
