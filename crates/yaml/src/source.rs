//! Source files, positions in them, and diagnostics that point at them.

use std::fmt;

/// A recipe or pipeline file as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFile {
    /// The name that diagnostics show, usually the path as the user gave it.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// The name that documents have: nothing in it tells where the file is on this machine.
    recorded: String,
}

impl SourceFile {
    /// Takes a name and a text; documents have the name's last component.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            recorded: name.rsplit('/').next().unwrap_or_default().to_owned(),
            name,
            text: text.into(),
        }
    }

    /// The same with another name in documents.
    #[must_use]
    pub fn recorded_as(mut self, recorded: impl Into<String>) -> Self {
        self.recorded = recorded.into();
        self
    }

    /// The name that documents have.
    pub fn recorded(&self) -> &str {
        &self.recorded
    }

    /// A diagnostic where the file has `text` for the first time, if it has it anywhere. For what
    /// becomes wrong after the recipe was compiled.
    pub fn find(&self, text: &str, message: impl Into<String>) -> Option<Diagnostic> {
        let lines = (1_u64..).zip(self.text.lines());
        let position = lines.into_iter().find_map(|(line, content)| {
            let before = &content[..content.find(text)?];
            let column = before.chars().count() as u64 + 1;
            Some(Position { line, column })
        })?;
        Some(self.diagnostic(Some(position), message))
    }

    /// A diagnostic at `position` in this file.
    pub fn diagnostic(&self, position: Option<Position>, message: impl Into<String>) -> Diagnostic {
        let excerpt = position.and_then(|position| {
            let index = usize::try_from(position.line).ok()?.checked_sub(1)?;
            self.text
                .lines()
                .nth(index)
                .map(|line| line.chars().take(EXCERPT_CHARS).map(shown).collect())
        });
        Diagnostic {
            file: self.name.clone(),
            position,
            message: message.into().chars().map(shown).collect(),
            hint: None,
            excerpt,
        }
    }
}

/// A character as a terminal may be given it: nothing moves the cursor, and columns stay.
fn shown(character: char) -> char {
    match character {
        '\t' => ' ',
        other if other.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// How much of a source line a diagnostic carries.
const EXCERPT_CHARS: usize = 300;

/// A place in a file: line and column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
}

/// What is wrong, where, and what may be meant instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file's name.
    pub file: String,
    /// Where in the file, when known.
    pub position: Option<Position>,
    /// What is wrong: lower case, no final dot.
    pub message: String,
    /// What may be meant instead, or how to put it right.
    pub hint: Option<String>,
    /// The source line at `position`, cut at 300 characters.
    pub excerpt: Option<String>,
}

impl Diagnostic {
    /// Adds a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(formatter, ":{line}:{column}")?;
        }
        write!(formatter, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_where_they_are() {
        let file = SourceFile::new("f", "a: b\né: xyz\n");
        let found = file.find("xyz", "m").unwrap();
        assert_eq!(found.position, Some(Position { line: 2, column: 4 }));
        assert_eq!(file.find("nothing", "m"), None);
    }

    #[test]
    fn what_is_shown_cannot_drive_a_terminal() {
        let file = SourceFile::new("f", "a:\t\u{1b}[31mb\u{7}\n");
        let diagnostic = file.diagnostic(Some(Position { line: 1, column: 1 }), "no \u{1b}[2J");
        assert_eq!(
            diagnostic.excerpt.as_deref(),
            Some("a: \u{fffd}[31mb\u{fffd}")
        );
        assert_eq!(diagnostic.message, "no \u{fffd}[2J");
    }
}
