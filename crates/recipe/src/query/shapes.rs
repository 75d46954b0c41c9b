//! A recipe as melange's Go structures have it: names, order, and what is there when nothing is
//! written.

use super::QueryError;
use super::value::Value;
use crate::compile::CompileOptions;
use crate::pipelines::BuiltinPipelines;
use crate::recipe::Recipe;
use crate::substitute::substitute_known;
use crate::variables::{Variables, of_recipe};
use crate::written::{self, Document};
use bessemer_yaml::Text;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Go name, name in YAML, and what it holds.
type Field = (&'static str, &'static str, Kind);

/// What a field holds.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Number,
    Flag,
    Texts,
    Map,
    Struct(&'static [Field]),
    Structs(&'static [Field]),
    /// A structure that may be missing.
    Pointer(&'static [Field]),
}
use Kind::{Flag, Map, Number, Pointer, Struct, Structs, Texts};

const DEPENDENCIES: &[Field] = &[
    ("Runtime", "runtime", Texts),
    ("Provides", "provides", Texts),
    ("Replaces", "replaces", Texts),
    ("ProviderPriority", "provider-priority", Kind::Text),
    ("ReplacesPriority", "replaces-priority", Kind::Text),
    ("Vendored", "", Texts),
];
const OPTIONS: &[Field] = &[
    ("NoProvides", "no-provides", Flag),
    ("NoDepends", "no-depends", Flag),
    ("NoCommands", "no-commands", Flag),
    ("NoVersionedShlibDeps", "no-versioned-shlib-deps", Flag),
];
const SCRIPTLETS: &[Field] = &[
    (
        "Trigger",
        "trigger",
        Struct(&[("Script", "script", Kind::Text), ("Paths", "paths", Texts)]),
    ),
    ("PreInstall", "pre-install", Kind::Text),
    ("PostInstall", "post-install", Kind::Text),
    ("PreDeinstall", "pre-deinstall", Kind::Text),
    ("PostDeinstall", "post-deinstall", Kind::Text),
    ("PreUpgrade", "pre-upgrade", Kind::Text),
    ("PostUpgrade", "post-upgrade", Kind::Text),
];
const CHECKS: &[Field] = &[("Disabled", "disabled", Texts)];
const RESOURCES: &[Field] = &[
    ("CPU", "cpu", Kind::Text),
    ("CPUModel", "cpumodel", Kind::Text),
    ("Memory", "memory", Kind::Text),
    ("Disk", "disk", Kind::Text),
];
const SETCAP: &[Field] = &[
    ("Path", "path", Kind::Text),
    ("Add", "add", Map),
    ("Reason", "reason", Kind::Text),
];
const COPYRIGHT: &[Field] = &[
    ("Paths", "paths", Texts),
    ("Attestation", "attestation", Kind::Text),
    ("License", "license", Kind::Text),
    ("LicensePath", "license-path", Kind::Text),
    ("DetectionOverride", "detection-override", Kind::Text),
];
const CPE: &[Field] = &[
    ("Part", "part", Kind::Text),
    ("Vendor", "vendor", Kind::Text),
    ("Product", "product", Kind::Text),
    ("Edition", "edition", Kind::Text),
    ("Language", "language", Kind::Text),
    ("SWEdition", "sw_edition", Kind::Text),
    ("TargetSW", "target_sw", Kind::Text),
    ("TargetHW", "target_hw", Kind::Text),
    ("Other", "other", Kind::Text),
];
const PACKAGE: &[Field] = &[
    ("Name", "name", Kind::Text),
    ("Version", "version", Kind::Text),
    ("Epoch", "epoch", Number),
    ("Description", "description", Kind::Text),
    ("Annotations", "annotations", Map),
    ("URL", "url", Kind::Text),
    ("Commit", "commit", Kind::Text),
    ("TargetArchitecture", "target-architecture", Texts),
    ("Copyright", "copyright", Structs(COPYRIGHT)),
    ("Dependencies", "dependencies", Struct(DEPENDENCIES)),
    ("Options", "options", Pointer(OPTIONS)),
    ("Scriptlets", "scriptlets", Pointer(SCRIPTLETS)),
    ("Checks", "checks", Struct(CHECKS)),
    ("CPE", "cpe", Struct(CPE)),
    ("SetCap", "setcap", Structs(SETCAP)),
    ("Resources", "resources", Struct(RESOURCES)),
    ("TestResources", "test-resources", Pointer(RESOURCES)),
];
const SUBPACKAGE: &[Field] = &[
    ("Name", "name", Kind::Text),
    ("Dependencies", "dependencies", Struct(DEPENDENCIES)),
    ("Options", "options", Pointer(OPTIONS)),
    ("Scriptlets", "scriptlets", Pointer(SCRIPTLETS)),
    ("Description", "description", Kind::Text),
    ("Annotations", "annotations", Map),
    ("URL", "url", Kind::Text),
    ("Commit", "commit", Kind::Text),
    ("Checks", "checks", Struct(CHECKS)),
    ("SetCap", "setcap", Structs(SETCAP)),
];
const ENVIRONMENT: &[Field] = &[
    (
        "Contents",
        "contents",
        Struct(&[
            ("BuildRepositories", "build_repositories", Texts),
            ("Repositories", "repositories", Texts),
            ("Keyring", "keyring", Texts),
            ("Packages", "packages", Texts),
        ]),
    ),
    ("Environment", "environment", Map),
    ("Cmd", "cmd", Kind::Text),
    ("WorkDir", "work-dir", Kind::Text),
    ("Archs", "archs", Texts),
    ("Annotations", "annotations", Map),
    ("Volumes", "volumes", Texts),
];
const MONITOR: &[Field] = &[
    ("Identifier", "identifier", Kind::Text),
    ("StripPrefix", "strip-prefix", Kind::Text),
    ("StripSuffix", "strip-suffix", Kind::Text),
    ("TagFilter", "tag-filter", Kind::Text),
    ("TagFilterPrefix", "tag-filter-prefix", Kind::Text),
    ("TagFilterContains", "tag-filter-contains", Kind::Text),
    ("UseTags", "use-tag", Flag),
];
const UPDATE: &[Field] = &[
    ("Enabled", "enabled", Flag),
    ("Manual", "manual", Flag),
    ("RequireSequential", "require-sequential", Flag),
    ("Shared", "shared", Flag),
    ("VersionSeparator", "version-separator", Kind::Text),
    ("IgnoreRegexPatterns", "ignore-regex-patterns", Texts),
    (
        "ReleaseMonitor",
        "release-monitor",
        Pointer(&[
            ("Identifier", "identifier", Number),
            ("StripPrefix", "strip-prefix", Kind::Text),
            ("StripSuffix", "strip-suffix", Kind::Text),
            (
                "VersionFilterContains",
                "version-filter-contains",
                Kind::Text,
            ),
            ("VersionFilterPrefix", "version-filter-prefix", Kind::Text),
        ]),
    ),
    ("GitHubMonitor", "github", Pointer(MONITOR)),
    ("GitMonitor", "git", Pointer(MONITOR)),
    ("OCIMonitor", "oci", Pointer(MONITOR)),
    (
        "VersionTransform",
        "version-transform",
        Structs(&[
            ("Match", "match", Kind::Text),
            ("Replace", "replace", Kind::Text),
        ]),
    ),
    ("ExcludeReason", "exclude-reason", Kind::Text),
    (
        "Schedule",
        "schedule",
        Pointer(&[
            ("Reason", "reason", Kind::Text),
            ("Period", "period", Kind::Text),
        ]),
    ),
    ("EnablePreReleaseTags", "enable-prerelease-tags", Flag),
];
const CAPABILITIES: &[Field] = &[("Add", "add", Texts), ("Drop", "drop", Texts)];
const TRANSFORM: &[Field] = &[
    ("From", "from", Kind::Text),
    ("Match", "match", Kind::Text),
    ("Replace", "replace", Kind::Text),
    ("To", "to", Kind::Text),
];

/// Fills in the variables that melange knows when it reads a recipe.
#[derive(Default)]
struct Filler(Variables);

/// The whole recipe.
pub(super) fn configuration(recipe: &Recipe) -> Result<Value, QueryError> {
    let document = recipe.document();
    // No variable that is looked at depends on the architecture.
    let options = CompileOptions::new("x86_64", &BuiltinPipelines);
    let variables =
        of_recipe(recipe, &options).map_err(|error| QueryError::Recipe(error.to_string()))?;
    let known = |name: &String, _: &mut String| {
        let package = ["name", "version", "epoch", "full-version", "description"];
        let package = package.iter().any(|own| *name == format!("package.{own}"));
        package || name.starts_with("vars.")
    };
    let mut variables: Variables = variables;
    variables.retain(known);
    let filler = Filler(variables);
    let vars = document.vars.iter();
    let vars = vars.map(|(name, text)| (name.clone(), Value::Text(text.value.clone())));
    Ok(Value::Struct(vec![
        ("Package", package(&filler, document)),
        ("Environment", filler.of(ENVIRONMENT, &document.environment)),
        (
            "Capabilities",
            filler.of(CAPABILITIES, &document.capabilities),
        ),
        ("Pipeline", filler.steps(&document.pipeline)),
        ("Subpackages", subpackages(&filler, document)),
        ("Update", filler.of(UPDATE, &document.update)),
        ("Vars", Value::Map(vars.collect())),
        (
            "VarTransforms",
            list(
                document
                    .var_transforms
                    .iter()
                    .map(|one| Filler::default().of(TRANSFORM, one)),
            ),
        ),
        ("Test", filler.test(document.test.as_ref())),
    ]))
}

fn list(values: impl Iterator<Item = Value>) -> Value {
    Value::List(values.collect())
}

fn package(filler: &Filler, document: &Document) -> Value {
    let mut value = filler.of(PACKAGE, &document.package);
    let licenses = document.package.copyright.iter();
    let licenses: Vec<String> = licenses.map(|entry| filler.text(&entry.license)).collect();
    if let Value::Struct(fields) = &mut value {
        // Methods, which templates call as they look at fields.
        let full = filler.0.get("package.full-version").cloned();
        fields.push(("FullVersion", Value::Text(full.unwrap_or_default())));
        fields.push(("LicenseExpression", Value::Text(licenses.join(" AND "))));
    }
    value
}

fn subpackages(filler: &Filler, document: &Document) -> Value {
    let mut values = Vec::new();
    for subpackage in &document.subpackages {
        if subpackage.range.is_empty() {
            values.push(one(filler, subpackage));
            continue;
        }
        let table = document.data.iter();
        let mut table = table.filter(|table| table.name.value == subpackage.range.value);
        for (key, value) in table.next().into_iter().flat_map(|table| &table.items) {
            let mut variables = filler.0.clone();
            variables.insert("range.key".to_owned(), key.clone());
            variables.insert("range.value".to_owned(), value.value.clone());
            values.push(one(&Filler(variables), subpackage));
        }
    }
    Value::List(values)
}

fn one(filler: &Filler, subpackage: &written::Subpackage) -> Value {
    let mut value = filler.of(SUBPACKAGE, subpackage);
    if let Value::Struct(fields) = &mut value {
        fields.insert(0, ("If", Value::Text(filler.text(&subpackage.condition))));
        fields.push(("Pipeline", filler.steps(&subpackage.pipeline)));
        fields.push(("Test", filler.test(subpackage.test.as_ref())));
    }
    value
}

impl Filler {
    fn text(&self, text: &str) -> String {
        substitute_known(text, |name| self.0.get(name).map(String::as_str))
    }

    /// What is written, in the shape that Go gives it.
    fn of(&self, shape: &'static [Field], written: &impl Serialize) -> Value {
        // The types have string keys only, so encoding cannot fail.
        let json = serde_json::to_value(written).unwrap_or_default();
        self.structure(shape, &json)
    }

    fn structure(&self, shape: &'static [Field], json: &Json) -> Value {
        let fields = shape.iter();
        let fields = fields.map(|(go, key, kind)| (*go, self.value(*kind, &json[*key])));
        Value::Struct(fields.collect())
    }

    fn value(&self, kind: Kind, json: &Json) -> Value {
        let scalar = |json: &Json| match json {
            Json::String(text) => self.text(text),
            Json::Null => String::new(),
            other => other.to_string(),
        };
        let items = || json.as_array().into_iter().flatten();
        match kind {
            Kind::Text => Value::Text(scalar(json)),
            Number => Value::Int(match json {
                Json::String(text) => text.parse().unwrap_or_default(),
                other => other.as_i64().unwrap_or_default(),
            }),
            Flag => Value::Bool(json.as_bool().unwrap_or_default()),
            Texts => list(items().map(|item| Value::Text(scalar(item)))),
            Map => {
                let entries = json.as_object().into_iter().flatten();
                let entries = entries.map(|(key, value)| (key.clone(), Value::Text(scalar(value))));
                Value::Map(entries.collect())
            }
            Structs(shape) => list(items().map(|item| self.structure(shape, item))),
            Pointer(_) if json.is_null() => Value::Nil,
            Struct(shape) | Pointer(shape) => self.structure(shape, json),
        }
    }

    fn map(&self, texts: &BTreeMap<String, Text>) -> Value {
        let entries = texts.iter();
        let entries = entries.map(|(name, text)| (name.clone(), Value::Text(self.text(text))));
        Value::Map(entries.collect())
    }

    fn steps(&self, steps: &[written::Step]) -> Value {
        let text = |text: &Text| Value::Text(self.text(text));
        list(steps.iter().map(|step| {
            let needs = step.needs.packages.iter().map(text);
            Value::Struct(vec![
                ("If", text(&step.condition)),
                ("Name", text(&step.name)),
                ("Uses", Value::Text(step.uses.value.clone())),
                ("With", self.map(&step.with)),
                ("Runs", text(&step.runs)),
                ("Pipeline", self.steps(&step.pipeline)),
                (
                    "Needs",
                    if step.needs.packages.is_empty() {
                        Value::Nil
                    } else {
                        Value::Struct(vec![("Packages", list(needs))])
                    },
                ),
                ("Label", Value::Text(step.label.value.clone())),
                ("WorkDir", text(&step.working_directory)),
                ("Environment", self.map(&step.environment)),
            ])
        }))
    }

    fn test(&self, test: Option<&written::Test>) -> Value {
        test.map_or(Value::Nil, |test| {
            Value::Struct(vec![
                ("Environment", self.of(ENVIRONMENT, &test.environment)),
                ("Pipeline", self.steps(&test.pipeline)),
            ])
        })
    }
}
