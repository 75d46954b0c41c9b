//! Carries connections between sockets and the data port: one loop, no threads, bounded buffers.
//!
//! In the guest the sockets are what programs connected to; in the proxy each is one end of a pair
//! whose other end a thread serves. Both sides run this loop ([`relay`]); a [`Side`] says where
//! connections come from or go to.
//!
//! Invariant: for each stream at most a window is held, and for the port [`MAX_PENDING`] bytes more
//! than one message of each stream; a stream whose reader is slow holds up no other.

mod local;
mod port;

use bessemer_vm_proto::{Entry, FrameError, StreamEvent, StreamViolation, Streams};
use local::{Local, Written};
use port::Port;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

/// Bytes waiting for the port beyond which no more is read from sockets.
pub const MAX_PENDING: usize = 128 * 1024;

/// Where connections come from, or go to.
pub trait Side {
    /// Sockets that programs connect to, and what each stands for. Only the guest has any.
    fn listeners(&self) -> Vec<(BorrowedFd<'_>, Entry)> {
        Vec::new()
    }

    /// A socket for a connection that the other side opened.
    fn opened(&mut self, entry: Entry) -> io::Result<OwnedFd>;
}

/// The loop had to end.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The other side breaks the rules of streams.
    #[error(transparent)]
    Violation(#[from] StreamViolation),
    /// The other side sends what is no message, or a message cannot be written.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The port or waiting failed.
    #[error("the data port failed")]
    Io(#[from] io::Error),
}

/// Carries streams over `port` until the other side closes it. `streams` says which side this is.
pub fn relay(port: OwnedFd, streams: Streams, side: &mut dyn Side) -> Result<(), RelayError> {
    rustix::io::ioctl_fionbio(&port, true).map_err(io::Error::from)?;
    let mut relay = Relay {
        port: Port::new(port),
        streams,
        locals: BTreeMap::new(),
    };
    while relay.turn(side)? {}
    Ok(())
}

struct Relay {
    port: Port,
    streams: Streams,
    locals: BTreeMap<u32, Local>,
}

/// What was waited for, in the order it is polled.
#[derive(Clone, Copy)]
enum Waiting {
    Port,
    Listener(usize),
    Local(u32),
}

impl Relay {
    /// Waits once and deals with what there is; `false` at the end of the port.
    fn turn(&mut self, side: &mut dyn Side) -> Result<bool, RelayError> {
        for (waiting, flags) in self.wait(side)? {
            match waiting {
                Waiting::Port => {
                    if flags.contains(PollFlags::OUT) {
                        self.port.flush()?;
                    }
                    let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
                    if flags.intersects(readable) && !self.read_port(side)? {
                        return Ok(false);
                    }
                }
                Waiting::Listener(index) => self.accept(side, index)?,
                Waiting::Local(stream) => self.serve(stream)?,
            }
        }
        self.port.flush()?;
        Ok(true)
    }

    fn wait(&self, side: &dyn Side) -> io::Result<Vec<(Waiting, PollFlags)>> {
        let listeners = if self.streams.has_room() {
            side.listeners()
        } else {
            Vec::new()
        };
        let mut names = vec![Waiting::Port];
        let mut fds = vec![PollFd::new(&self.port.descriptor, self.port.interest())];
        for (index, (listener, _)) in listeners.iter().enumerate() {
            names.push(Waiting::Listener(index));
            fds.push(PollFd::from_borrowed_fd(*listener, PollFlags::IN));
        }
        let may_read = self.port.pending() < MAX_PENDING;
        for (stream, local) in &self.locals {
            let interest = local.interest(may_read && self.streams.may_send(*stream) > 0);
            if !interest.is_empty() {
                names.push(Waiting::Local(*stream));
                fds.push(PollFd::new(&local.socket, interest));
            }
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = fds.iter().map(PollFd::revents);
        let ready = names.into_iter().zip(flags);
        Ok(ready.filter(|(_, flags)| !flags.is_empty()).collect())
    }

    fn read_port(&mut self, side: &mut dyn Side) -> Result<bool, RelayError> {
        if !self.port.read()? {
            return Ok(false);
        }
        while let Some(message) = self.port.next_message()? {
            if let Some(event) = self.streams.receive(message)? {
                self.happened(event, side)?;
            }
        }
        Ok(true)
    }

    fn happened(&mut self, event: StreamEvent, side: &mut dyn Side) -> Result<(), RelayError> {
        match event {
            StreamEvent::Opened(stream, entry) => match side.opened(entry).and_then(Local::new) {
                Ok(local) => drop(self.locals.insert(stream, local)),
                Err(_) => self.give_up(stream)?,
            },
            StreamEvent::Data(stream, bytes) => {
                if let Some(local) = self.locals.get_mut(&stream) {
                    local.take(&bytes);
                    self.write_local(stream)?;
                }
            }
            StreamEvent::Ended(stream) => {
                if let Some(local) = self.locals.get_mut(&stream) {
                    local.ended = true;
                    self.write_local(stream)?;
                }
            }
            StreamEvent::Gone(stream) => drop(self.locals.remove(&stream)),
            StreamEvent::Credit(_) => {}
        }
        Ok(())
    }

    fn accept(&mut self, side: &dyn Side, index: usize) -> Result<(), RelayError> {
        let listeners = side.listeners();
        let Some((listener, entry)) = listeners.get(index) else {
            return Ok(());
        };
        // A connection that has gone again, or no descriptor left for it: the program notices.
        let Ok(socket) = rustix::net::accept(listener) else {
            return Ok(());
        };
        let Ok(local) = Local::new(socket) else {
            return Ok(());
        };
        if let Some((stream, message)) = self.streams.open(*entry) {
            self.locals.insert(stream, local);
            self.port.send(&message)?;
        }
        Ok(())
    }

    /// Reads one message's worth from a socket and writes what waits for it.
    fn serve(&mut self, stream: u32) -> Result<(), RelayError> {
        self.write_local(stream)?;
        let most = self.streams.may_send(stream);
        let Some(local) = self.locals.get_mut(&stream) else {
            return Ok(());
        };
        if !local.readable || most == 0 || self.port.pending() >= MAX_PENDING {
            return Ok(());
        }
        match local.read(most) {
            Ok(None) => {}
            Ok(Some(bytes)) if bytes.is_empty() => {
                local.readable = false;
                if let Some(message) = self.streams.end(stream) {
                    self.port.send(&message)?;
                }
                self.forget_if_done(stream);
            }
            Ok(Some(bytes)) => {
                if let Some(message) = self.streams.send(stream, bytes) {
                    self.port.send(&message)?;
                }
            }
            Err(_) => self.give_up(stream)?,
        }
        Ok(())
    }

    fn write_local(&mut self, stream: u32) -> Result<(), RelayError> {
        let Some(local) = self.locals.get_mut(&stream) else {
            return Ok(());
        };
        match local.write() {
            Written::Bytes(0) => {}
            Written::Bytes(bytes) => {
                if let Some(message) = self.streams.used(stream, bytes) {
                    self.port.send(&message)?;
                }
            }
            Written::Broken => self.give_up(stream)?,
        }
        self.forget_if_done(stream);
        Ok(())
    }

    fn forget_if_done(&mut self, stream: u32) {
        if self.locals.get(&stream).is_some_and(Local::is_done) {
            self.locals.remove(&stream);
        }
    }

    fn give_up(&mut self, stream: u32) -> Result<(), RelayError> {
        self.locals.remove(&stream);
        if let Some(message) = self.streams.reset(stream) {
            self.port.send(&message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
