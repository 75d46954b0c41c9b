//! Inputs: what `with` gives, what the pipeline declares, what is passed on.

use super::CompileError;
use super::scope::Scope;
use crate::substitute::resolve_all;
use crate::variables::Variables;
use crate::written::Input;
use bessemer_yaml::SourceFile;
use bessemer_yaml::Text;
use bessemer_yaml::did_you_mean;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a step gives to the pipeline it uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'s> {
    pub(crate) with: &'s BTreeMap<String, Text>,
    /// The file the step stands in.
    pub(crate) file: &'s SourceFile,
    /// The step's `uses`, to point at when an input is missing.
    pub(crate) step: &'s Text,
}

/// The inputs whose values are checksums, with their number of hexadecimal digits.
const CHECKSUMS: [(&str, usize); 3] = [
    ("expected-sha256", 64),
    ("expected-sha512", 128),
    ("expected-commit", 40),
];

/// The inputs that are not their defaults, for display. A default with variables in it counts
/// as changed once they are filled in.
pub(crate) fn shown(
    scope: &Scope<'_>,
    declared: &BTreeMap<String, Input>,
) -> BTreeMap<String, String> {
    let changed = declared.iter().filter_map(|(name, input)| {
        let value = scope.inputs.get(&format!("inputs.{name}"))?;
        (*value != input.default.value).then(|| (name.clone(), value.clone()))
    });
    changed.collect()
}

impl Given<'_> {
    /// The scope inside the pipeline. The caller's inputs stay visible, but a declared input has the
    /// value given or else its default: it is never inherited.
    pub(crate) fn scope<'v>(
        &self,
        outer: &Scope<'v>,
        declared: &BTreeMap<String, Input>,
        definition: &SourceFile,
    ) -> Result<Scope<'v>, CompileError> {
        self.check_names(declared)?;
        if declared.is_empty() {
            return Ok(outer.clone());
        }
        let mut raw = Variables::new();
        for (name, input) in declared {
            let key = format!("inputs.{name}");
            let given = match self.with.get(name) {
                // A value that the caller cannot resolve may name a sibling input.
                Some(text) => outer.raw(text).unwrap_or_else(|_| text.value.clone()),
                None => String::new(),
            };
            let value = if given.is_empty() {
                input.default.value.clone()
            } else {
                given
            };
            raw.insert(key, value);
        }
        let resolved = resolve_all(&raw, |name| outer.lookup(name)).map_err(|(key, error)| {
            let name = key.trim_start_matches("inputs.");
            let known: Vec<&str> = raw
                .keys()
                .chain(outer.variables.keys())
                .map(|k| &**k)
                .collect();
            match (self.with.get(name), declared.get(name)) {
                (Some(text), _) if text.value == raw[&key] => {
                    CompileError::variable(self.file, text, &error, known)
                }
                (_, Some(input)) => {
                    CompileError::variable(definition, &input.default, &error, known)
                }
                (_, None) => CompileError::variable(self.file, self.step, &error, known),
            }
        })?;
        self.check_values(declared, &resolved)?;
        let mut scope = outer.clone();
        Arc::make_mut(&mut scope.inputs).extend(resolved);
        Ok(scope)
    }

    /// Where the value of input `name` is written, or the step when it is not.
    pub(crate) fn place(&self, name: &str) -> &Text {
        self.with.get(name).unwrap_or(self.step)
    }

    pub(crate) fn error(&self, name: &str, message: String) -> CompileError {
        let position = self.place(name).position;
        CompileError::Input(Box::new(self.file.diagnostic(position, message)))
    }

    fn check_names(&self, declared: &BTreeMap<String, Input>) -> Result<(), CompileError> {
        let Some((name, text)) = self
            .with
            .iter()
            .find(|(name, _)| !declared.contains_key(*name))
        else {
            return Ok(());
        };
        let hint = did_you_mean(name, declared.keys().map(String::as_str));
        let message = format!("pipeline `{}` has no input `{name}`", self.step.value);
        let diagnostic = self.file.diagnostic(text.position, message).with_hint(hint);
        Err(CompileError::Input(Box::new(diagnostic)))
    }

    fn check_values(
        &self,
        declared: &BTreeMap<String, Input>,
        values: &Variables,
    ) -> Result<(), CompileError> {
        for (name, input) in declared {
            let value = &values[&format!("inputs.{name}")];
            if input.required && value.is_empty() {
                let message = format!("pipeline `{}` requires input `{name}`", self.step.value);
                return Err(self.error(name, message));
            }
            let digits = CHECKSUMS.iter().find(|(checksum, _)| checksum == name);
            let Some((_, digits)) = digits.filter(|_| !value.is_empty()) else {
                continue;
            };
            if value.len() != *digits || !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = format!(
                    "`{name}` must be {digits} hexadecimal digits, found {} characters",
                    value.chars().count()
                );
                return Err(self.error(name, message));
            }
        }
        Ok(())
    }
}
