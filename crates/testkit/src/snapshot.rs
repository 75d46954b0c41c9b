//! Texts that are compared with files.

use std::fs;
use std::path::Path;

/// Replaces what differs from run to run.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    texts: Vec<(String, &'static str)>,
}

impl Filter {
    /// Replaces nothing but what every text has replaced: digests and seconds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `text` as well, in the order of the calls.
    #[must_use]
    pub fn with(mut self, text: impl Into<String>, by: &'static str) -> Self {
        self.texts.push((text.into(), by));
        self
    }

    /// The text with everything replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, by) in &self.texts {
            text = text.replace(from.as_str(), by);
        }
        let words = |line: &str| {
            let line = without_seconds(line);
            hexadecimal(&line)
        };
        let mut filtered = text.lines().map(words).collect::<Vec<_>>().join("\n");
        if text.ends_with('\n') {
            filtered.push('\n');
        }
        filtered
    }
}

/// Compares with the file, or writes it where `BLESS` is set.
#[track_caller]
pub fn compare(file: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(file, actual).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        return;
    }
    let expected = fs::read_to_string(file).unwrap_or_else(|error| {
        panic!("{}: {error}; BLESS=1 writes it:\n{actual}", file.display())
    });
    assert_eq!(
        actual,
        expected,
        "{} says otherwise; BLESS=1 rewrites it",
        file.display()
    );
}

/// A progress line begins with the seconds since the start, right-aligned in eight columns.
fn without_seconds(line: &str) -> String {
    let is_time = |text: &str| {
        text.strip_suffix('s')
            .is_some_and(|number| number.trim_start().parse::<f64>().is_ok())
    };
    match line.split_at_checked(8) {
        Some((time, rest)) if is_time(time) => format!("   [TIME]{rest}"),
        _ => line.to_owned(),
    }
}

/// Replaces runs of sixteen or more hexadecimal digits.
fn hexadecimal(line: &str) -> String {
    let mut filtered = String::new();
    let mut run = String::new();
    for letter in line.chars().chain(['\n']) {
        if letter.is_ascii_hexdigit() && !letter.is_ascii_uppercase() {
            run.push(letter);
            continue;
        }
        if run.len() < 16 {
            filtered.push_str(&run);
        } else {
            filtered.push_str("[HEX]");
        }
        run.clear();
        filtered.push(letter);
    }
    filtered.pop();
    filtered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_replaced() {
        let filter = Filter::new().with("/tmp/x", "[DIR]");
        let text =
            "    0.4s sources: 0 archives of 10s\nsha256:0123456789abcdef0 /tmp/x/a deadbeef\n";
        let expected = "   [TIME] sources: 0 archives of 10s\nsha256:[HEX] [DIR]/a deadbeef\n";
        assert_eq!(filter.apply(text), expected);
    }
}
