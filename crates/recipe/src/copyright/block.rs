//! The lines of `copyright` in a recipe's text.

use super::CopyrightEntry;
use crate::written::Copyright;
use std::ops::Range;

/// Where `copyright` stands.
#[derive(Debug)]
pub(super) struct Block<'t> {
    lines: Vec<&'t str>,
    /// The lines of its value; empty after the line of `version` when there is no such key.
    value: Range<usize>,
    /// The lines of each entry within `value`; none when the value is not a list of `- ` lines.
    items: Vec<Range<usize>>,
    /// The line of the key, when there is one, and what stands on it after the colon.
    key: Option<(usize, String)>,
    /// What new entries are indented with.
    indent: String,
}

impl<'t> Block<'t> {
    /// Finds it; `count` is the number of entries it has.
    pub(super) fn find(text: &'t str, count: usize) -> Option<Self> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let package = lines.iter().position(|line| {
            let rest = line.strip_prefix("package:");
            rest.is_some_and(|rest| code(rest).trim().is_empty())
        })?;
        let first = (package + 1..lines.len()).find(|at| !is_empty(lines[*at]))?;
        let own = indent(lines[first]);
        let end = (first..lines.len())
            .find(|at| !is_empty(lines[*at]) && indent(lines[*at]).is_empty())
            .unwrap_or(lines.len());
        let keyed = |name: &str| {
            (first..end).find(|at| {
                let rest = lines[*at].strip_prefix(own);
                rest.and_then(|rest| rest.strip_prefix(name))
                    .is_some_and(|rest| rest.starts_with([' ', '\n', '\r']) || rest.is_empty())
            })
        };
        let deeper = format!("{own}  ");
        let Some(key) = keyed("copyright:") else {
            let after = keyed("version:")? + 1;
            return (count == 0).then_some(Self {
                lines,
                value: after..after,
                items: Vec::new(),
                key: None,
                indent: deeper,
            });
        };
        let rest = &lines[key][own.len() + "copyright:".len()..];
        let inline = code(rest).trim().to_owned();
        if inline.starts_with(['&', '*', '!']) {
            return None;
        }
        let value = key + 1..value_end(&lines, key + 1, end, own);
        let items = items(&lines, &value);
        let listed = inline.is_empty() && items.len() == count;
        let flow = inline.starts_with('[') || count == 0;
        (listed || flow).then(|| Self {
            indent: items
                .first()
                .map_or(deeper, |item| indent(lines[item.start]).to_owned()),
            items: if listed { items } else { Vec::new() },
            value,
            key: Some((key, inline)),
            lines,
        })
    }

    /// The text with these entries.
    pub(super) fn with(&self, entries: &[CopyrightEntry], written: &[Copyright]) -> String {
        let ending = match self.lines.first() {
            Some(line) if line.ends_with("\r\n") => "\r\n",
            _ => "\n",
        };
        let kept = |index: usize| entries.contains(&CopyrightEntry::Kept(index));
        let mut text = String::new();
        let push = |line: &str, text: &mut String| {
            text.push_str(line);
            if !line.ends_with('\n') {
                text.push_str(ending);
            }
        };
        let until = self.key.as_ref().map_or(self.value.start, |(key, _)| *key);
        text.extend(self.lines[..until].iter().copied());
        match &self.key {
            None => text += &[&self.indent[..self.indent.len() - 2], "copyright:", ending].concat(),
            Some((key, inline)) if inline.is_empty() => push(self.lines[*key], &mut text),
            Some((key, inline)) => {
                let line = self.lines[*key].replacen(inline.as_str(), "", 1);
                push(line.trim_end(), &mut text);
            }
        }
        let mut at = self.value.start;
        while at < self.value.end {
            let item = self.items.iter().position(|item| item.start == at);
            let lines = match item {
                Some(index) => self.items[index].clone(),
                None => at..at + 1,
            };
            at = lines.end;
            let lines = &self.lines[lines];
            let stays = match item {
                Some(index) => kept(index),
                None => is_empty(lines[0]),
            };
            if stays {
                for line in lines {
                    push(line, &mut text);
                }
            } else {
                for comment in comments(lines) {
                    text += &[&self.indent, comment, ending].concat();
                }
            }
        }
        for entry in entries {
            match entry {
                CopyrightEntry::Kept(index) if !self.items.is_empty() => _ = index,
                CopyrightEntry::Kept(index) => {
                    let fields = fields(&written[*index]);
                    self.item(&fields, ending, &mut text);
                }
                CopyrightEntry::New {
                    license,
                    license_path,
                } => {
                    let mut fields = vec![("license", scalar(license))];
                    if !license_path.is_empty() {
                        fields.push(("license-path", scalar(license_path)));
                    }
                    self.item(&fields, ending, &mut text);
                }
            }
        }
        text.extend(self.lines[self.value.end..].iter().copied());
        text
    }

    fn item(&self, fields: &[(&str, String)], ending: &str, text: &mut String) {
        for (number, (key, value)) in fields.iter().enumerate() {
            let mark = if number == 0 { "- " } else { "  " };
            *text += &[&self.indent, mark, key, ": ", value, ending].concat();
        }
    }
}

