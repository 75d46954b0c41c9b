//! What a person or a program reads: errors, progress, results.

use crate::hints;
use anyhow::{Context as _, Result};
use bessemer_attest::verify::harmless;
use bessemer_build::{Event, Reporter};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Advice that goes with an error: `.context(Hint(…))`. It is shown last, after the causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hint(pub(crate) String);

impl fmt::Display for Hint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Prints an error with its causes, and its hint last.
pub(crate) fn failure(error: &anyhow::Error) {
    note_to_stderr(&described(error, colour()));
}

/// An error for a program: `error`, `causes` and, where there is one, `hint`.
pub(crate) fn failure_json(error: &anyhow::Error) -> serde_json::Value {
    let (lines, hint) = parts(error);
    let (head, causes) = split(&lines);
    let mut value = serde_json::json!({"error": head, "causes": causes});
    if let Some(hint) = hint {
        value["hint"] = hint.into();
    }
    value
}

/// The message with its causes in one line, without the hint.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    plain_line(&parts(error).0.join(": "))
}

/// The message with its causes, none of which repeats another, and the hint.
fn parts(error: &anyhow::Error) -> (Vec<String>, Option<String>) {
    let hint = error.downcast_ref::<Hint>().map(|hint| hint.0.clone());
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = plain(&cause.to_string());
        let said = lines.last().is_some_and(|last| last.contains(&text));
        if !said && hint.as_ref() != Some(&text) {
            lines.push(text);
        }
    }
    (lines, hint.or_else(|| hints::hint(error)))
}

fn split(lines: &[String]) -> (&str, &[String]) {
    lines
        .split_first()
        .map_or(("failed", &[][..]), |(head, rest)| (head.as_str(), rest))
}

fn described(error: &anyhow::Error, colour: bool) -> String {
    let (lines, hint) = parts(error);
    let mark = if colour {
        "\x1b[1;31merror\x1b[0m"
    } else {
        "error"
    };
    let (head, causes) = split(&lines);
    let mut text = format!("{mark}: {head}");
    for cause in causes {
        text += &["\n  caused by: ", cause].concat();
    }
    if let Some(hint) = hint {
        text += &["\n  hint: ", &hint].concat();
    }
    text
}

/// Whether standard output was closed by whoever reads it, such as `head`: not a failure of ours.
pub(crate) fn reader_is_gone(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ReaderGone>().is_some()
}

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct ReaderGone(#[source] io::Error);

/// Prints one line of a result.
pub(crate) fn line(text: fmt::Arguments<'_>) -> Result<()> {
    bytes(format!("{text}\n").as_bytes())
}

/// Prints a result as it is.
pub(crate) fn bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone(error).into()),
        other => other.context("cannot write to standard output"),
    }
}

/// What recipes, packages and file names say is shown without the characters that command a
/// terminal, are not seen, or turn the direction of what follows.
pub(crate) fn plain(text: &str) -> String {
    let shown = |char: char| match char {
        '\n' | '\t' => char,
        char => harmless(char),
    };
    text.chars().map(shown).collect()
}

/// The same for what must stay on one line.
pub(crate) fn plain_line(text: &str) -> String {
    plain(text).replace('\n', " ")
}

/// `1 package`, `2 packages`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// Tells a person something on standard error.
pub(crate) fn note(text: &str) {
    note_to_stderr(&format!("note: {}", plain(text)));
}

/// Tells a person of something that is likely not meant.
pub(crate) fn warning(text: &str) {
    let mark = if colour() {
        "\x1b[1;33mwarning\x1b[0m"
    } else {
        "warning"
    };
    note_to_stderr(&format!("{mark}: {}", plain(text)));
}

/// Whether the last line on the terminal is one that is written over.
static LIVE: AtomicBool = AtomicBool::new(false);

/// A line on a terminal that the next one is written over.
pub(crate) fn live(text: &str) {
    let mut out = io::stderr().lock();
    LIVE.store(true, Ordering::Relaxed);
    drop(write!(out, "\r\x1b[K{}", plain_line(text)).and_then(|()| out.flush()));
}

/// A line on standard error. If nobody reads that, there is nobody left to tell.
fn note_to_stderr(text: &str) {
    let mut out = io::stderr().lock();
    let clear = if LIVE.swap(false, Ordering::Relaxed) {
        "\r\x1b[K"
    } else {
        ""
    };
    drop(writeln!(out, "{clear}{text}"));
}

