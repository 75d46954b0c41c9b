//! The one place that knows the YAML parser.

use crate::source::{Diagnostic, Position, SourceFile};
use crate::suggest::did_you_mean;
use crate::text::position_of;
use serde::de::DeserializeOwned;
use serde_saphyr::Error;

/// The largest file that is parsed, in bytes; the largest known recipe has a hundredth of it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Decodes one YAML document strictly: unknown and repeated keys are errors.
pub fn decode<T: DeserializeOwned>(file: &SourceFile) -> Result<T, Box<Diagnostic>> {
    if file.text.len() > MAX_BYTES {
        let message = format!("file has {} bytes, more than {MAX_BYTES}", file.text.len());
        return Err(Box::new(file.diagnostic(None, message)));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
    };
    serde_saphyr::from_str_with_options(&file.text, options)
        .map_err(|error| Box::new(explain(file, &error)))
}

fn explain(file: &SourceFile, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let position = error
        .location()
        .and_then(position_of)
        .or_else(|| last_position(file, error));
    let (message, hint) = match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => (
            format!("unknown key `{field}`"),
            did_you_mean(field, expected.iter().copied()).or_else(|| keys(expected)),
        ),
        Error::SerdeMissingField { field, .. } => (format!("key `{field}` is missing"), None),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("key `{key}` is given twice"), None)
        }
        Error::InvalidBooleanStrict { .. } => (
            "not a boolean".to_owned(),
            Some("write `true` or `false`".to_owned()),
        ),
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => (format!("found {unexpected}, expected {expected}"), None),
        Error::InvalidScalar {
            ty: "u64" | "usize",
            ..
        } => (
            "not a whole number".to_owned(),
            Some("write digits only, such as `0`".to_owned()),
        ),
        Error::Unexpected { expected, .. } => (format!("expected {}", plain(expected)), None),
        Error::Eof { .. } => ("the file is empty".to_owned(), None),
        Error::MultipleDocuments { .. } => (
            "a second YAML document begins here".to_owned(),
            Some("write one document in a file, without a `---` inside".to_owned()),
        ),
        other => {
            let message = first_line(&other.to_string());
            let message = match message.split_once("budget breached: ") {
                Some((_, what)) => format!("deeper or larger than a file may be: {what}"),
                None => message,
            };
            let hint = syntax_hint(&message);
            (message, hint)
        }
    };
    file.diagnostic(position, message).with_hint(hint)
}

/// An empty file has no place to point at but its start.
fn last_position(file: &SourceFile, error: &Error) -> Option<Position> {
    (matches!(error, Error::Eof { .. }) && file.text.trim().is_empty())
        .then_some(Position { line: 1, column: 1 })
}

/// The parser's names for what it expects, as a reader of recipes would say it.
fn plain(expected: &'static str) -> &'static str {
    match expected {
        "mapping start" => "a mapping (`key: value` lines)",
        "sequence start" => "a list (`- item` lines)",
        "string scalar" => "a text",
        other => other,
    }
}

/// The keys that may stand there, when they are few enough to read.
fn keys(expected: &[&str]) -> Option<String> {
    let quoted: Vec<String> = expected.iter().map(|key| format!("`{key}`")).collect();
    (1..=12)
        .contains(&quoted.len())
        .then(|| format!("known here: {}", quoted.join(", ")))
}

/// What to do about the mistakes in YAML that people make most.
fn syntax_hint(message: &str) -> Option<String> {
    let hints = [
        ("tabs disallowed", "indent with spaces"),
        (
            "mapping values are not allowed",
            "keys of one mapping start in one column, and a text with `: ` in it needs quotes",
        ),
        ("unclosed quote", "close it on the line where the text ends"),
        (
            "unknown anchor",
            "a text that starts with `*` needs quotes; else define the anchor with `&` above",
        ),
    ];
    hints
        .into_iter()
        .find(|(start, _)| message.contains(start))
        .map(|(_, hint)| hint.to_owned())
}

fn first_line(message: &str) -> String {
    let line = message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    let line = line.split_once(" at line ").map_or(line, |(head, _)| head);
    line.to_owned()
}
