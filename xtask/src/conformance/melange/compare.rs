//! The differences between two compiled recipes.

use super::intended::NEEDS;
use crate::conformance::shell;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// How two values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only melange has it.
    OnlyTheirs,
    /// Only Bessemer has it.
    OnlyOurs,
    /// Both have it, with other values.
    Value,
    /// Shell texts whose tokens are the same.
    Layout,
    /// Shell texts whose tokens are the same once a backslash at the end of a remark continues the
    /// line.
    Remark,
    /// What a built-in pipeline expands to.
    Expansion,
    /// Subpackages whose condition does not hold, which only melange lists.
    Condition,
    /// Lists of packages that differ by what built-in pipelines need, as
    /// [`super::intended::NEEDS`] has it.
    Needs,
}

/// One difference.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    /// Keys and indexes from the root, such as `pipeline/3/with/opts`.
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    pub(super) theirs: Value,
    pub(super) ours: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
        let path = self.path.join("/");
        match self.kind {
            Kind::OnlyTheirs => write!(formatter, "{path}: only melange: {}", short(&self.theirs)),
            Kind::OnlyOurs => write!(formatter, "{path}: only Bessemer: {}", short(&self.ours)),
            _ => {
                let (theirs, ours) = (short(&self.theirs), short(&self.ours));
                write!(formatter, "{path}: {theirs} <> {ours}")
            }
        }
    }
}

/// All differences; `pipelines` is the directory of pipelines that both sides were given.
pub(super) fn compare(theirs: &Value, ours: &Value, pipelines: Option<&Path>) -> Vec<Difference> {
    let mut comparison = Comparison {
        pipelines,
        path: Vec::new(),
        found: Vec::new(),
    };
    comparison.values(theirs, ours);
    comparison.found
}

struct Comparison<'a> {
    pipelines: Option<&'a Path>,
    path: Vec<String>,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn note(&mut self, kind: Kind, theirs: &Value, ours: &Value) {
        self.found.push(Difference {
            path: self.path.clone(),
            kind,
            theirs: theirs.clone(),
            ours: ours.clone(),
        });
    }

    fn values(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => self.objects(theirs, ours),
            (Value::Array(list), Value::Array(other)) if self.is_package_list() => {
                if list != other {
                    let same = needs_alone(list, other);
                    self.note(if same { Kind::Needs } else { Kind::Value }, theirs, ours);
                }
            }
            (Value::Array(list), Value::Array(other))
                if self.path == ["subpackages"] && list.len() > other.len() =>
            {
                let left: Vec<Value> = list.iter().filter(|p| kept(p, other)).cloned().collect();
                let kind = if left.len() == other.len() {
                    Kind::Condition
                } else {
                    Kind::Value
                };
                self.note(kind, theirs, ours);
                if kind == Kind::Condition {
                    self.values(&Value::Array(left), &Value::Array(other.clone()));
                }
            }
            (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
                for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                    self.within(&index.to_string(), theirs, ours);
                }
            }
            _ if theirs == ours => {}
            (Value::String(text), Value::String(other)) if self.is_script() => {
                self.note(scripts(text, other), theirs, ours);
            }
            _ => self.note(Kind::Value, theirs, ours),
        }
    }

    fn within(&mut self, key: &str, theirs: &Value, ours: &Value) {
        self.path.push(key.to_owned());
        self.values(theirs, ours);
        self.path.pop();
    }

    fn objects(&mut self, theirs: &Map<String, Value>, ours: &Map<String, Value>) {
        let builtin = self.is_builtin(theirs) && self.is_builtin(ours);
        let keys: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        for key in keys {
            let (their, our) = (theirs.get(key), ours.get(key));
            // What a built-in pipeline says is each implementation's own.
            if builtin && matches!(key.as_str(), "runs" | "pipeline") {
                if their != our {
                    let [their, our] = [their, our].map(|v| v.cloned().unwrap_or_default());
                    self.path.push(key.clone());
                    self.note(Kind::Expansion, &their, &our);
                    self.path.pop();
                }
                continue;
            }
            match (their, our) {
                (Some(their), Some(our)) => self.within(key, their, our),
                (Some(value), None) => self.missing(key, Kind::OnlyTheirs, value),
                (None, Some(value)) => self.missing(key, Kind::OnlyOurs, value),
                (None, None) => {}
            }
        }
    }

    fn missing(&mut self, key: &str, kind: Kind, value: &Value) {
        self.path.push(key.to_owned());
        let (theirs, ours) = match kind {
            Kind::OnlyOurs => (&Value::Null, value),
            _ => (value, &Value::Null),
        };
        // A script of remarks alone is no script.
        let empty = self.is_script() && value.as_str().is_some_and(|t| shell::tokens(t).is_empty());
        self.note(if empty { Kind::Layout } else { kind }, theirs, ours);
        self.path.pop();
    }

    fn is_script(&self) -> bool {
        self.path.last().is_some_and(|key| key == "runs")
    }

    fn is_package_list(&self) -> bool {
        let key = self.path.last().map(String::as_str);
        matches!(key, Some("packages" | "Packages"))
    }

    /// Whether a mapping is a step that uses a pipeline which the tree does not have.
    fn is_builtin(&self, step: &Map<String, Value>) -> bool {
        let Some(uses) = step.get("uses").and_then(Value::as_str) else {
            return false;
        };
        let local = |directory: &Path| directory.join(format!("{uses}.yaml")).exists();
        !self.pipelines.is_some_and(local)
    }
}

/// Whether a subpackage of melange's is to be expected of Bessemer: it is listed, or has no condition.
fn kept(subpackage: &Value, ours: &[Value]) -> bool {
    subpackage.get("if").is_none() || ours.iter().any(|our| our["name"] == subpackage["name"])
}

fn scripts(theirs: &str, ours: &str) -> Kind {
    let found = shell::tokens(theirs);
    if found == shell::tokens(ours) {
        Kind::Layout
    } else if found == shell::tokens_with_continued_remarks(ours) {
        Kind::Remark
    } else {
        Kind::Value
    }
}

/// Whether two lists of packages are the same, in the same order, but for the packages that the
/// built-in pipelines of the two sides need instead of each other.
fn needs_alone(theirs: &[Value], ours: &[Value]) -> bool {
    let rest = |list: &[Value]| -> Vec<Value> {
        let exchanged = |name: &&Value| {
            let name = name.as_str().unwrap_or_default();
            !(NEEDS.theirs.contains(&name) || NEEDS.ours.contains(&name))
        };
        list.iter().filter(exchanged).cloned().collect()
    };
    rest(theirs) == rest(ours)
}