/// Whether standard error is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard error is a terminal that wants colour (<https://no-color.org>).
pub(crate) fn colour() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a result as one JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<()> {
    line(format_args!("{}", serde_json::to_string_pretty(value)?))
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
        let seconds = self.start.elapsed().as_secs_f64();
        note_to_stderr(&format!("{seconds:>7.1}s {}", plain_line(text)));
    }
}

impl Reporter for Progress {
    fn report(&mut self, event: Event<'_>) {
        match event {
            Event::Stage { name, detail } => self.line(&format!("{name}: {detail}")),
            Event::Note(text) => self.line(&format!("note: {text}")),
            Event::Warning(text) => warning(&plain_line(text)),
            Event::Step { id, name } => self.line(&format!("step {id}: {name}")),
            Event::Output(bytes) if !self.quiet_output => {
                // What a guest prints must not reach a person's terminal as commands to it.
                let text = printable(bytes);
                let mut out = io::stderr().lock();
                drop(out.write_all(text.as_bytes()));
            }
            // The person asked for a shell in the guest, so its terminal is theirs.
            // Standard output carries the result.
            Event::Terminal(bytes) => {
                let mut out = io::stderr().lock();
                drop(out.write_all(bytes).and_then(|()| out.flush()));
            }
            Event::Output(_) => {}
        }
    }
}

/// What a guest printed, as [`plain`] text.
pub(crate) fn printable(bytes: &[u8]) -> String {
    plain(&String::from_utf8_lossy(bytes).replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use super::{Hint, described};
    use anyhow::anyhow;
    use bessemer_build::worker::{FailedStep, GuestError, MissedNetwork, WorkError};

    #[test]
    fn an_error_is_said_once_with_its_causes_and_the_hint_last() {
        let error = anyhow!("no such file")
            .context("cannot read a.yaml: no such file")
            .context(Hint("name a recipe".to_owned()))
            .context("nothing was built");
        assert_eq!(
            described(&error, false),
            "error: nothing was built\n  caused by: cannot read a.yaml: no such file\n  hint: name a recipe"
        );
        assert!(described(&error, true).starts_with("\u{1b}[1;31merror\u{1b}[0m: nothing"));
    }

    #[test]
    fn a_step_that_wanted_a_network_is_shown_the_flag() {
        let failed = |last: &str, missed| {
            let failed = FailedStep {
                id: "main/0".to_owned(),
                name: "fetch".to_owned(),
                how: "returned exit status 6".to_owned(),
                status: 6,
                location: " at app.yaml:9:5".to_owned(),
                tail: vec!["getting it".to_owned(), last.to_owned()],
                log: "/tmp/build.log".into(),
                missed,
            };
            let error = WorkError::Guest(GuestError::Step(Box::new(failed)));
            described(&error.into(), false)
        };
        let heard = "bessemer: this guest has no network; asked for: example.org";
        insta::assert_snapshot!("heard", failed(heard, Some(MissedNetwork::Heard)));
        let printed = "curl: (7) Failed to connect to 192.0.2.1: Network is unreachable";
        insta::assert_snapshot!("printed", failed(printed, Some(MissedNetwork::Printed)));
        assert!(!failed("make: Error 1", None).contains("hint:"));
    }

    #[test]
    fn one_is_not_several() {
        let counts = [0, 1, 2].map(|number| super::count(number, "package"));
        assert_eq!(counts, ["0 packages", "1 package", "2 packages"]);
    }

    #[test]
    fn terminal_commands_from_a_guest_are_not_passed_on() {
        assert_eq!(super::printable(b"a\x1b[2Jb\tc\n"), "a\u{fffd}[2Jb\tc\n");
    }

    #[test]
    fn what_is_not_seen_and_what_turns_a_line_is_marked() {
        let hidden = "\u{061c}\u{200b}\u{200e}\u{2028}\u{202e}\u{2060}\u{2066}\u{feff}\u{9b}\u{7f}";
        for char in hidden.chars() {
            let marked = super::plain(&format!("a{char}b"));
            assert_eq!(marked, "a\u{fffd}b", "{}", char.escape_unicode());
        }
        let kept = "naïve 日本\t1\n";
        assert_eq!(super::plain(kept), kept);
        assert_eq!(super::plain_line("a\nb"), "a b");
    }
}
