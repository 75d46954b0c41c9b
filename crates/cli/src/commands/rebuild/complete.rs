//! `--complete`: whether what the provenance lists is all that the build had.

use super::answers::Answers;
use super::attested::Attested;
use super::reading::Original;
use super::told::{Documents, Told};
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
    /// The build that it is of.
    origin: (String, String, String),
    /// Whether every package of it that was compared is the same again.
    equal: bool,
    /// As the worker explains it.
    entered: Value,
    /// What was measured of the original's guest, and is the same again.
    measured: Vec<(&'static str, String)>,
    /// What the original's guest was told, against this one's.
    told: Told,
    /// What servers gave them.
    answers: Answers,
}

impl Completeness {
    /// Holds the rebuild's guest against the original's. The packages themselves are compared
    /// elsewhere, and [`Completeness::compared`] is told.
    pub(super) fn new(
        package: &Original,
        original: &Attested,
        rebuilt: &Attested,
        result: &Value,
        documents: &Documents,
    ) -> Result<Self> {
        let entered = result.get("entered").filter(|found| found.is_object());
        let entered = entered.context("the worker does not say what entered its guest")?;
        let file = &package.file;
        let mut measured = Vec::new();
        for name in MEASURED {
            let (before, after) = (original.measured.get(name), rebuilt.measured.get(name));
            match (before, after) {
                (Some(before), Some(after)) if before == after => {
                    measured.push((name, before.clone()));
                }
                (None, None) => {}
                _ => return Err(different(file, name, before, after, original)),
            }
        }
        if measured.is_empty() {
            bail!("{file}: its provenance has no digest of what its guest was given");
        }
        let told = Told::compare(original.guest_inputs, rebuilt.guest_inputs, documents)?;
        Ok(Self {
            file: file.clone(),
            origin: package.origin(),
            equal: true,
            entered: entered.clone(),
            measured,
            told,
            answers: Answers::compare(file, &original.answers, &rebuilt.answers)?,
        })
    }

    /// Whether a package is of this build.
    pub(super) fn is_of(&self, package: &Original) -> bool {
        self.origin == package.origin()
    }

    /// Takes in whether a package of this build is the same again.
    pub(super) fn compared(&mut self, equal: bool) {
        self.equal &= equal;
    }

    /// Whether it is shown that the list is all that the original had.
    pub(super) fn is_complete(&self) -> bool {
        self.reasons().is_empty()
    }

