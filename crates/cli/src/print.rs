//! What a person or a program reads: errors, progress, results.

use bessemer_build::{Event, Reporter};
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

/// Prints an error with its causes, and its hints last.
pub(crate) fn failure(error: &anyhow::Error) {
    let mut lines = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if lines
            .last()
            .is_none_or(|last: &String| !last.ends_with(&text))
        {
            lines.push(text);
        }
    }
    let (head, rest) = lines
        .split_first()
        .map_or(("failed", &[][..]), |(head, rest)| (head, rest));
    let mark = if colour() {
        "\x1b[1;31merror\x1b[0m"
    } else {
        "error"
    };
    eprintln!("{mark}: {head}");
    for cause in rest {
        eprintln!("  caused by: {cause}");
    }
}

/// Whether standard error is a terminal that wants colour (<https://no-color.org>).
pub(crate) fn colour() -> bool {
    std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a result as one JSON document.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Progress on standard error: one line a stage with the seconds since the start, and the output
/// of steps as it comes.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    quiet_output: bool,
}

impl Progress {
    /// Begins to count seconds. `quiet_output` leaves out what steps print.
    pub(crate) fn new(quiet_output: bool) -> Self {
        Self {
            start: Instant::now(),
            quiet_output,
        }
    }

    fn line(&self, text: &str) {
        eprintln!("{:>7.1}s {text}", self.start.elapsed().as_secs_f64());
    }
}

impl Reporter for Progress {
    fn report(&mut self, event: Event<'_>) {
        match event {
            Event::Stage { name, detail } => self.line(&format!("{name}: {detail}")),
            Event::Note(text) => self.line(&format!("note: {text}")),
            Event::Step { id, name } => self.line(&format!("step {id}: {name}")),
            Event::Output(bytes) if !self.quiet_output => {
                // What a guest prints must not reach a person's terminal as commands to it.
                let text = printable(bytes);
                let mut out = std::io::stderr().lock();
                drop(out.write_all(text.as_bytes()));
            }
            // The person asked for a shell in the guest, so its terminal is theirs.
            Event::Terminal(bytes) => {
                let mut out = std::io::stdout().lock();
                drop(out.write_all(bytes).and_then(|()| out.flush()));
            }
            Event::Output(_) => {}
        }
    }
}

/// Text without control characters other than line ends and tabs.
pub(crate) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter,
            '\r' => '\n',
            letter if letter.is_control() => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn terminal_commands_from_a_guest_are_not_passed_on() {
        assert_eq!(super::printable(b"a\x1b[2Jb\tc\n"), "a\u{fffd}[2Jb\tc\n");
    }
}
