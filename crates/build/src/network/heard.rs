//! What the proxy tells, taken in while the guest works.

use super::Refused;
use bessemer_proxy::protocol::{Exchange, MAX_LINE, Report};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;

/// Most refusals that are kept: one is enough to fail a build.
const MAX_REFUSALS: usize = 100;

/// The control side's end of a proxy's socket, non-blocking, and what came so far.
#[derive(Debug)]
pub(super) struct Heard {
    socket: UnixStream,
    buffer: Vec<u8>,
    most: u64,
    pub(super) authority: Option<String>,
    pub(super) exchanges: Vec<Exchange>,
    pub(super) refusals: Vec<Refused>,
    pub(super) done: bool,
    /// Why nothing more is taken.
    pub(super) broken: Option<String>,
}

impl Heard {
    /// `most` is how many exchanges there can be.
    pub(super) fn new(socket: UnixStream, most: u64) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            buffer: Vec::new(),
            most,
            authority: None,
            exchanges: Vec::new(),
            refusals: Vec::new(),
            done: false,
            broken: None,
        })
    }

    /// The same socket, to wait for.
    pub(super) fn socket(&self) -> io::Result<UnixStream> {
        self.socket.try_clone()
    }

    /// Takes what has come; never waits.
    pub(super) fn drain(&mut self) {
        let mut piece = vec![0; 64 * 1024];
        while !self.is_over() {
            match self.socket.read(&mut piece) {
                Ok(0) => self.broken = Some("ended before its guest".to_owned()),
                Ok(length) => {
                    self.buffer.extend_from_slice(&piece[..length]);
                    self.lines();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.broken = Some(format!("cannot be heard: {error}")),
            }
        }
    }

    /// Whether nothing more comes.
    pub(super) const fn is_over(&self) -> bool {
        self.done || self.broken.is_some()
    }

    fn lines(&mut self) {
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(report) => self.take(report),
                Err(_) => self.broken = Some("tells nonsense".to_owned()),
            }
        }
        if self.buffer.len() > MAX_LINE {
            self.broken = Some("tells too much at a time".to_owned());
        }
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Ready(authority) => self.authority = Some(authority),
            Report::Exchange(exchange) => {
                if self.exchanges.len() as u64 >= self.most {
                    self.broken = Some("tells of too many exchanges".to_owned());
                } else {
                    self.exchanges.push(*exchange);
                }
            }
            Report::Refused(refusal) if self.refusals.len() < MAX_REFUSALS => {
                self.refusals.push(Refused {
                    url: refusal.url,
                    reason: refusal.reason,
                    kind: refusal.kind,
                });
            }
            Report::Refused(_) => {}
            Report::Done => self.done = true,
        }
    }
}
