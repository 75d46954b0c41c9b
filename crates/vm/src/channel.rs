//! The host's ends of everything a guest writes to, served by one loop without threads.

use crate::error::Fault;
use crate::events::Events;
use crate::tail::Tail;
use bessemer_vm_proto::{
    Decoder, FromGuest, LogChunk, MAX_CONTROL_FRAME, MAX_INPUT_CHUNK, MAX_LOG_FRAME, ToGuest,
    encode,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

/// How much of the console and of QEMU's messages is kept for errors, in bytes.
const TAIL_BYTES: usize = 16 * 1024;
/// Most bytes taken from one descriptor at a time, so that none starves the others.
const READ_BYTES: usize = 64 * 1024;

/// Both ends of all channels.
pub(crate) struct Pairs {
    pub(crate) host: Channels,
    pub(crate) guest_control: OwnedFd,
    pub(crate) guest_log: OwnedFd,
    pub(crate) guest_console: OwnedFd,
    pub(crate) guest_diagnostics: OwnedFd,
    pub(crate) guest_events: OwnedFd,
}

/// The host's ends.
#[derive(Debug)]
pub(crate) struct Channels {
    control: OwnedFd,
    log: Option<OwnedFd>,
    console: Option<OwnedFd>,
    diagnostics: Option<OwnedFd>,
    events: Events,
    outbound: VecDeque<u8>,
    requests: Decoder<FromGuest>,
    chunks: Decoder<LogChunk>,
    console_tail: Tail,
    diagnostics_tail: Tail,
    /// Bytes of output since the step began.
    pub(crate) log_bytes: u64,
    /// Most of them.
    pub(crate) log_limit: u64,
}

/// What one turn of the loop brought.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Nothing to act on; go on.
    Again,
    /// The guest answered.
    Message(FromGuest),
    /// Bytes to pass to the shell; empty at the end of input.
    Typed(Vec<u8>),
    /// Time is over.
    Deadline,
    /// QEMU closed the control channel: it has ended.
    Ended,
}

pub(crate) fn pairs() -> io::Result<Pairs> {
    let (control, guest_control) = socket()?;
    let (log, guest_log) = socket()?;
    let (console, guest_console) = pipe()?;
    let (diagnostics, guest_diagnostics) = pipe()?;
    let (events, guest_events) = Events::pair()?;
    let host = Channels {
        control,
        log: Some(log),
        console: Some(console),
        diagnostics: Some(diagnostics),
        events,
        outbound: VecDeque::new(),
        requests: Decoder::new(MAX_CONTROL_FRAME),
        chunks: Decoder::new(MAX_LOG_FRAME),
        console_tail: Tail::new(TAIL_BYTES),
        diagnostics_tail: Tail::new(TAIL_BYTES),
        log_bytes: 0,
        log_limit: 0,
    };
    Ok(Pairs {
        host,
        guest_control,
        guest_log,
        guest_console,
        guest_diagnostics,
        guest_events,
    })
}

/// Only the host's end is non-blocking: QEMU sets its own.
fn socket() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    let (host, guest) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::io::ioctl_fionbio(&host, true)?;
    Ok((host, guest))
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (host, guest) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&host, true)?;
    Ok((host, guest))
}

/// Bytes that were there to read; `None` at the end of the stream.
fn read_some(fd: impl AsFd) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; READ_BYTES];
    match rustix::io::read(fd, &mut buffer) {
        Ok(0) | Err(Errno::CONNRESET) => Ok(None),
        Ok(length) => {
            buffer.truncate(length);
            Ok(Some(buffer))
        }
        Err(Errno::AGAIN | Errno::INTR) => Ok(Some(Vec::new())),
        Err(error) => Err(error.into()),
    }
}

impl Channels {
    /// Queues a request; it is written by the turns that follow.
    pub(crate) fn send(&mut self, request: &ToGuest) -> Result<(), Fault> {
        self.outbound.extend(encode(request, MAX_CONTROL_FRAME)?);
        Ok(())
    }

    /// Waits until something happens, and deals with it; output goes to `log`.
    pub(crate) fn turn(
        &mut self,
        deadline: Instant,
        typed: Option<BorrowedFd<'_>>,
        log: &mut dyn FnMut(&[u8]),
    ) -> Result<Turn, Fault> {
        if let Some(message) = self.requests.next_message()? {
            return Ok(Turn::Message(message));
        }
        let ready = self.wait(deadline, typed)?;
        if ready.none() {
            return Ok(if Instant::now() >= deadline {
                Turn::Deadline
            } else {
                Turn::Again
            });
        }
        self.read_tails(ready.console, ready.diagnostics);
        if ready.events
            && let Some(failure) = self.events.read()
        {
            return Err(Fault::Disk(failure));
        }
        if ready.log {
            self.read_log(log)?;
        }
        if ready.writable {
            self.write_some()?;
        }
        if ready.control {
            return self.read_control();
        }
        if let (true, Some(typed)) = (ready.typed, typed) {
            let mut buffer = vec![0; MAX_INPUT_CHUNK];
            let length = rustix::io::read(typed, &mut buffer).map_err(io::Error::from)?;
            buffer.truncate(length);
            return Ok(Turn::Typed(buffer));
        }
        Ok(Turn::Again)
    }

