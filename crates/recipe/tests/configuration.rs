//! The evaluated recipe is what melange prints: `test-data/configuration/everything.json` is its
//! output for a recipe with every field.

use bessemer_recipe::{CompileOptions, PipelineDirectories, Recipe, SourceFile, compile};
use serde_json::Value;

fn directory() -> String {
    format!("{}/test-data/configuration", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_field_is_printed_as_melange_prints_it() {
    let read = |name: &str| std::fs::read_to_string(format!("{}/{name}", directory()));
    let source = SourceFile::new("everything.yaml", read("everything.yaml").expect("recipe"));
    let recipe = Recipe::parse(source).expect("recipe");
    let loader = PipelineDirectories::new(vec![format!("{}/pipelines", directory()).into()]);
    let mut options = CompileOptions::new("x86_64", &loader);
    options.commit = Some("0".to_owned());
    let ours = compile(&recipe, &options).expect("plan").plan.configuration;
    let mut theirs: Value =
        serde_json::from_str(&read("everything.json").expect("output")).expect("JSON");
    let mut found = Vec::new();
    differences("", &mut theirs, &ours, &mut found);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn differences(path: &str, theirs: &mut Value, ours: &Value, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs.iter_mut() {
                let our = ours.get(key).unwrap_or(&Value::Null);
                differences(&format!("{path}/{key}"), value, our, found);
            }
            let more = ours.keys().filter(|key| !theirs.contains_key(*key));
            found.extend(more.map(|key| format!("{path}/{key}: only Bessemer")));
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter_mut().zip(ours).enumerate() {
                differences(&format!("{path}/{index}"), theirs, ours, found);
            }
        }
        (theirs, ours) if theirs == ours => {}
        (theirs, ours) => found.push(format!("{path}: {theirs} <> {ours}")),
    }
}
