//! What a recipe says of licences, against what was found.

use crate::classify::{CONFIDENT, Match};
use serde::Serialize;
use spdx::{Expression, LicenseItem, ParseMode};

/// An entry of the recipe's `copyright`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// An SPDX expression, or whatever is written.
    pub license: String,
    /// The file with its text; empty when the entry does not say.
    pub path: String,
    /// What detection finds there, as somebody knows and accepts; empty when nothing is accepted.
    pub detection_override: String,
}

/// A licence found in a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detected {
    /// The file's path in the workspace.
    pub path: String,
    /// The identifiers whose text it is, the preferred one first; empty when it is none of the list.
    pub licenses: &'static [&'static str],
    /// 0.8 to 1; 0 when it is none of the list.
    pub confidence: f32,
}

/// Where recipe and sources disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The file's path in the workspace.
    pub path: String,
    /// What the recipe says of that file; `None` when no entry has what was found.
    pub declared: Option<String>,
    /// What was found, as in [`Detected::licenses`].
    pub detected: &'static [&'static str],
    /// What the recipe says would be found there.
    pub detection_override: Option<String>,
}

impl Detected {
    /// One entry for each licence in a file; a file with none has one entry, too.
    pub fn of_file(path: &str, matches: &[Match]) -> Vec<Self> {
        let entry = |licenses, confidence| Self {
            path: path.to_owned(),
            licenses,
            confidence,
        };
        let mut entries: Vec<Self> = Vec::new();
        for found in matches {
            // Copies of one licence in one file say it once.
            match entries.iter_mut().find(|entry| entry.licenses == found.ids) {
                Some(known) => known.confidence = known.confidence.max(found.confidence),
                None => entries.push(entry(found.ids, found.confidence)),
            }
        }
        if entries.is_empty() {
            entries.push(entry(&[], 0.0));
        }
        entries
    }

    /// Whether it is to be believed.
    pub fn is_confident(&self) -> bool {
        self.confidence >= CONFIDENT
    }

    /// Whether one of the licences obliges to publish what is built with it.
    pub fn is_copyleft(&self) -> bool {
        let id = self.licenses.first().and_then(|id| spdx::license_id(id));
        id.is_some_and(spdx::LicenseId::is_copyleft)
    }

    fn is_among(&self, ids: &[String]) -> bool {
        self.licenses
            .iter()
            .any(|own| ids.iter().any(|id| id == own))
    }
}

/// The licences that an expression names, exceptions left out. A text that is no expression is taken
/// apart at AND and OR.
pub fn declared_ids(license: &str) -> Vec<String> {
    let Some(expression) = parsed(license) else {
        return words(license);
    };
    let name = |item: &LicenseItem| match item {
        LicenseItem::Spdx { id, .. } => id.name.to_owned(),
        other @ LicenseItem::Other(_) => other.to_string(),
    };
    let requirements = expression.requirements();
    requirements.map(|found| name(&found.req.license)).collect()
}

/// The names of what is not quite an expression; those of exceptions follow `WITH`.
fn words(license: &str) -> Vec<String> {
    let words = license.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let is_name = |at: usize| {
        !matches!(words[at], "AND" | "OR" | "WITH") && (at == 0 || words[at - 1] != "WITH")
    };
    let names = (0..words.len()).filter(|at| is_name(*at));
    names.map(|at| words[at].to_owned()).collect()
}

fn parsed(license: &str) -> Option<Expression> {
    let mode = ParseMode {
        allow_deprecated: true,
        ..ParseMode::STRICT
    };
    Expression::parse_mode(license, mode).ok()
}

/// Compares file by file, as melange does: an entry with a path answers for that file alone, one
/// without a path for every file with its licence. Only confident detections count.
pub fn differences(declared: &[Declared], detected: &[Detected]) -> Vec<Difference> {
    let confident = detected.iter().filter(|found| found.is_confident());
    confident
        .filter_map(|found| difference(declared, found))
        .collect()
}