    /// The last lines of QEMU's messages and the console, with what is still in the pipes.
    pub(crate) fn last_words(&mut self, lines: usize) -> Vec<String> {
        for _ in 0..16 {
            self.read_tails(true, true);
        }
        let mut words = self.diagnostics_tail.lines(lines / 2);
        words.extend(self.console_tail.lines(lines));
        words
    }

    /// The console's line that tells of a panic of the guest's kernel.
    pub(crate) fn panic_line(&self) -> Option<String> {
        self.console_tail.find("Kernel panic")
    }

    fn wait(&self, deadline: Instant, typed: Option<BorrowedFd<'_>>) -> Result<Ready, Fault> {
        let mut ready = Ready::default();
        let want = if self.outbound.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::IN | PollFlags::OUT
        };
        let further = [
            self.log.as_ref().map(AsFd::as_fd),
            self.console.as_ref().map(AsFd::as_fd),
            self.diagnostics.as_ref().map(AsFd::as_fd),
            self.events.fd(),
            typed,
        ];
        let mut fds = vec![PollFd::new(&self.control, want)];
        fds.extend(
            further
                .iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)),
        );
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).unwrap_or(Timespec {
            tv_sec: 3600,
            tv_nsec: 0,
        });
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(Fault::Io(error.into())),
        }
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        ready.control = fds[0].revents().intersects(readable);
        ready.writable = fds[0].revents().contains(PollFlags::OUT);
        let mut polled = fds[1..].iter();
        for (fd, mark) in further.iter().zip([
            &mut ready.log,
            &mut ready.console,
            &mut ready.diagnostics,
            &mut ready.events,
            &mut ready.typed,
        ]) {
            let fd = fd.and_then(|_| polled.next());
            *mark = fd.is_some_and(|fd| fd.revents().intersects(readable));
        }
        Ok(ready)
    }

    fn read_control(&mut self) -> Result<Turn, Fault> {
        let Some(bytes) = read_some(&self.control)? else {
            return Ok(Turn::Ended);
        };
        self.requests.push(&bytes);
        Ok(self
            .requests
            .next_message()?
            .map_or(Turn::Again, Turn::Message))
    }

    fn read_log(&mut self, log: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        let Some(fd) = &self.log else { return Ok(()) };
        let Some(bytes) = read_some(fd)? else {
            self.log = None;
            return Ok(());
        };
        self.chunks.push(&bytes);
        while let Some(chunk) = self.chunks.next_message()? {
            self.log_bytes = self.log_bytes.saturating_add(chunk.bytes.len() as u64);
            if self.log_bytes > self.log_limit {
                return Err(Fault::LogLimit {
                    limit: self.log_limit,
                });
            }
            log(&chunk.bytes);
        }
        Ok(())
    }

    /// Errors here only shorten a message for a person.
    fn read_tails(&mut self, console: bool, diagnostics: bool) {
        for (wanted, fd, tail) in [
            (console, &mut self.console, &mut self.console_tail),
            (
                diagnostics,
                &mut self.diagnostics,
                &mut self.diagnostics_tail,
            ),
        ] {
            let (true, Some(open)) = (wanted, &fd) else {
                continue;
            };
            match read_some(open) {
                Ok(Some(bytes)) => tail.push(&bytes),
                Ok(None) | Err(_) => *fd = None,
            }
        }
    }

    fn write_some(&mut self) -> Result<(), Fault> {
        let (front, _) = self.outbound.as_slices();
        // A closed channel is reported by the next read, with the reason.
        match rustix::net::send(&self.control, front, rustix::net::SendFlags::NOSIGNAL) {
            Ok(written) => drop(self.outbound.drain(..written)),
            Err(Errno::PIPE | Errno::CONNRESET) => self.outbound.clear(),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(Fault::Io(error.into())),
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Ready {
    control: bool,
    writable: bool,
    log: bool,
    console: bool,
    diagnostics: bool,
    events: bool,
    typed: bool,
}

impl Ready {
    fn none(&self) -> bool {
        !(self.control
            || self.writable
            || self.log
            || self.console
            || self.diagnostics
            || self.events
            || self.typed)
    }
}
