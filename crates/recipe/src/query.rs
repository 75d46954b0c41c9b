//! Asking a recipe for values, with the templates that melange takes: those of Go's text/template.

mod functions;
mod parse;
mod run;
mod shapes;
mod value;

use crate::recipe::Recipe;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `{{` without `}}`.
    #[error("`{{{{` without a closing `}}}}` at byte {offset}")]
    Unclosed {
        /// Byte offset in the template.
        offset: usize,
    },
    /// Not a template.
    #[error("at byte {offset} of the template: {message}")]
    Template {
        /// Byte offset in the template.
        offset: usize,
        /// What is wrong.
        message: String,
    },
    /// Not a field of what is before the dot.
    #[error("`{field}` is not a field that can be queried; there are: {}", known.join(", "))]
    Field {
        /// What the template asks for.
        field: String,
        /// What there is instead.
        known: Vec<String>,
    },
    /// A value that cannot be used so.
    #[error("{0}")]
    Value(String),
    /// The recipe's variables have no values.
    #[error("{0}")]
    Recipe(String),
}

/// Fills a template of Go's text/template: `{{ .Package.Name }}`,
/// `{{ range .Subpackages }}{{ .Name }}{{ end }}`.
///
/// The fields are those of melange's configuration, by their Go names, with the variables of
/// `package` and `vars` filled in and ranges multiplied. Actions are `if`, `else`, `range`, `with`,
/// `break`, `continue` and variables; functions are the built-in ones but `call`, `html`, `js` and
/// `urlquery`. Templates in templates (`define`, `template`, `block`) are refused.
pub fn query(recipe: &Recipe, template: &str) -> Result<String, QueryError> {
    let nodes = parse::parse(template)?;
    let root = shapes::configuration(recipe)?;
    run::run(&nodes, &root)
}

/// `name-version-rEPOCH` of the main package, with the recipe's variables filled in.
pub fn package_version(recipe: &Recipe) -> Result<String, QueryError> {
    let template = "{{ .Package.Name }}-{{ .Package.Version }}-r{{ .Package.Epoch }}";
    query(recipe, template)
}

#[cfg(test)]
mod tests;
