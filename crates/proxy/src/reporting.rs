//! Telling the control side.

use crate::protocol::{MAX_LINE, Refusal, RefusalKind, Report};
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

/// Longest text of a refusal, in bytes.
const MAX_TEXT: usize = 2048;

pub(crate) struct Reporter(Mutex<UnixStream>);

impl Reporter {
    pub(crate) const fn new(socket: UnixStream) -> Self {
        Self(Mutex::new(socket))
    }

    pub(crate) fn tell(&self, report: &Report) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        if line.len() > MAX_LINE {
            return Err(io::Error::other("a report is too long"));
        }
        let mut socket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        socket.write_all(&line)
    }

    /// Tells a refusal; what is told is printable and short.
    pub(crate) fn refuse(&self, url: &str, kind: RefusalKind, reason: &str) -> io::Result<Refusal> {
        let refusal = Refusal {
            url: plain(url),
            kind,
            reason: plain(reason),
        };
        self.tell(&Report::Refused(refusal.clone()))?;
        Ok(refusal)
    }
}

/// Without control characters, and of bounded length.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if plain.len() + letter.len_utf8() > MAX_TEXT {
            break;
        }
        plain.push(letter);
    }
    plain
}
