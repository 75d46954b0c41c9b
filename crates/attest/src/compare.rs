//! What is different between two provenances, as changes that a person can read.
//!
//! Parameters are compared by their place in the predicate, inputs by role and name. What names only one run (ids, times) is
//! left out: it is different always.

use crate::ResourceDescriptor;
use crate::predicates::{ImageProvenance, Provenance, RunDetails};
use bessemer_digest::Digest;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most characters of a value that is shown.
const SHOWN: usize = 200;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// What it is called.
    pub name: String,
    /// Digest of the artifact.
    pub sha256: Digest,
    builder: String,
    programs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    inputs: BTreeMap<(String, String), Vec<Input>>,
}

/// What is known of an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Input {
    version: Option<String>,
    digest: String,
    uri: Option<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// Of what kind of thing: `artifact`, `builder`, `program`, `parameter`, or an input's role.
    pub kind: String,
    /// Of which one.
    pub name: String,
    /// What it was; nothing if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is; nothing if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Compared {
    /// A package.
    pub fn of_package(name: String, sha256: Digest, provenance: &Provenance) -> Self {
        let definition = &provenance.build_definition;
        Self::of(name, sha256, &provenance.run_details, &json!(definition))
            .with(&definition.resolved_dependencies)
    }

    /// An image, or an index of images.
    pub fn of_image(name: String, sha256: Digest, provenance: &ImageProvenance) -> Self {
        let definition = &provenance.build_definition;
        Self::of(name, sha256, &provenance.run_details, &json!(definition))
            .with(&definition.resolved_dependencies)
    }

    /// All of the definition but the inputs.
    fn of(name: String, sha256: Digest, run: &RunDetails, definition: &Value) -> Self {
        let mut flat = BTreeMap::new();
        for key in ["buildType", "externalParameters", "internalParameters"] {
            flatten(key, &definition[key], &mut flat);
        }
        Self {
            name,
            sha256,
            builder: run.builder.id.clone(),
            programs: run.builder.version.clone(),
            parameters: flat,
            inputs: BTreeMap::new(),
        }
    }

    fn with(mut self, dependencies: &[ResourceDescriptor]) -> Self {
        for one in dependencies {
            let note = |key: &str| one.annotations.get(key).cloned();
            let name = note("package").or_else(|| one.name.clone());
            let mut name = name.or_else(|| one.uri.clone()).unwrap_or_default();
            if let Some(architecture) = note("image") {
                name = format!("{name} ({architecture})");
            }
            let role = note("role").unwrap_or_else(|| "input".to_owned());
            let digests = one.digest.iter();
            let digests = digests.map(|(algorithm, digits)| format!("{algorithm}:{digits}"));
            let digest: Vec<String> = digests.collect();
            let input = Input {
                version: note("version"),
                digest: digest.join(" "),
                uri: one.uri.clone(),
            };
            self.inputs.entry((role, name)).or_default().push(input);
        }
        self.inputs.values_mut().for_each(|inputs| inputs.sort());
        self
    }

    /// Everything by which `to` is different, in a fixed order.
    pub fn changes(&self, to: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut change = |kind: &str, name: &str, from: Option<String>, to: Option<String>| {
            if from != to {
                changes.push(Change {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    from,
                    to,
                });
            }
        };
        let some = |text: String| Some(text);
        change(
            "artifact",
            "name",
            some(self.name.clone()),
            some(to.name.clone()),
        );
        let digests = (self.sha256.to_string(), to.sha256.to_string());
        change("artifact", "digest", some(digests.0), some(digests.1));
        change(
            "builder",
            "id",
            some(self.builder.clone()),
            some(to.builder.clone()),
        );
        for (kind, from, to) in [
            ("program", &self.programs, &to.programs),
            ("parameter", &self.parameters, &to.parameters),
        ] {
            for name in union(from, to) {
                change(kind, name, from.get(name).cloned(), to.get(name).cloned());
            }
        }
        for key in union(&self.inputs, &to.inputs) {
            let (from, to) = (self.inputs.get(key), to.inputs.get(key));
            if from != to {
                let (from, to) = in_words(from, to);
                change(&key.0, &key.1, from, to);
            }
        }
        changes
    }
}

/// Keys of both, each once, in order.
fn union<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> Vec<&'a K> {
    let mut keys: Vec<&K> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// Two inputs, by as little as tells them apart: versions if these differ, else digests, else places.
