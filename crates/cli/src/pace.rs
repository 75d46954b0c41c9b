//! How often a person is told of what goes on: one line that is written over on a terminal, and
//! elsewhere a line now and then.

use crate::print;
use std::time::{Duration, Instant};

/// How often the line on a terminal changes.
const REDRAW: Duration = Duration::from_millis(100);
/// How often a log gets a line.
const REMIND: Duration = Duration::from_secs(10);

/// When something was shown last, and where.
#[derive(Debug)]
pub(crate) struct Pace {
    terminal: bool,
    shown: Instant,
}

impl Pace {
    /// Nothing was shown yet; the first line comes when it is time for a second.
    pub(crate) fn new() -> Self {
        Self {
            terminal: print::is_terminal(),
            shown: Instant::now(),
        }
    }

    /// Shows the text, if it is time and there is one.
    pub(crate) fn show(&mut self, text: impl FnOnce() -> Option<String>) {
        let wait = if self.terminal { REDRAW } else { REMIND };
        if self.shown.elapsed() < wait {
            return;
        }
        self.shown = Instant::now();
        match (text(), self.terminal) {
            (Some(text), true) => print::live(&text),
            (Some(text), false) => print::note(&text),
            (None, _) => {}
        }
    }
}
