//! A connection that is read by heads, lines and bodies.

use crate::head::{HttpError, MAX_HEAD};
use std::io::{self, Read, Write};

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;

/// A stream with what was read of it too early.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
    at: usize,
}

/// A head could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl<S: Read> Connection<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            at: 0,
        }
    }

    fn ahead(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Reads more; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let start = self.buffer.len();
        self.buffer.resize(start + READ_BYTES, 0);
        let read = loop {
            match self.stream.read(&mut self.buffer[start..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer
            .truncate(start + read.as_ref().map_or(0, |length| *length));
        Ok(read? > 0)
    }

    /// The next byte without taking it; `None` at the end.
    pub(crate) fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.ahead().is_empty() && !self.fill()? {
            return Ok(None);
        }
        Ok(self.ahead().first().copied())
    }

    /// The bytes of the next head, its empty line included; `None` when nothing more comes.
    pub(crate) fn head(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut looked = 0;
        loop {
            let ahead = self.ahead();
            let from = usize::saturating_sub(looked, 3);
            if let Some(end) = ahead[from..]
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            {
                let end = from + end + 4;
                if end > MAX_HEAD {
                    return Err(HttpError::TooLong.into());
                }
                let head = ahead[..end].to_vec();
                self.at += end;
                return Ok(Some(head));
            }
            // Said at once, and not when the other side has given up waiting.
            if ahead[from..].windows(2).any(|two| two == b"\n\n") || ahead.first() == Some(&b'\n') {
                return Err(HttpError::Line.into());
            }
            if ahead.len() > MAX_HEAD {
                return Err(HttpError::TooLong.into());
            }
            looked = ahead.len();
            if !self.fill()? {
                let nothing = self.ahead().is_empty();
                return if nothing {
                    Ok(None)
                } else {
                    Err(HttpError::Cut.into())
                };
            }
        }
    }

    /// A line of at most `limit` bytes, without its CR LF.
    pub(crate) fn line(&mut self, limit: usize) -> Result<Vec<u8>, ReadError> {
        loop {
            let ahead = self.ahead();
            if let Some(end) = ahead.iter().position(|byte| *byte == b'\n') {
                let line = ahead[..end].strip_suffix(b"\r").ok_or(HttpError::Chunk)?;
                if line.len() > limit || line.contains(&b'\r') {
                    return Err(HttpError::Chunk.into());
                }
                let line = line.to_vec();
                self.at += end + 1;
                return Ok(line);
            }
            if ahead.len() > limit + 1 {
                return Err(HttpError::Chunk.into());
            }
            if !self.fill()? {
                return Err(HttpError::Cut.into());
            }
        }
    }

    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: Read> Read for Connection<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ahead().is_empty() {
            return self.stream.read(out);
        }
        let length = out.len().min(self.ahead().len());
        out[..length].copy_from_slice(&self.ahead()[..length]);
        self.at += length;
        Ok(length)
    }
}

impl<S: Write> Write for Connection<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
