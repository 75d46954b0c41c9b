//! Evaluated recipes: the `.melange.yaml` in a package's control member, ours or melange's.
//!
//! All variables are filled in, and a step has its expansion beside the `uses` it stood for. Whoever
//! wrote it may be a stranger or a later version: keys that are not known are passed over, as
//! melange does.

use crate::compile::{CompileError, CompileOptions, Compiled, compile};
use crate::keys::{self, MAX_KEY_BYTES};
use crate::pipelines::BuiltinPipelines;
use crate::plan::{PackagePlan, Step};
use crate::recipe::{Recipe, RecipeError};
use crate::schema::recipe_schema;
use bessemer_yaml::SourceFile;
use bessemer_yaml::decode;
use serde_json::{Map, Value, json};

/// The built-in pipelines whose work the control side does: a step that uses one asks for a source.
const SOURCES: [&str; 2] = ["fetch", "git-checkout"];
/// What evaluation has used up, and what says nothing about packages.
const SPENT: [&str; 5] = ["data", "options", "update", "var-transforms", "vars"];
/// Nanoseconds in a second: Go's encoder writes durations so.
const NANOSECONDS: u64 = 1_000_000_000;

/// An evaluated recipe, as read.
#[derive(Clone, Debug)]
pub struct Evaluated {
    recipe: Recipe,
    configuration: Value,
}

impl Evaluated {
    /// Reads the text, which a stranger may have written: it is bounded like any recipe. `name` is
    /// what errors call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, RecipeError> {
        let written = SourceFile::new(name, text);
        let configuration: Value = decode(&written).map_err(RecipeError::Syntax)?;
        if let Some(key) = keys::too_long(&configuration) {
            let message = format!("the key `{key}…` has more than {MAX_KEY_BYTES} bytes");
            return Err(RecipeError::Invalid(Box::new(
                written.diagnostic(None, message),
            )));
        }
        let mut document = configuration.clone();
        reduce(&mut document);
        let schema = recipe_schema();
        prune(&mut document, &schema, &schema);
        // Places in errors are in this text, which they show.
        let reduced = SourceFile::new(name, format!("{document:#}"));
        Ok(Self {
            recipe: Recipe::parse_evaluated(reduced)?,
            configuration,
        })
    }

    /// The recipe, for what it says of its packages.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// All of it as it was written, in whatever notation.
    pub fn configuration(&self) -> &Value {
        &self.configuration
    }

    /// The packages that its environment had, as constraints: `name=version`.
    pub fn packages(&self) -> Vec<String> {
        let packages = &self.recipe.document().environment.contents.packages;
        packages.iter().map(|text| text.value.clone()).collect()
    }

    /// Plans the same build again. The plan's evaluated recipe is this one, unchanged.
    pub fn compile(&self, architecture: &str, date: u64) -> Result<Compiled, CompileError> {
        let loader = BuiltinPipelines;
        let mut options = CompileOptions::new(architecture, &loader);
        options.source_date_epoch = date;
        let mut compiled = compile(&self.recipe, &options)?;
        let plan = &mut compiled.plan;
        plan.configuration = self.configuration.clone();
        without_places(&mut plan.package);
        plan.subpackages.iter_mut().for_each(without_places);
        Ok(compiled)
    }
}

/// Steps stand in no file that anybody has.
fn without_places(package: &mut PackagePlan) {
    let clear = |step: &mut Step| step.location = None;
    package.steps.iter_mut().for_each(clear);
    if let Some(test) = &mut package.test {
        test.steps.iter_mut().for_each(clear);
    }
}

/// Brings it into the form of a recipe whose steps have nothing left to expand.
fn reduce(document: &mut Value) {
    let Value::Object(root) = document else {
        return;
    };
    root.retain(|key, _| !SPENT.contains(&key.as_str()));
    if let Some(timeout) = root.get_mut("package").and_then(|it| it.get_mut("timeout"))
        && let Some(nanoseconds) = timeout.as_u64()
    {
        *timeout = json!(format!("{}s", nanoseconds.div_ceil(NANOSECONDS)));
    }
    package(root);
    if let Some(Value::Array(subpackages)) = root.get_mut("subpackages") {
        for subpackage in subpackages {
            if let Value::Object(subpackage) = subpackage {
                subpackage.remove("range");
                package(subpackage);
            }
        }
    }
}

fn package(map: &mut Map<String, Value>) {
    if let Some(pipeline) = map.get_mut("pipeline") {
        steps(pipeline);
    }
    if let Some(pipeline) = map.get_mut("test").and_then(|it| it.get_mut("pipeline")) {
        steps(pipeline);
    }
}

fn steps(list: &mut Value) {
    let Value::Array(list) = list else { return };
    for step in list {
        if let Value::Object(step) = step {
            step.remove("needs");
            step.remove("inputs");
            let source = step.get("uses").and_then(Value::as_str);
            if !source.is_some_and(|uses| SOURCES.contains(&uses)) {
                step.remove("uses");
                step.remove("with");
            }
            if let Some(pipeline) = step.get_mut("pipeline") {
                steps(pipeline);
            }
        }
    }
}

/// Removes the keys that the schema does not know.
fn prune(value: &mut Value, schema: &Value, root: &Value) {
    let named = schema["$ref"].as_str();
    let named = named.and_then(|name| name.strip_prefix("#/$defs/"));
    let first = schema["anyOf"].get(0);
    if let Some(name) = named {
        return prune(value, &root["$defs"][name], root);
    }
    if let Some(first) = first {
        return prune(value, first, root);
    }
    match value {
        Value::Object(map) => {
            if let Some(properties) = schema["properties"].as_object() {
                map.retain(|key, _| properties.contains_key(key));
                for (key, inner) in map {
                    prune(inner, &properties[key], root);
                }
            } else {
                let inner = &schema["additionalProperties"];
                for value in map.values_mut() {
                    prune(value, inner, root);
                }
            }
        }
        Value::Array(list) => {
            let items = &schema["items"];
            for value in list {
                prune(value, items, root);
            }
        }
        _ => {}
    }
}