fn difference(declared: &[Declared], found: &Detected) -> Option<Difference> {
    let differs = |entry: Option<&Declared>| Difference {
        path: found.path.clone(),
        declared: entry.map(|entry| entry.license.clone()),
        detected: found.licenses,
        detection_override: entry
            .map(|entry| entry.detection_override.clone())
            .filter(|text| !text.is_empty()),
    };
    let own: Vec<&Declared> = declared
        .iter()
        .filter(|entry| entry.path == found.path)
        .collect();
    if own.iter().any(|entry| answers(entry, found)) {
        return None;
    }
    if let Some(entry) = own.first() {
        return Some(differs(Some(entry)));
    }
    let without_path = declared.iter().filter(|entry| entry.path.is_empty());
    let named = without_path.into_iter().any(|entry| answers(entry, found));
    (!named).then(|| differs(None))
}

/// Whether an entry says this licence, or knows that it is found.
fn answers(entry: &Declared, found: &Detected) -> bool {
    let overridden = !entry.detection_override.is_empty()
        && found.licenses.contains(&entry.detection_override.as_str());
    overridden || found.is_among(&declared_ids(&entry.license))
}

/// How `copyright` is written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An entry for each file.
    Flat,
    /// One entry, with all licences joined by AND.
    Simple,
}

/// An entry of the new `copyright`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The old entry of this index, as it is.
    Kept(usize),
    /// A new one.
    New {
        /// The licence.
        license: String,
        /// The file with its text; empty for none.
        path: String,
    },
}

/// What `copyright` has to be so that nothing differs: old entries that answer for something that
/// was found stay as they are, the others go, and what no entry says is added. `None` when there is
/// nothing to mend.
pub fn mend(declared: &[Declared], detected: &[Detected], format: Format) -> Option<Vec<Entry>> {
    if differences(declared, detected).is_empty() {
        return None;
    }
    let confident: Vec<&Detected> = detected.iter().filter(|one| one.is_confident()).collect();
    let mut entries = match format {
        Format::Simple => return Some(vec![joined(declared, &confident)]),
        Format::Flat => kept(declared, &confident),
    };
    for found in confident {
        let said = entries.iter().any(|entry| match entry {
            Entry::Kept(index) => speaks(&declared[*index], found),
            Entry::New { license, path } => *path == found.path && found.licenses[0] == license,
        });
        if !said {
            entries.push(Entry::New {
                license: found.licenses[0].to_owned(),
                path: found.path.clone(),
            });
        }
    }
    Some(entries)
}

fn kept(declared: &[Declared], confident: &[&Detected]) -> Vec<Entry> {
    let useful = |entry: &Declared| confident.iter().any(|found| speaks(entry, found));
    let kept = declared.iter().enumerate();
    kept.filter(|(_, entry)| useful(entry))
        .map(|(index, _)| Entry::Kept(index))
        .collect()
}

/// Whether an entry answers for what was found in that file.
fn speaks(entry: &Declared, found: &Detected) -> bool {
    (entry.path.is_empty() || entry.path == found.path) && answers(entry, found)
}

/// The preferred identifiers, or those of them that the recipe has been saying.
fn joined(declared: &[Declared], confident: &[&Detected]) -> Entry {
    let said: Vec<String> = declared
        .iter()
        .flat_map(|entry| declared_ids(&entry.license))
        .collect();
    let name = |found: &&Detected| {
        let own = found
            .licenses
            .iter()
            .find(|id| said.iter().any(|said| said == *id));
        *own.unwrap_or(&found.licenses[0])
    };
    let mut names: Vec<&str> = confident.iter().map(name).collect();
    names.sort_unstable();
    names.dedup();
    Entry::New {
        license: names.join(" AND "),
        path: String::new(),
    }
}

#[cfg(test)]
mod tests;
