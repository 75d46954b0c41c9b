//! `--complete`: whether what the provenance lists is all that the build had.

use super::attested::Attested;
use crate::print::{Hint, plain_line};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What is measured of a guest before it starts; the same list gives the same of each.
const MEASURED: [&str; 5] = [
    "environment-disk",
    "sources-disk",
    "kernel",
    "initramfs",
    "agent",
];

/// What entered the guest of a rebuild that was made from the list alone.
#[derive(Debug)]
pub(in crate::commands) struct Completeness {
    file: String,
    /// As the worker explains it.
    entered: Value,
    /// What was measured of the original's guest, and is the same again.
    measured: Vec<(&'static str, String)>,
}

impl Completeness {
    /// Holds the rebuild's guest against the original's. The packages themselves are compared
    /// elsewhere.
    pub(super) fn new(
        file: &str,
        original: &Attested,
        rebuilt: &Attested,
        result: &Value,
    ) -> Result<Self> {
        let entered = result.get("entered").filter(|found| found.is_object());
        let entered = entered.context("the worker does not say what entered its guest")?;
        let mut measured = Vec::new();
        for name in MEASURED {
            let (before, after) = (original.measured.get(name), rebuilt.measured.get(name));
            match (before, after) {
                (Some(before), Some(after)) if before == after => {
                    measured.push((name, before.clone()));
                }
                (None, None) => {}
                _ => return Err(different(file, name, before, after)),
            }
        }
        if measured.is_empty() {
            bail!("{file}: its provenance has no digest of what its guest was given");
        }
        Ok(Self {
            file: file.to_owned(),
            entered: entered.clone(),
            measured,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let measured = self
            .measured
            .iter()
            .map(|(name, digest)| json!({"name": name, "sha256": digest}));
        json!({
            "file": self.file,
            "measured": measured.collect::<Vec<_>>(),
            "entered": self.entered,
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("complete: {}\n", self.file);
        let mut line = |name: &str, what: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<18} {}", plain_line(&what));
        };
        for disk in ["environment", "sources"] {
            line(&format!("{disk} disk"), disk_line(&self.entered[disk]));
        }
        line(
            "kernel command",
            explained(&self.entered["command_line"], "words"),
        );
        line("messages", explained(&self.entered["messages"], "messages"));
        let names: Vec<&str> = self.measured.iter().map(|(name, _)| *name).collect();
        line("the same again", names.join(", "));
        let exceptions = strings(&self.entered["exceptions"]);
        line("in no list", exceptions.join(", "));
        text
    }
}

fn different(
    file: &str,
    name: &str,
    before: Option<&String>,
    after: Option<&String>,
) -> anyhow::Error {
    let shown = |digest: Option<&String>| digest.map_or("none", String::as_str).to_owned();
    let (before, after) = (shown(before), shown(after));
    let hint = match name {
        "agent" | "initramfs" => "rebuild with the version of Bessemer that built it",
        "kernel" => "name the repository whose kernel package it was built with",
        _ => "the list does not give this disk again; please report it",
    };
    anyhow!("{file}: the {name} of the guest was {before}, and is {after} from what is listed")
        .context(Hint(hint.to_owned()))
}

fn disk_line(disk: &Value) -> String {
    let contents: Vec<u64> = disk["contents"]
        .as_object()
        .map(|items| items.values().filter_map(Value::as_u64).collect())
        .unwrap_or_default();
    let number = |name: &str| disk[name].as_u64().unwrap_or_default();
    format!(
        "{} bytes of {} listed items, {} derived from them, {} of zeros, none of anything else",
        contents.iter().sum::<u64>(),
        contents.len(),
        number("derived"),
        number("zeros")
    )
}

/// How many there are, and of what they follow.
fn explained(list: &Value, what: &str) -> String {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let mut origins: Vec<&str> = Vec::new();
    for from in list.iter().filter_map(|one| one["from"].as_str()) {
        if !origins.contains(&from) {
            origins.push(from);
        }
    }
    if list.is_empty() {
        return "none: there was no machine".to_owned();
    }
    format!("{} {what}, from {}", list.len(), origins.join("; "))
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn attested(kernel: &str) -> Attested {
        let measured = [("environment-disk", "aa"), ("kernel", kernel)];
        let measured = measured.map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        Attested {
            builder: String::new(),
            packages: BTreeMap::new(),
            workspace: Vec::new(),
            debug: false,
            network: None,
            resources: None,
            measured: measured.into(),
        }
    }

    #[test]
    fn the_guest_must_have_been_given_the_same() {
        let result = json!({"entered": {
            "environment": {"contents": {"a-1": 3, "b-1": 4}, "derived": 5, "zeros": 6},
            "sources": {"contents": {}, "derived": 1, "zeros": 2},
            "command_line": [{"what": "quiet", "from": "bessemer"}],
            "messages": [{"what": "configure", "from": "x"}, {"what": "run", "from": "x"}],
            "exceptions": ["clock"],
        }});
        let found = Completeness::new("a.apk", &attested("k"), &attested("k"), &result).unwrap();
        insta::assert_snapshot!(found.to_text());
        let error = Completeness::new("a.apk", &attested("k"), &attested("l"), &result);
        let error = format!("{:#}", error.unwrap_err());
        assert!(
            error.contains("the kernel of the guest was k, and is l"),
            "{error}"
        );
        let error = Completeness::new("a.apk", &attested("k"), &attested("k"), &json!({}));
        assert!(error.is_err());
    }
}
