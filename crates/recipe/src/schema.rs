//! JSON Schema of recipes and pipeline files, for editors.

use crate::written::{Document, PipelineFile};
use bessemer_yaml::{Required, schema};
use serde_json::Value;

/// The schema of a recipe.
pub fn recipe_schema() -> Value {
    schema::<Document>(
        "Recipe",
        "A recipe: what is built, how, and how it is tested",
        REQUIRED,
    )
}

/// The schema of a pipeline file.
pub fn pipeline_schema() -> Value {
    schema::<PipelineFile>("Pipeline", "A pipeline that steps of recipes use", REQUIRED)
}

/// Keys without which a mapping is refused; a test holds them against the decoder.
const REQUIRED: Required = &[
    ("Document", &["package"]),
    ("Package", &["name", "version"]),
    ("Subpackage", &["name"]),
    ("Range", &["name"]),
    ("VarTransform", &["from", "match", "to"]),
    ("Setcap", &["path"]),
];
