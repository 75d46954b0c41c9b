//! The layers of a jail, as the client is told of them.

use std::fmt::Display;
use std::io::{self, Write};

/// What a jail can consist of. The names are part of the protocol and stand in provenance.
#[derive(Debug, Default)]
pub(crate) struct Layers(Vec<String>);

impl Layers {
    /// In force.
    pub(crate) fn applied(&mut self, name: &str) {
        self.0.push(format!("+{name}"));
    }

    /// Wanted by the profile, and not in force.
    pub(crate) fn missing(&mut self, name: &str, reason: impl Display) {
        let reason = reason.to_string().replace(['\n', '\r'], " ");
        self.0.push(format!("-{name}: {reason}"));
    }

    /// One or the other.
    pub(crate) fn record<E: Display>(&mut self, name: &str, result: Result<(), E>) {
        match result {
            Ok(()) => self.applied(name),
            Err(error) => self.missing(name, error),
        }
    }

    /// A line for each.
    pub(crate) fn write(&self, mut target: impl Write) -> io::Result<()> {
        let mut text = self.text();
        text.push('\n');
        target.write_all(text.as_bytes())
    }

    /// The lines that another process wrote.
    pub(crate) fn extend_from(&mut self, text: &str) {
        self.0.extend(text.lines().map(str::to_owned));
    }

    /// All lines.
    pub(crate) fn text(&self) -> String {
        self.0.join("\n")
    }
}
