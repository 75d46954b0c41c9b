//! What QEMU says of itself: the machine protocol (QMP), of which one event matters.
//!
//! Every disk stops the machine when the host cannot read or write what is behind it
//! ([`disk_arguments`](crate::qemu::disk_arguments)). Reported to the guest instead, a write that failed
//! late would be noticed by no program in it, and what was to be archived would have holes. A machine
//! that stands still says nothing on its channels, so QEMU is asked.

use crate::error::DiskFailure;
use crate::tail::printable;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde::Deserialize;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The longest line that is read, in bytes; QEMU's greeting and events have some hundred.
const LINE_LIMIT: usize = 16 * 1024;
/// Most bytes taken at a time.
const READ_BYTES: usize = 4096;
/// Without it QEMU sends its greeting and nothing else.
const START: &[u8] = b"{\"execute\": \"qmp_capabilities\"}\n";

/// The host's end of the protocol.
#[derive(Debug)]
pub(crate) struct Events {
    /// Closed when QEMU has ended, or sent something that is no line of the protocol.
    socket: Option<OwnedFd>,
    line: Vec<u8>,
}

#[derive(Deserialize)]
struct Message {
    event: Option<String>,
    data: Option<Data>,
}

/// Of `BLOCK_IO_ERROR` (qapi/block-core.json).
#[derive(Deserialize)]
struct Data {
    #[serde(rename = "node-name")]
    node: Option<String>,
    operation: Option<String>,
    action: Option<String>,
    #[serde(default)]
    nospace: bool,
    reason: Option<String>,
}

impl Events {
    /// Both ends; QEMU is asked to begin as soon as it reads its own.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC;
        let (host, machine) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        rustix::io::ioctl_fionbio(&host, true)?;
        rustix::io::write(&host, START)?;
        let events = Self {
            socket: Some(host),
            line: Vec::new(),
        };
        Ok((events, machine))
    }

    /// What to wait for, while there is something.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there; the first disk that stopped the machine, if one did.
    pub(crate) fn read(&mut self) -> Option<DiskFailure> {
        let mut buffer = [0; READ_BYTES];
        let bytes = match rustix::io::read(self.socket.as_ref()?, &mut buffer) {
            Ok(length) if length > 0 => &buffer[..length],
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return None,
            _ => {
                self.socket = None;
                return None;
            }
        };
        let mut found = None;
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            found = found.or_else(|| failure(&self.line));
            self.line.clear();
        }
        if self.line.len() > LINE_LIMIT {
            self.socket = None;
        }
        found
    }
}

/// What one line of the protocol says of a disk.
pub(crate) fn failure(line: &[u8]) -> Option<DiskFailure> {
    let message: Message = serde_json::from_slice(line).ok()?;
    let data = message.data?;
    if message.event? != "BLOCK_IO_ERROR" || data.action? != "stop" {
        return None;
    }
    let reason = data.reason.filter(|reason| !reason.is_empty());
    Some(DiskFailure {
        disk: printable(data.node.as_deref().unwrap_or("?")),
        write: data.operation.as_deref() == Some("write"),
        full: data.nospace,
        reason: printable(&reason.unwrap_or_else(|| "no reason was given".to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}"#;
    const FULL: &str = r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "BLOCK_IO_ERROR", "data": {"device": "", "nospace": true, "node-name": "scratch", "reason": "No space left on device", "operation": "write", "action": "stop"}}"#;

    fn said(lines: &[&str]) -> (Option<DiskFailure>, Events) {
        let (mut events, machine) = Events::pair().unwrap();
        for line in lines {
            rustix::io::write(&machine, line.as_bytes()).unwrap();
            rustix::io::write(&machine, b"\r\n").unwrap();
        }
        (events.read(), events)
    }

    #[test]
    fn a_disk_that_is_full_is_told() {
        let (found, _) = said(&[GREETING, "{\"return\": {}}", FULL]);
        let found = found.unwrap();
        assert_eq!(
            found.to_string(),
            "the host cannot write to the guest's disk `scratch`: No space left on device; \
             free some where Bessemer keeps its cache"
        );
        assert!(found.full);
    }

    #[test]
    fn other_events_and_noise_are_not() {
        let reported = FULL.replace("stop", "report");
        let stop = r#"{"event": "STOP"}"#;
        let (found, events) = said(&[stop, &reported, "no JSON", "[]", r#"{"event": 3}"#]);
        assert!(found.is_none());
        assert!(events.socket.is_some());
    }

    #[test]
    fn a_line_without_end_is_read_no_further() {
        let (mut events, machine) = Events::pair().unwrap();
        for _ in 0..=LINE_LIMIT / READ_BYTES {
            assert_eq!(
                rustix::io::write(&machine, &[b'x'; READ_BYTES]),
                Ok(READ_BYTES)
            );
            assert!(events.read().is_none());
        }
        assert!(events.socket.is_none());
    }
}
