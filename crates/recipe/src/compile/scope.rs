//! The names that are visible to a text.

use super::CompileError;
use crate::condition::holds;
use crate::source::SourceFile;
use crate::substitute::{SubstituteError, substitute, substitute_known};
use crate::text::Text;
use crate::variables::Variables;
use std::collections::BTreeMap;

/// A package's variables, and over them the inputs of the pipelines around a step.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) variables: &'a Variables,
    /// Full names, such as `inputs.prefix`.
    pub(crate) inputs: Variables,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(variables: &'a Variables) -> Self {
        Self {
            variables,
            inputs: Variables::new(),
        }
    }

    fn lookup(&self, name: &str) -> Option<&str> {
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

    /// Everything visible, as one map.
    pub(crate) fn flattened(&self) -> Variables {
        let mut all = self.variables.clone();
        all.extend(self.inputs.clone());
        all
    }

    pub(crate) fn raw(&self, text: &str) -> Result<String, SubstituteError> {
        substitute(text, |name| self.lookup(name))
    }

    pub(crate) fn text(&self, file: &SourceFile, text: &Text) -> Result<String, CompileError> {
        self.raw(text)
            .map_err(|error| CompileError::variable(file, text, &error, self.names()))
    }

    /// A text that is only shown to people: what is unknown stays as written.
    pub(crate) fn shown(&self, text: &Text) -> String {
        substitute_known(text, |name| self.lookup(name))
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
