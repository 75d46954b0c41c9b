//! A socket on this side of a stream.

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, send, shutdown};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

pub(crate) struct Local {
    pub(crate) socket: OwnedFd,
    /// Bytes for the socket; at most a window.
    waiting: VecDeque<u8>,
    /// Nothing more comes for the socket.
    pub(crate) ended: bool,
    /// Whether the socket was told so.
    shut: bool,
    /// Whether something may still be read from it.
    pub(crate) readable: bool,
}

/// What became of what waited.
pub(crate) enum Written {
    /// So many bytes are gone.
    Bytes(usize),
    /// Nobody takes them any more.
    Broken,
}

impl Local {
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        Ok(Self {
            socket,
            waiting: VecDeque::new(),
            ended: false,
            shut: false,
            readable: true,
        })
    }

    /// What to wait for; nothing when only the other side can move.
    pub(crate) fn interest(&self, may_send: bool) -> PollFlags {
        let mut interest = PollFlags::empty();
        if self.readable && may_send {
            interest |= PollFlags::IN;
        }
        if !self.waiting.is_empty() {
            interest |= PollFlags::OUT;
        }
        interest
    }

    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.waiting.extend(bytes);
    }

    pub(crate) fn write(&mut self) -> Written {
        let mut total = 0;
        while !self.waiting.is_empty() {
            let (front, _) = self.waiting.as_slices();
            match send(&self.socket, front, SendFlags::NOSIGNAL) {
                Ok(written) => {
                    self.waiting.drain(..written);
                    total += written;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => return Written::Broken,
            }
        }
        if self.ended && self.waiting.is_empty() && !self.shut {
            self.shut = true;
            // Fails only when the other end has gone.
            let _ = shutdown(&self.socket, Shutdown::Write);
        }
        Written::Bytes(total)
    }

    /// Bytes that were there, none at the end; `None` when there is nothing yet.
    pub(crate) fn read(&self, most: usize) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = vec![0; most];
        match rustix::io::read(&self.socket, &mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                Ok(Some(buffer))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether both directions are over.
    pub(crate) fn is_done(&self) -> bool {
        self.shut && !self.readable
    }
}