    /// Why that is not shown.
    fn reasons(&self) -> Vec<&'static str> {
        let bytes = (!self.equal).then_some("different");
        bytes.into_iter().chain(self.told.reason()).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let measured = self
            .measured
            .iter()
            .map(|(name, digest)| json!({"name": name, "sha256": digest}));
        json!({
            "file": self.file,
            "complete": self.is_complete(),
            "measured": measured.collect::<Vec<_>>(),
            "entered": self.entered,
            "guest_inputs": self.told.to_json(),
            "network": self.answers.to_json(),
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = if self.is_complete() {
            format!("complete: {}\n", self.file)
        } else {
            let reasons = self.reasons().join(", and ");
            format!("explained: {}, but {reasons}\n", self.file)
        };
        let mut line = |name: &str, what: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<18} {}", plain_line(&what));
        };
        for disk in ["environment", "sources"] {
            line(&format!("{disk} disk"), disk_line(&self.entered[disk]));
        }
        line("writable disks", writable(&self.entered["writable"]));
        line(
            "kernel command",
            explained(&self.entered["command_line"], "words"),
        );
        line("messages", explained(&self.entered["messages"], "messages"));
        let names: Vec<&str> = self.measured.iter().map(|(name, _)| *name).collect();
        line("the same again", names.join(", "));
        let lists = [
            ("network", self.answers.lines()),
            ("the original's", self.told.lines()),
        ];
        for (name, lines) in lists {
            let names = std::iter::once(name).chain(std::iter::repeat(""));
            for (name, what) in names.zip(lines) {
                line(name, what);
            }
        }
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
    original: &Attested,
) -> anyhow::Error {
    let shown = |digest: Option<&String>| digest.map_or("none", String::as_str).to_owned();
    let (before, after) = (shown(before), shown(after));
    let hint = match name {
        "agent" | "initramfs" => "rebuild with the version of Bessemer that built it",
        "sources-disk" if !original.workspace.is_empty() => {
            "name with --source-dir the folder as it was when the package was built"
        }
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

/// Sizes and contents of the writable disks.
fn writable(list: &Value) -> String {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let disks = list.iter().map(|disk| {
        let number = |name: &str| disk[name].as_u64().unwrap_or_default();
        let name = disk["name"].as_str().unwrap_or_default();
        let mib = number("size") >> 20;
        match number("filled") {
            0 => format!("{name} of {mib} MiB, zeros"),
            blocks => format!("{name} of {mib} MiB, an empty file system in {blocks} blocks"),
        }
    });
    disks.collect::<Vec<_>>().join("; ")
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
    use crate::commands::rebuild::tests::fixture;
    use bessemer_digest::Digest;
    use bessemer_store::Store;
    use std::collections::BTreeMap;

    fn attested(kernel: &str) -> Attested {
        let measured = [("environment-disk", "aa"), ("kernel", kernel)];
        let measured = measured.map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        Attested {
            builder: String::new(),
            packages: BTreeMap::new(),
            order: Vec::new(),
            workspace: Vec::new(),
            debug: false,
            network: None,
            answers: Vec::new(),
            resources: None,
            measured: measured.into(),
            guest_inputs: Some(Digest::of("inputs")),
        }
    }

    fn package() -> Original {
        Original::read(&fixture("perl-json-4.11-r0.apk")).unwrap()
    }

    #[test]
    fn the_guest_must_have_been_given_the_same() {
        let result = json!({"entered": {
            "environment": {"contents": {"a-1": 3, "b-1": 4}, "derived": 5, "zeros": 6},
            "sources": {"contents": {}, "derived": 1, "zeros": 2},
            "writable": [
                {"name": "scratch", "size": 4 << 20, "filled": 40},
                {"name": "output", "size": 1 << 20, "filled": 0},
            ],
            "command_line": [{"what": "quiet", "from": "bessemer"}],
            "messages": [{"what": "configure", "from": "x"}, {"what": "run", "from": "x"}],
            "exceptions": ["clock"],
        }});
        let package = package();
        let folder = tempfile::tempdir().unwrap();
        let documents = Documents {
            store: Store::open(folder.path().join("store")).unwrap(),
            beside: folder.path().join("beside"),
        };
        let again = |kernel, result| {
            let (one, two) = (attested("k"), attested(kernel));
            Completeness::new(&package, &one, &two, result, &documents)
        };
        let mut found = again("k", &result).unwrap();
        assert!(found.is_of(&package));
        found.compared(true);
        assert_eq!(found.to_json()["complete"], true);
        insta::assert_snapshot!(found.to_text());
        // Everything is explained, and yet the list did not give the package.
        found.compared(false);
        found.compared(true);
        assert_eq!(found.to_json()["complete"], false);
        let text = found.to_text();
        let first = "explained: perl-json-4.11-r0.apk, but different\n";
        assert!(text.starts_with(first), "{text}");
        // So it is when the bytes are the same and the guest was told something that is not known.
        let mut older = attested("k");
        older.guest_inputs = None;
        let again_told = attested("k");
        let found = Completeness::new(&package, &older, &again_told, &result, &documents).unwrap();
        assert!(!found.is_complete());
        let text = found.to_text();
        assert!(text.contains("names no guest-inputs"), "{text}");
        assert!(!text.contains("complete:"), "{text}");
        let error = again("l", &result);
        let error = format!("{:#}", error.unwrap_err());
        assert!(
            error.contains("the kernel of the guest was k, and is l"),
            "{error}"
        );
        assert!(again("k", &json!({})).is_err());
    }
}
