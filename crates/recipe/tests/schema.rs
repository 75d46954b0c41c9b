//! The schemas say what the decoder takes.

use bessemer_recipe::{Recipe, SourceFile, builtin_pipelines, pipeline_schema, recipe_schema};
use serde_json::{Value, json};
use std::path::Path;

/// What of `value` the schema refuses; the part of JSON Schema that the schemas use.
fn check(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = reference.trim_start_matches('#');
        let target = root.pointer(pointer).expect("a definition");
        return check(root, target, value, path, found);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        let fits = |choice: &&Value| {
            let mut refused = Vec::new();
            check(root, choice, value, path, &mut refused);
            refused.is_empty()
        };
        let best = choices.iter().find(fits).unwrap_or(&choices[0]);
        return check(root, best, value, path, found);
    }
    if schema == &json!(true) {
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = schema["type"].as_array().cloned();
    let kinds = kinds.unwrap_or_else(|| vec![schema["type"].clone()]);
    if !kinds
        .iter()
        .any(|own| own == kind || own == "number" && kind == "integer")
    {
        found.push(format!("{path}: {kind} is none of {kinds:?}"));
        return;
    }
    match value {
        Value::Array(list) => {
            for (index, item) in list.iter().enumerate() {
                check(
                    root,
                    &schema["items"],
                    item,
                    &format!("{path}/{index}"),
                    found,
                );
            }
        }
        Value::Object(map) => {
            for key in schema["required"].as_array().into_iter().flatten() {
                if !map.contains_key(key.as_str().expect("a key")) {
                    found.push(format!("{path}: {key} is missing"));
                }
            }
            for (key, item) in map {
                let inner = schema["properties"]
                    .get(key)
                    .unwrap_or(&schema["additionalProperties"]);
                if inner == &json!(false) {
                    found.push(format!("{path}: {key} is unknown"));
                } else {
                    check(root, inner, item, &format!("{path}/{key}"), found);
                }
            }
        }
        _ => {}
    }
}

fn refused(schema: &Value, text: &str) -> Vec<String> {
    let value: Value = serde_saphyr::from_str(text).expect("YAML");
    let mut found = Vec::new();
    check(schema, schema, &value, "", &mut found);
    found
}

#[test]
fn the_examples_and_the_pipelines_fit_their_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let recipes = [
        "examples/bzip2/bzip2.yaml",
        "examples/hello/hello.yaml",
        "examples/tiny/tiny.yaml",
        "crates/recipe/test-data/configuration/everything.yaml",
    ];
    let schema = recipe_schema();
    for name in recipes {
        let text = std::fs::read_to_string(root.join(name)).expect(name);
        assert_eq!(refused(&schema, &text), Vec::<String>::new(), "{name}");
    }
    let schema = pipeline_schema();
    for (name, text) in builtin_pipelines() {
        assert_eq!(refused(&schema, text), Vec::<String>::new(), "{name}");
    }
}

/// The smallest value that a schema takes.
fn smallest(root: &Value, schema: &Value) -> Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root
            .pointer(reference.trim_start_matches('#'))
            .expect("a definition");
        return smallest(root, target);
    }
    if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
        return smallest(root, &choices[0]);
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].clone(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("string") => json!("x"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten();
            let pair = |key: &Value| {
                let key = key.as_str().expect("a key").to_owned();
                let value = smallest(root, &schema["properties"][&key]);
                (key, value)
            };
            Value::Object(required.map(pair).collect())
        }
        _ => Value::Null,
    }
}

fn syntax_error(value: &Value) -> Option<String> {
    let recipe = Recipe::parse(SourceFile::new("r.yaml", value.to_string()));
    match recipe {
        Err(bessemer_recipe::RecipeError::Syntax(diagnostic)) => Some(diagnostic.message.clone()),
        _ => None,
    }
}

#[test]
fn every_key_of_the_schema_is_decoded_and_every_required_key_is_required() {
    let schema = recipe_schema();
    let properties = schema["$defs"]["Document"]["properties"]
        .as_object()
        .expect("keys");
    assert!(properties.len() >= 11 && properties.contains_key("var-transforms"));
    let minimal = json!({"package": {"name": "a", "version": "1"}});
    assert_eq!(syntax_error(&minimal), None);
    for (key, inner) in properties {
        let mut recipe = minimal.clone();
        if recipe.get(key).is_none() {
            recipe[key] = smallest(&schema, inner);
        }
        assert_eq!(syntax_error(&recipe), None, "{key}");
    }
    for key in ["name", "version"] {
        let mut recipe = minimal.clone();
        recipe["package"]
            .as_object_mut()
            .expect("package")
            .remove(key);
        assert_eq!(
            syntax_error(&recipe),
            Some(format!("key `{key}` is missing"))
        );
    }
    for (list, keys) in [
        ("subpackages", &["name"][..]),
        ("data", &["name"]),
        ("var-transforms", &["from", "match", "to"]),
    ] {
        for key in keys {
            let mut entry = smallest(
                &schema,
                &schema["$defs"]["Document"]["properties"][list]["items"],
            );
            if let Some(items) = properties[list].get("items") {
                entry = smallest(&schema, items);
            }
            entry.as_object_mut().expect("an entry").remove(*key);
            let mut recipe = minimal.clone();
            recipe[list] = json!([entry]);
            assert_eq!(
                syntax_error(&recipe),
                Some(format!("key `{key}` is missing")),
                "{list}"
            );
        }
    }
    assert!(!refused(&schema, "package: {name: a, version: 1, nmae: b}").is_empty());
}
