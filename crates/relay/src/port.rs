//! The data port, non-blocking.

use crate::RelayError;
use bessemer_vm_proto::{Decoder, MAX_DATA_FRAME, StreamMessage, encode};
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

/// Most bytes taken at a time.
const READ_BYTES: usize = 64 * 1024;
/// Most bytes given to one write: a virtio-serial port takes 32 KiB.
const WRITE_BYTES: usize = 32 * 1024;

pub(crate) struct Port {
    pub(crate) descriptor: OwnedFd,
    decoder: Decoder<StreamMessage>,
    outbound: VecDeque<u8>,
}

impl Port {
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            decoder: Decoder::new(MAX_DATA_FRAME),
            outbound: VecDeque::new(),
        }
    }

    pub(crate) fn interest(&self) -> PollFlags {
        if self.outbound.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::IN | PollFlags::OUT
        }
    }

    /// Bytes that wait to be written.
    pub(crate) fn pending(&self) -> usize {
        self.outbound.len()
    }

    pub(crate) fn send(&mut self, message: &StreamMessage) -> Result<(), RelayError> {
        self.outbound.extend(encode(message, MAX_DATA_FRAME)?);
        Ok(())
    }

    /// Writes what the port takes now.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.outbound.is_empty() {
            let (front, _) = self.outbound.as_slices();
            let piece = &front[..front.len().min(WRITE_BYTES)];
            match rustix::io::write(&self.descriptor, piece) {
                Ok(written) => drop(self.outbound.drain(..written)),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                // The next read says that it has ended.
                Err(Errno::PIPE | Errno::CONNRESET) => self.outbound.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Takes what is there; `false` at the end.
    pub(crate) fn read(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; READ_BYTES];
        match rustix::io::read(&self.descriptor, &mut buffer) {
            Ok(0) | Err(Errno::CONNRESET | Errno::PIPE) => Ok(false),
            Ok(length) => {
                self.decoder.push(&buffer[..length]);
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn next_message(&mut self) -> Result<Option<StreamMessage>, RelayError> {
        Ok(self.decoder.next_message()?)
    }
}
