//! The evaluated recipe in melange's structure, for `bessemer compile` and `.melange.yaml`.
//!
//! Keys with nothing to say are left out, as melange's encoder does.

use super::package::Built;
use super::steps::Expanded;
use crate::plan::{EnvironmentPlan, PackagePlan, Step};
use crate::recipe::Recipe;
use crate::variables::WORKSPACE;
use serde_json::{Map, Value, json};

pub(crate) fn render(recipe: &Recipe, packages: &[Built], environment: &EnvironmentPlan) -> Value {
    let mut root = Map::new();
    for (index, built) in packages.iter().enumerate() {
        let mut package = package(&built.plan);
        if index == 0 {
            main_package(&mut package, &built.plan, recipe);
            put(&mut root, "package", Value::Object(package));
            put(&mut root, "pipeline", pipeline(&built.pipeline));
            put(&mut root, "test", test(built));
            continue;
        }
        put(&mut package, "pipeline", pipeline(&built.pipeline));
        put(&mut package, "test", test(built));
        let list = root.entry("subpackages").or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(Value::Object(package));
        }
    }
    put(&mut root, "environment", environment_value(environment));
    Value::Object(root)
}

/// Adds a value unless it says nothing.
fn put(map: &mut Map<String, Value>, key: &str, value: Value) {
    let empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(value) => !value,
        Value::Number(_) => false,
    };
    if !empty {
        map.insert(key.to_owned(), value);
    }
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    let mut map = Map::new();
    for (key, value) in pairs {
        put(&mut map, key, value);
    }
    Value::Object(map)
}

fn package(plan: &PackagePlan) -> Map<String, Value> {
    let mut map = Map::new();
    put(&mut map, "name", json!(plan.name));
    put(&mut map, "description", json!(plan.description));
    put(&mut map, "url", json!(plan.url));
    put(&mut map, "commit", json!(plan.commit));
    let dependencies = &plan.dependencies;
    let priority = |value: Option<i64>| value.map_or(Value::Null, |value| json!(value.to_string()));
    let dependencies = object([
        ("runtime", json!(dependencies.runtime)),
        ("provides", json!(dependencies.provides)),
        ("replaces", json!(dependencies.replaces)),
        (
            "provider-priority",
            priority(dependencies.provider_priority),
        ),
        (
            "replaces-priority",
            priority(dependencies.replaces_priority),
        ),
    ]);
    put(&mut map, "dependencies", dependencies);
    let options = object([
        ("no-provides", json!(plan.options.no_provides)),
        ("no-depends", json!(plan.options.no_depends)),
        ("no-commands", json!(plan.options.no_commands)),
        (
            "no-versioned-shlib-deps",
            json!(plan.options.no_versioned_shlib_deps),
        ),
    ]);
    put(&mut map, "options", options);
    put(&mut map, "scriptlets", scriptlets(plan));
    put(
        &mut map,
        "checks",
        object([("disabled", json!(plan.disabled_checks))]),
    );
    let setcap = plan.setcap.iter().map(|setcap| {
        json!({"path": setcap.path, "add": {&setcap.capability: setcap.flags}, "reason": setcap.reason})
    });
    put(&mut map, "setcap", setcap.collect());
    map
}

fn scriptlets(plan: &PackagePlan) -> Value {
    let mut map = Map::new();
    for (name, script) in &plan.scriptlets {
        if name == "trigger" {
            let trigger = json!({"script": script, "paths": plan.trigger_paths});
            put(&mut map, "trigger", trigger);
        } else {
            put(&mut map, name, json!(script));
        }
    }
    Value::Object(map)
}

fn main_package(map: &mut Map<String, Value>, plan: &PackagePlan, recipe: &Recipe) {
    put(map, "version", json!(plan.version));
    put(map, "epoch", json!(plan.epoch));
    let copyright = plan.licenses.iter().map(|license| {
        object([
            ("paths", json!(license.paths)),
            ("attestation", json!(license.attestation)),
            ("license", json!(license.license)),
            ("license-path", json!(license.license_path)),
        ])
    });
    put(map, "copyright", copyright.collect());
    let targets = &recipe.document().package.target_architecture;
    let targets: Value = targets.iter().map(|target| json!(target.value)).collect();
    put(map, "target-architecture", targets);
}

fn environment_value(environment: &EnvironmentPlan) -> Value {
    let contents = object([
        ("repositories", json!(environment.repositories)),
        ("keyring", json!(environment.keyring)),
        ("packages", json!(environment.packages)),
    ]);
    object([
        ("contents", contents),
        ("environment", json!(environment.variables)),
    ])
}

fn test(built: &Built) -> Value {
    built.plan.test.as_ref().map_or(Value::Null, |test| {
        object([
            ("environment", environment_value(&test.environment)),
            ("pipeline", pipeline(&built.test)),
        ])
    })
}

fn pipeline(steps: &[Expanded]) -> Value {
    steps.iter().map(step).collect()
}

fn step(expanded: &Expanded) -> Value {
    let own = |value: fn(&Step) -> Value| expanded.step.as_ref().map_or(Value::Null, value);
    let directory = |step: &Step| {
        if step.working_directory == WORKSPACE {
            Value::Null
        } else {
            json!(step.working_directory)
        }
    };
    object([
        ("name", json!(expanded.name)),
        ("uses", json!(expanded.uses)),
        ("with", json!(expanded.with)),
        ("runs", own(|step| json!(step.runs))),
        ("working-directory", own(directory)),
        ("environment", own(|step| json!(step.environment))),
        ("pipeline", pipeline(&expanded.pipeline)),
    ])
}
