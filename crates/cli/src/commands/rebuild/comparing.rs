//! Two packages side by side. What packages say of themselves is compared line by line, everything
//! else by digest; the signature is left out.

use super::contents::{Contents, Member};
use super::reading::{Original, RECIPE};
use super::summary::Written;
use crate::print::plain_line;
use bessemer_apk::{Entry, EntryKind};
use bessemer_recipe::Evaluated;
use serde_json::{Value, json};
use similar::TextDiff;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest time that two texts are compared.
const DIFF_TIME: Duration = Duration::from_secs(5);

/// How two packages of one name and version compare.
#[derive(Debug)]
pub(in crate::commands) struct Comparison {
    file: String,
    original: PathBuf,
    rebuilt: PathBuf,
    attested: bool,
    /// Whether the control members are the same bytes.
    control: bool,
    /// Whether the data members are.
    data: bool,
    changes: Vec<Change>,
    /// The summary that was signed of it.
    summary: Option<Written>,
}

/// A file that is not the same in both.
#[derive(Debug)]
struct Change {
    path: String,
    kind: &'static str,
    /// What there was and what there is, such as digests.
    before: Option<String>,
    after: Option<String>,
    /// The lines that differ.
    diff: Option<String>,
}

impl Comparison {
    /// Compares an original with the package that was built again.
    pub(super) fn new(
        original: &Original,
        attested: bool,
        path: &Path,
        rebuilt: &Contents,
    ) -> Self {
        let old = &original.contents;
        let paths: BTreeSet<&String> = old.members.keys().chain(rebuilt.members.keys()).collect();
        let changes = paths
            .into_iter()
            .filter_map(|path| change(path, old.members.get(path), rebuilt.members.get(path)));
        Self {
            file: original.file.clone(),
            original: original.path.clone(),
            rebuilt: path.to_path_buf(),
            attested,
            control: old.control.sha256 == rebuilt.control.sha256,
            data: old.data_sha256 == rebuilt.data_sha256,
            changes: changes.collect(),
            summary: None,
        }
    }

    /// Whether control and data are the same, byte for byte.
    pub(super) fn equal(&self) -> bool {
        self.control && self.data
    }

    /// Takes in where the summary is that was signed of it.
    pub(super) fn signed(&mut self, summary: Option<Written>) {
        self.summary = summary;
    }

    /// For a person.
    pub(super) fn to_text(&self, diff: bool) -> String {
        let word = if self.equal() { "equal" } else { "different" };
        let mut text = format!("{word}: {}\n", self.file);
        if let Some(summary) = &self.summary {
            let path = plain_line(&summary.envelope.display().to_string());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  signed: {path}");
        }
        if self.equal() || !diff {
            return text;
        }
        if self.changes.is_empty() {
            text.push_str("  the same files, but stored in another way\n");
        }
        for change in &self.changes {
            let parts = [&change.before, &change.after];
            let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  {} {}: {}",
                change.kind,
                change.path,
                parts.join(" -> ")
            );
            for line in change.diff.iter().flat_map(|diff| diff.lines()) {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    /// For a program.
    pub(super) fn to_json(&self) -> Value {
        let changes = self.changes.iter().map(|change| {
            json!({
                "path": change.path,
                "change": change.kind,
                "before": change.before,
                "after": change.after,
                "diff": change.diff,
            })
        });
        json!({
            "package": self.original,
            "rebuilt": self.rebuilt,
            "attested": self.attested,
            "equal": self.equal(),
            "control_equal": self.control,
            "data_equal": self.data,
            "summary": self.summary.as_ref().map(Written::to_json),
            "changes": changes.collect::<Vec<_>>(),
        })
    }
}

fn change(path: &str, old: Option<&Member>, new: Option<&Member>) -> Option<Change> {
    if old == new {
        return None;
    }
    let kind = match (old, new) {
        (Some(_), Some(_)) => "changed",
        (Some(_), None) => "removed",
        _ => "added",
    };
    let (mut before, mut after) = (old.map(digest), new.map(digest));
    if before == after {
        (before, after) = (old.map(properties), new.map(properties));
    }
    Some(Change {
        path: path.to_owned(),
        kind,
        before,
        after,
        diff: lines(path, old, new),
    })
}

fn digest(member: &Member) -> String {
    match member.entry.as_ref().map(|entry| &entry.kind) {
        None | Some(EntryKind::File { .. } | EntryKind::Hardlink { .. }) => {
            member.sha256.to_string()
        }
        Some(kind) => format!("{kind:?}"),
    }
}

fn properties(member: &Member) -> String {
    let of = |entry: &Entry| {
        let names: Vec<&str> = entry.xattrs.keys().map(String::as_str).collect();
        let kind = format!("{:?}", entry.kind);
        let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
        format!(
            "{kind} {:o} {}:{} {}",
            entry.mode,
            entry.uid,
            entry.gid,
            names.join(",")
        )
    };
    member.entry.as_ref().map_or_else(String::new, of)
}

/// A unified diff of what a package says of itself; scripts and other files have none.
fn lines(path: &str, old: Option<&Member>, new: Option<&Member>) -> Option<String> {
    let (old, new) = (old?.text.as_deref()?, new?.text.as_deref()?);
    let (old, new) = if path == RECIPE {
        (spread(old), spread(new))
    } else {
        (old.to_owned(), new.to_owned())
    };
    if old == new {
        return Some("the same content in another notation\n".to_owned());
    }
    let diff = TextDiff::configure()
        .timeout(DIFF_TIME)
        .diff_lines(&old, &new);
    let mut diff = diff.unified_diff();
    Some(
        diff.context_radius(1)
            .header("original", "rebuilt")
            .to_string(),
    )
}

/// An evaluated recipe with one value a line, whatever notation it was in.
fn spread(text: &str) -> String {
    let Ok(evaluated) = Evaluated::parse(RECIPE, text) else {
        return text.to_owned();
    };
    let mut lines = String::new();
    spread_value("", evaluated.configuration(), &mut lines);
    lines
}

fn spread_value(path: &str, value: &Value, lines: &mut String) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                spread_value(&format!("{path}.{key}"), value, lines);
            }
        }
        Value::Array(list) => {
            for (number, value) in list.iter().enumerate() {
                // A name in a list says more than its number, and stays when others come and go.
                let path = match value {
                    Value::String(_) => format!("{path}[]"),
                    _ => format!("{path}[{number}]"),
                };
                spread_value(&path, value, lines);
            }
        }
        Value::String(text) if text.contains('\n') => {
            for line in text.lines() {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "{path} | {line}");
            }
        }
        value => {
            let _ = writeln!(lines, "{path} = {value}");
        }
    }
}
