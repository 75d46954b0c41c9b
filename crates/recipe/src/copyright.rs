//! Writing a recipe's `copyright` anew without touching anything else in the file.

mod block;

use crate::recipe::Recipe;
use crate::written::Copyright;
use bessemer_yaml::SourceFile;
use block::Block;
use serde_json::{Value, json};

/// An entry that `copyright` is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyrightEntry {
    /// The one that has this index now, as it is written.
    Kept(usize),
    /// Another.
    New {
        /// SPDX expression or identifier.
        license: String,
        /// A file in the source holding the text; empty for none.
        license_path: String,
    },
}

/// Why a recipe cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// The place is not found, or the result would not say what it has to.
    #[error("`copyright` of {recipe} is written in a way that cannot be edited")]
    Form {
        /// The recipe's name.
        recipe: String,
    },
}

/// The recipe's text with `copyright` replaced. Every other byte stays, and so does every comment,
/// those in entries that go included. New entries come after those that are kept.
pub fn rewrite_copyright(
    recipe: &Recipe,
    entries: &[CopyrightEntry],
) -> Result<String, RewriteError> {
    let source = recipe.source();
    let error = || RewriteError::Form {
        recipe: source.name.clone(),
    };
    let written = &recipe.document().package.copyright;
    let block = Block::find(&source.text, written.len()).ok_or_else(error)?;
    let text = block.with(entries, written);
    // The parser has the last word on what the new text says.
    let file = SourceFile::new(source.name.clone(), text.clone());
    let parsed = Recipe::parse(file).map_err(|_| error())?;
    let wanted: Vec<Value> = entries.iter().map(|entry| wanted(entry, written)).collect();
    let [old, new] = [recipe, &parsed].map(others);
    let found: Vec<Value> = parsed
        .document()
        .package
        .copyright
        .iter()
        .map(value)
        .collect();
    if found != wanted || old != new {
        return Err(error());
    }
    Ok(text)
}

fn value(entry: &Copyright) -> Value {
    serde_json::to_value(entry).unwrap_or_default()
}

fn wanted(entry: &CopyrightEntry, written: &[Copyright]) -> Value {
    match entry {
        CopyrightEntry::Kept(index) => written.get(*index).map_or(Value::Null, value),
        CopyrightEntry::New {
            license,
            license_path,
        } if license_path.is_empty() => json!({"license": license}),
        CopyrightEntry::New {
            license,
            license_path,
        } => json!({"license": license, "license-path": license_path}),
    }
}

/// The rest of the package, and how much else there is.
fn others(recipe: &Recipe) -> Value {
    let document = recipe.document();
    let mut package = serde_json::to_value(&document.package).unwrap_or_default();
    if let Some(package) = package.as_object_mut() {
        package.remove("copyright");
    }
    let counts = [
        document.pipeline.len(),
        document.subpackages.len(),
        document.vars.len(),
        document.data.len(),
    ];
    json!([package, counts])
}

#[cfg(test)]
mod tests;
