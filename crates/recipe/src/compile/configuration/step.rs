//! Steps of the evaluated recipe.

use super::put;
use crate::compile::steps::Expanded;
use serde_json::{Map, Value, json};

/// The steps of one pipeline.
pub(super) fn pipeline(steps: &[Expanded]) -> Value {
    steps.iter().map(step).collect()
}

fn step(expanded: &Expanded) -> Value {
    let mut map = Map::new();
    put(&mut map, "if", json!(expanded.condition));
    put(&mut map, "name", json!(expanded.name));
    put(&mut map, "uses", json!(expanded.uses));
    put(&mut map, "with", json!(expanded.with));
    put(&mut map, "runs", json!(expanded.runs));
    put(&mut map, "pipeline", pipeline(&expanded.pipeline));
    if let Some(needs) = &expanded.needs {
        // Go's name: melange's encoder has none of its own here.
        put(&mut map, "needs", json!({"Packages": needs}));
    }
    put(&mut map, "label", json!(expanded.label));
    if expanded.required_steps > 0 {
        let assertions = json!({"required-steps": expanded.required_steps});
        put(&mut map, "assertions", assertions);
    }
    let directory = json!(expanded.working_directory);
    put(&mut map, "working-directory", directory);
    put(&mut map, "environment", json!(expanded.environment));
    Value::Object(map)
}
