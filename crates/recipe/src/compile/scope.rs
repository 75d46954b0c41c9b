//! The names that are visible to a text.

use super::CompileError;
use crate::condition::holds;
use crate::substitute::{Part, SubstituteError, parts, substitute, substitute_known};
use crate::variables::Variables;
use bessemer_yaml::SourceFile;
use bessemer_yaml::Text;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// A package's variables, and over them the inputs of the pipelines around a step.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) variables: &'a Variables,
    /// Full names, such as `inputs.prefix`; shared with the scopes within until they add to them.
    pub(crate) inputs: Arc<Variables>,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(variables: &'a Variables) -> Self {
        Self {
            variables,
            inputs: Arc::default(),
        }
    }

    pub(crate) fn lookup(&self, name: &str) -> Option<&str> {
        self.inputs
            .get(name)
            .or_else(|| self.variables.get(name))
            .map(String::as_str)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.inputs
            .keys()
            .chain(self.variables.keys())
            .map(String::as_str)
    }

    pub(crate) fn raw(&self, text: &str) -> Result<String, SubstituteError> {
        substitute(text, |name| self.lookup(name))
    }

    pub(crate) fn text(&self, file: &SourceFile, text: &Text) -> Result<String, CompileError> {
        self.raw(text)
            .map_err(|error| CompileError::variable(file, text, &error, self.names()))
    }

    /// A script of a built-in pipeline: a variable that stands alone between single quotes is one
    /// shell word whatever its value holds.
    pub(crate) fn quoted_script(
        &self,
        file: &SourceFile,
        text: &Text,
    ) -> Result<String, CompileError> {
        let quoted = |before: &str, after: &str| before.ends_with('\'') && after.starts_with('\'');
        let mut script = String::new();
        let mut rest = 0;
        let error = |error| CompileError::variable(file, text, &error, self.names());
        for part in parts(text).map_err(error)? {
            let Part::Variable { offset, .. } = part else {
                continue;
            };
            let end = text[offset..]
                .find("}}")
                .map_or(text.len(), |end| offset + end + 2);
            let value = self
                .raw(&text[offset..end])
                .map_err(|found| error(found.shifted(offset)))?;
            script.push_str(&text[rest..offset]);
            if quoted(&text[..offset], &text[end..]) {
                script.push_str(&value.replace('\'', "'\\''"));
            } else {
                script.push_str(&value);
            }
            rest = end;
        }
        script.push_str(&text[rest..]);
        Ok(script)
    }

    /// A text that is only shown to people: what is unknown stays as written.
    pub(crate) fn shown(&self, text: &Text) -> String {
        substitute_known(text, |name| self.lookup(name))
    }

    /// The same for a text that comes from nowhere in particular; `None` when it has no token.
    pub(crate) fn shown_text(&self, text: &str) -> Option<String> {
        text.contains("${{")
            .then(|| substitute_known(text, |name| self.lookup(name)))
    }

    /// A condition with its variables filled in, such that it is a condition still.
    ///
    /// As the reference implementation has it: in a recipe, what is known when the recipe is read
    /// is filled in as it is, and everything else as a quoted text.
    pub(crate) fn shown_condition(&self, text: &Text, in_recipe: bool) -> String {
        let mut shown = String::new();
        let mut rest = text.value.as_str();
        while let Some(start) = rest.find("${{") {
            let (before, token) = rest.split_at(start);
            let Some(end) = token.find("}}") else { break };
            let inside = &token[3..end];
            shown.push_str(before);
            match self.lookup(inside.trim()) {
                Some(value) if in_recipe && is_early(inside) => shown.push_str(value),
                Some(value) => {
                    // Writing to a string cannot fail.
                    let _ = write!(shown, "{value:?}");
                }
                None => shown.push_str(&token[..end + 2]),
            }
            rest = &token[end + 2..];
        }
        shown.push_str(rest);
        shown
    }

    /// A text that becomes one line of a package's metadata: control characters could forge others.
    pub(crate) fn line(&self, file: &SourceFile, text: &Text) -> Result<String, CompileError> {
        let value = self.text(file, text)?;
        match value.chars().find(|letter| letter.is_control()) {
            None => Ok(value),
            Some(letter) => {
                let message = format!("must be one line of text, found {letter:?}");
                Err(CompileError::value(file, text, message))
            }
        }
    }

    pub(crate) fn lines(
        &self,
        file: &SourceFile,
        texts: &[Text],
    ) -> Result<Vec<String>, CompileError> {
        texts.iter().map(|text| self.line(file, text)).collect()
    }

    /// A text that is shown to people on one line: white space is folded, unknown tokens stay.
    pub(crate) fn folded(&self, text: &Text) -> String {
        let words = self.shown(text);
        let words: Vec<&str> = words
            .split(|c: char| c.is_whitespace() || c.is_control())
            .collect();
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(crate) fn list(
        &self,
        file: &SourceFile,
        texts: &[Text],
    ) -> Result<Vec<String>, CompileError> {
        texts.iter().map(|text| self.text(file, text)).collect()
    }

    pub(crate) fn map(
        &self,
        file: &SourceFile,
        texts: &BTreeMap<String, Text>,
    ) -> Result<BTreeMap<String, String>, CompileError> {
        let pairs = texts
            .iter()
            .map(|(key, text)| Ok((key.clone(), self.text(file, text)?)));
        pairs.collect()
    }

    pub(crate) fn holds(&self, file: &SourceFile, condition: &Text) -> Result<bool, CompileError> {
        holds(condition, |name| self.lookup(name))
            .map_err(|error| CompileError::condition(file, condition, &error, self.names()))
    }
}

/// Whether a token's inside names what is known when a recipe is read.
fn is_early(inside: &str) -> bool {
    const PACKAGE: [&str; 5] = ["name", "version", "epoch", "full-version", "description"];
    let package = inside.strip_prefix("package.");
    package.is_some_and(|field| PACKAGE.contains(&field))
        || inside.starts_with("vars.")
        || inside.starts_with("range.")
}