/// An entry that was written in one line with others, as lines of its own.
fn fields(entry: &Copyright) -> Vec<(&'static str, String)> {
    let texts = [
        ("license", &entry.license),
        ("license-path", &entry.license_path),
        ("attestation", &entry.attestation),
        ("detection-override", &entry.detection_override),
    ];
    let mut fields: Vec<_> = texts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(key, text)| (key, scalar(text)))
        .collect();
    if !entry.paths.is_empty() {
        let paths: Vec<String> = entry.paths.iter().map(|path| scalar(path)).collect();
        fields.push(("paths", format!("[{}]", paths.join(", "))));
    }
    fields
}

/// Plain where that is safe, else in double quotes, whose escapes are those of JSON.
fn scalar(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let safe = |c: char| c.is_ascii_alphanumeric() || "._/+- ()".contains(c);
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if first && letters.all(safe) && !word && !text.ends_with(' ') {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

/// Where the value that starts at `start` ends: comments and empty lines after it are not its own.
fn value_end(lines: &[&str], start: usize, end: usize, own: &str) -> usize {
    let mut last = start;
    for (at, line) in lines.iter().enumerate().take(end).skip(start) {
        if is_empty(line) {
            continue;
        }
        let in_list = indent(line) == own && line[own.len()..].starts_with(['-', ']']);
        if indent(line).len() <= own.len() && !in_list {
            break;
        }
        last = at + 1;
    }
    last
}

/// The lines of each entry: from its dash to its last line that says something.
fn items(lines: &[&str], value: &Range<usize>) -> Vec<Range<usize>> {
    let Some(first) = value.clone().find(|at| !is_empty(lines[*at])) else {
        return Vec::new();
    };
    let own = indent(lines[first]);
    let mut items: Vec<Range<usize>> = Vec::new();
    for (at, line) in lines.iter().enumerate().take(value.end).skip(first) {
        let dash = indent(line) == own && line[own.len()..].starts_with("- ");
        if dash {
            items.push(at..at + 1);
        } else if let Some(item) = items.last_mut()
            && !is_empty(line)
        {
            item.end = at + 1;
        }
    }
    items
}

/// The comments of an entry, without what stands before them.
fn comments<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let mut comments = Vec::new();
    // Within a block of text a number sign is a character like others.
    let mut block: Option<usize> = None;
    for line in lines {
        let depth = indent(line).len();
        if line.trim().is_empty() || block.is_some_and(|own| depth > own) {
            continue;
        }
        block = None;
        let code = code(line);
        let comment = line[code.len()..].trim_end();
        if !comment.is_empty() {
            comments.push(comment);
        }
        let code = code
            .trim_end()
            .trim_end_matches(['+', '-', '1', '2', '3', '4']);
        if code.ends_with([':', '|', '>']) && code.trim_end_matches(['|', '>']).ends_with(": ") {
            let dashes = line.len() - line.trim_start_matches([' ', '-']).len();
            block = Some(dashes);
        }
    }
    comments
}

/// A line up to its comment.
fn code(line: &str) -> &str {
    let mut quote: Option<char> = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match quote {
            Some(open) if letter == open && before != '\\' => quote = None,
            None if letter == '#' && before.is_whitespace() => return &line[..at],
            None if matches!(letter, '\'' | '"') && " [{,:-".contains(before) => {
                quote = Some(letter);
            }
            Some(_) | None => {}
        }
        before = letter;
    }
    line
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches(' ').len()]
}

/// Nothing, or a comment alone.
fn is_empty(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}