fn in_words(
    from: Option<&Vec<Input>>,
    to: Option<&Vec<Input>>,
) -> (Option<String>, Option<String>) {
    let by = |tell: fn(&Input) -> Option<String>| {
        let text = |inputs: Option<&Vec<Input>>| {
            let inputs = inputs?.iter();
            let words: Vec<String> = inputs.filter_map(tell).collect();
            Some(words.join(", "))
        };
        (text(from), text(to))
    };
    let whole: fn(&Input) -> Option<String> = |input| {
        let version = input.version.as_ref();
        let version = version
            .map(|version| format!("{version} "))
            .unwrap_or_default();
        Some(format!("{version}{}", input.digest))
    };
    if from.is_none() || to.is_none() {
        return by(whole);
    }
    let differ = |(from, to): &(Option<String>, Option<String>)| from != to;
    let ways: [fn(&Input) -> Option<String>; 2] = [|input| input.version.clone(), whole];
    let found = ways.into_iter().map(by).find(differ);
    found.unwrap_or_else(|| by(|input| input.uri.clone()))
}

/// Every leaf of a document by its place in it.
fn flatten(place: &str, value: &Value, to: &mut BTreeMap<String, String>) {
    let below = |key: &str| match place {
        "" => key.to_owned(),
        place => format!("{place}.{key}"),
    };
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                flatten(&below(key), value, to);
            }
        }
        Value::Array(values) => {
            let text = Value::Array(values.clone()).to_string();
            to.insert(place.to_owned(), text);
        }
        Value::Null => {}
        Value::String(text) => {
            to.insert(place.to_owned(), text.clone());
        }
        other => {
            to.insert(place.to_owned(), other.to_string());
        }
    }
}

impl Change {
    /// The change in a line, without control characters.
    pub fn line(&self) -> String {
        let short = |text: &String| match text.char_indices().nth(SHOWN) {
            None if text.is_empty() => "(empty)".to_owned(),
            None => text.clone(),
            Some((end, _)) => format!("{}…", &text[..end]),
        };
        let Self { kind, name, .. } = self;
        let text = match (&self.from, &self.to) {
            (Some(from), Some(to)) => format!("{kind} {name}: {} → {}", short(from), short(to)),
            (None, Some(to)) => format!("{kind} {name}: new, {}", short(to)),
            (Some(from), None) => format!("{kind} {name}: gone, was {}", short(from)),
            (None, None) => format!("{kind} {name}"),
        };
        text.chars().map(crate::verify::harmless).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::Derivation;
    use crate::test_documents::{Run, issuer, run};

    fn compared(change: impl Fn(&mut Run)) -> Compared {
        let (issuer, mut run) = (issuer("https://factory.example.com"), run());
        change(&mut run);
        run.reseal();
        let derivation = Derivation::new(&issuer, run.evidence()).unwrap();
        let provenance = derivation.provenance().unwrap().predicate;
        let output = &run.record.outputs[0];
        Compared::of_package(output.file.clone(), output.sha256, &provenance)
    }

    #[test]
    fn nothing_is_different_between_two_runs_of_the_same() {
        let again = compared(|run| {
            run.record.invocation_id = "4567".to_owned();
            run.record.finished_on = "2026-11-23T11:00:00Z".parse().unwrap();
        });
        assert_eq!(compared(|_| {}).changes(&again), []);
    }

    #[test]
    fn what_changed_is_said_by_what_tells_it_apart() {
        let to = compared(|run| {
            run.job_spec.limits.memory_mib = 2048;
            run.record.build_machine.memory_mib = 2048;
            let tested = run.record.tests[0].machine.as_mut();
            tested.unwrap().memory_mib = 2048;
            let packages = &mut run.lock.packages;
            packages[0].version = "2.13-r0".to_owned();
            packages[0].sha256 = Digest::of("another gcc");
            let mut make = packages[0].clone();
            make.name = "make".to_owned();
            packages.push(make);
            run.lock.sources[0].sha256 = Digest::of("another source");
            run.lock.pipelines.clear();
        });
        let changes = compared(|_| {}).changes(&to);
        let lines: Vec<String> = changes.iter().map(Change::line).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_strangers_wrote_commands_no_terminal() {
        let change = Change {
            kind: "source".to_owned(),
            name: "a\u{1b}[31m".to_owned(),
            from: None,
            to: Some("\u{202e}b".repeat(200)),
        };
        let line = change.line();
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{line}");
        assert!(line.chars().count() < 250, "{line}");
    }
}
