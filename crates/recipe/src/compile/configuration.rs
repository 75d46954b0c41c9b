//! The evaluated recipe in melange's structure, for `bessemer compile` and `.melange.yaml`.
//!
//! Keys with nothing to say are left out where melange's encoder leaves them out, and kept where it
//! keeps them: mappings that it holds by value are always there.

mod step;

use super::CompileOptions;
use super::package::{Built, Instance};
use super::scope::Scope;
use crate::plan::EnvironmentPlan;
use crate::recipe::Recipe;
use crate::substitute::substitute_known;
use crate::variables::oci_architecture;
use crate::written::{Environment, Test, Update};
use bessemer_yaml::Text;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Everything the evaluated recipe is made of.
pub(crate) struct Evaluated<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) options: &'a CompileOptions<'a>,
    /// The packages, the main one first.
    pub(crate) packages: &'a [Instance<'a>],
    /// Their plans, in the same order.
    pub(crate) built: &'a [Built],
    /// The packages of the build environment, as often as they were asked for.
    pub(crate) asked: Vec<String>,
    pub(crate) environment: &'a EnvironmentPlan,
}

impl Evaluated<'_> {
    pub(crate) fn render(&self) -> Value {
        let document = self.recipe.document();
        let mut root = Map::new();
        root.insert("package".into(), self.main_package());
        root.insert("environment".into(), self.build_environment());
        root.insert("capabilities".into(), encoded(&document.capabilities));
        put(
            &mut root,
            "pipeline",
            step::pipeline(&self.built[0].pipeline),
        );
        put(&mut root, "subpackages", self.subpackages());
        root.insert("update".into(), self.update(&document.update));
        put(&mut root, "vars", self.variables());
        put(
            &mut root,
            "var-transforms",
            encoded(&document.var_transforms),
        );
        put(&mut root, "options", self.build_options());
        put(&mut root, "test", self.test(0));
        Value::Object(root)
    }

    fn shown(&self, index: usize, value: &impl Serialize) -> Value {
        let mut value = encoded(value);
        let scope = Scope::new(&self.packages[index].variables);
        fill_in(&mut value, &|text| scope.shown_text(text));
        if let Some(Value::Array(list)) = value.get_mut("archs") {
            for name in list {
                *name = json!(oci_architecture(name.as_str().unwrap_or_default()));
            }
        }
        // A priority that a variable makes empty is none.
        if let Some(Value::Object(dependencies)) = value.get_mut("dependencies") {
            dependencies.retain(|_, value| value.as_str() != Some(""));
        }
        value
    }

    fn main_package(&self) -> Value {
        let package = &self.recipe.document().package;
        let mut value = self.shown(0, package);
        let map = object(&mut value);
        map.remove("timeout");
        if let Some(nanoseconds) = super::resources::nanoseconds(&package.timeout) {
            put(map, "timeout", json!(nanoseconds));
        }
        put(map, "commit", json!(self.built[0].plan.commit));
        value
    }

    fn subpackages(&self) -> Value {
        let subpackages = (1..self.packages.len()).filter_map(|index| {
            let subpackage = self.packages[index].subpackage?;
            let built = &self.built[index];
            let mut value = self.shown(index, subpackage);
            let map = object(&mut value);
            let scope = Scope::new(&self.packages[index].variables);
            let condition = scope.shown_condition(&subpackage.condition, true);
            put(map, "if", json!(condition));
            put(map, "commit", json!(built.plan.commit));
            put(map, "pipeline", step::pipeline(&built.pipeline));
            put(map, "test", self.test(index));
            Some(value)
        });
        subpackages.collect()
    }

    fn build_environment(&self) -> Value {
        let mut value = self.shown(0, &self.recipe.document().environment);
        add_build_user(&mut value);
        let map = object(&mut value);
        put(map, "environment", json!(self.environment.variables));
        put(object(&mut map["contents"]), "packages", json!(self.asked));
        value
    }

    fn test(&self, index: usize) -> Value {
        let (Some(test), built) = (self.packages[index].test, &self.built[index]) else {
            return Value::Null;
        };
        let environment = self.test_environment(index, &test.environment, test);
        let pipeline = match step::pipeline(&built.test) {
            Value::Array(steps) if steps.is_empty() => Value::Null,
            steps => steps,
        };
        json!({"environment": environment, "pipeline": pipeline})
    }

    fn test_environment(&self, index: usize, written: &Environment, test: &Test) -> Value {
        let mut value = self.shown(index, written);
        // The main test has the build user even when it has no steps; melange's rule.
        if index == 0 || !test.pipeline.is_empty() {
            add_build_user(&mut value);
        }
        if let Some(plan) = &self.built[index].plan.test {
            let packages = json!(plan.environment.packages);
            put(
                object(&mut object(&mut value)["contents"]),
                "packages",
                packages,
            );
        }
        value
    }

    fn variables(&self) -> Value {
        let document = self.recipe.document();
        let mut all: Map<String, Value> = Map::new();
        let options = &self.options.build_options;
        let enabled = options.iter().filter_map(|name| document.options.get(name));
        for (name, text) in &document.vars {
            all.insert(name.clone(), json!(text.value));
        }
        for (name, text) in &self.options.variables {
            all.insert(name.clone(), json!(text));
        }
        for (name, text) in enabled.flat_map(|option| &option.vars) {
            all.insert(name.clone(), json!(text.value));
        }
        Value::Object(all)
    }

    /// melange's encoder has no names of its own for these keys, so they are Go's.
    fn build_options(&self) -> Value {
        let options = self.recipe.document().options.iter();
        let options = options.map(|(name, option)| {
            let packages = &option.environment.contents.packages;
            let list = |texts: &[Text]| {
                if texts.is_empty() {
                    Value::Null
                } else {
                    encoded(texts)
                }
            };
            let packages = json!({"Add": list(&packages.add), "Remove": list(&packages.remove)});
            let vars = if option.vars.is_empty() {
                Value::Null
            } else {
                encoded(&option.vars)
            };
            let value = json!({"Vars": vars, "Environment": {"Contents": {"Packages": packages}}});
            (name.clone(), value)
        });
        Value::Object(options.collect())
    }

    /// Only some texts of an update are templates.
    fn update(&self, update: &Update) -> Value {
        const TEMPLATES: [(&str, &[&str]); 3] = [
            (
                "release-monitor",
                &["version-filter-contains", "version-filter-prefix"],
            ),
            (
                "github",
                &[
                    "identifier",
                    "tag-filter",
                    "tag-filter-prefix",
                    "tag-filter-contains",
                ],
            ),
            ("git", &["tag-filter-prefix", "tag-filter-contains"]),
        ];
        let mut value = encoded(update);
        let variables = &self.packages[0].variables;
        for (monitor, keys) in TEMPLATES {
            let Some(Value::Object(map)) = value.get_mut(monitor) else {
                continue;
            };
            for key in keys {
                if let Some(Value::String(text)) = map.get_mut(*key) {
                    let name = |name: &str| variables.get(name).map(String::as_str);
                    *text = substitute_known(text, name);
                }
            }
        }
        value
    }
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

/// What is written, as JSON. The types have string keys only, so encoding cannot fail.
fn encoded(value: &(impl Serialize + ?Sized)) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The mapping that a value is; anything else becomes an empty one.
fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// Replaces every text within.
fn fill_in(value: &mut Value, replace: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(replaced) = replace(text) {
                *text = replaced;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| fill_in(item, replace)),
        Value::Object(map) => map.values_mut().for_each(|item| fill_in(item, replace)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every environment has the user and group `build`, unless the recipe has its own.
fn add_build_user(environment: &mut Value) {
    let accounts = &mut object(environment)["accounts"];
    let entries = [
        (
            "users",
            "username",
            json!({"username": "build", "uid": 1000, "gid": 1000}),
        ),
        (
            "groups",
            "groupname",
            json!({"groupname": "build", "gid": 1000, "members": ["build"]}),
        ),
    ];
    for (list, name, entry) in entries {
        let accounts = object(accounts);
        let list = accounts.entry(list).or_insert_with(|| json!([]));
        if let Value::Array(list) = list
            && !list.iter().any(|known| known[name] == "build")
        {
            list.push(entry);
        }
    }
}
