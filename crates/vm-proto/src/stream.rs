//! Streams over the data port: many connections in one flow of bytes, each with a window.
//!
//! Only the guest opens streams. A side may send as many bytes of a stream as the other has given
//! credit for; [`STREAM_WINDOW`] is given when a stream opens. So a side holds at most a window for
//! each of [`MAX_STREAMS`], whatever the other does.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest body of a frame on the data port.
pub const MAX_DATA_FRAME: usize = 32 * 1024;
/// Most bytes in one [`StreamMessage::Data`].
pub const MAX_STREAM_CHUNK: usize = 16 * 1024;
/// Bytes that may be on their way in one direction of a stream.
pub const STREAM_WINDOW: u32 = 256 * 1024;
/// Most streams open at a time.
pub const MAX_STREAMS: usize = 256;

/// Where a program in the guest connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// The port of the forward proxy.
    Proxy,
    /// Port 80 of the address that names resolve to.
    Http,
    /// Port 443 of that address.
    Https,
}

/// One frame on the data port, in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamMessage {
    /// A new stream; from the guest only. Its number is larger than every earlier one.
    Open {
        /// Its number.
        stream: u32,
        /// Where the program connected to.
        entry: Entry,
    },
    /// Bytes of a stream, 1 to [`MAX_STREAM_CHUNK`].
    Data {
        /// Which.
        stream: u32,
        /// What.
        bytes: Vec<u8>,
    },
    /// The other side may send so many bytes more.
    Credit {
        /// Of which stream.
        stream: u32,
        /// How many.
        bytes: u32,
    },
    /// This side sends no more bytes of the stream.
    End {
        /// Which.
        stream: u32,
    },
    /// The stream is over in both directions.
    Reset {
        /// Which.
        stream: u32,
    },
}

/// What a message of the other side means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// There is a new stream.
    Opened(u32, Entry),
    /// Bytes came.
    Data(u32, Vec<u8>),
    /// More may be sent.
    Credit(u32),
    /// No more bytes will come.
    Ended(u32),
    /// The stream is gone.
    Gone(u32),
}

/// The other side breaks the rules: nothing it sends is to be used any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamViolation {
    /// Only the guest opens streams.
    #[error("the host opened a stream")]
    Opener,
    /// A number that was used before.
    #[error("stream {0} was opened out of order")]
    Number(u32),
    /// More streams than there may be.
    #[error("more than {MAX_STREAMS} streams are open")]
    TooMany,
    /// A stream that never was.
    #[error("stream {0} was never opened")]
    Unknown(u32),
    /// More bytes than there was credit for, or than fit in a frame, or none.
    #[error("stream {0}: bytes beyond its window")]
    Window(u32),
    /// More credit than a window.
    #[error("stream {0}: credit beyond its window")]
    Credit(u32),
    /// Bytes, or an end, after the end.
    #[error("stream {0}: something after its end")]
    AfterEnd(u32),
}

#[derive(Debug, Clone)]
struct Stream {
    /// Bytes this side may send.
    send: u32,
    /// Bytes the other side may send.
    receive: u32,
    /// Bytes that were used here and for which no credit was given yet.
    used: u32,
    sent_end: bool,
    got_end: bool,
}

/// One side's view of all streams; pure.
#[derive(Debug, Clone)]
pub struct Streams {
    opens: bool,
    last: u32,
    open: BTreeMap<u32, Stream>,
}

impl Streams {
    /// The guest's side, which opens streams.
    pub const fn of_guest() -> Self {
        Self {
            opens: true,
            last: 0,
            open: BTreeMap::new(),
        }
    }

    /// The host's side.
    pub const fn of_host() -> Self {
        Self {
            opens: false,
            last: 0,
            open: BTreeMap::new(),
        }
    }

    /// Whether another stream can be opened from here.
    pub fn has_room(&self) -> bool {
        self.opens && self.open.len() < MAX_STREAMS && self.last < u32::MAX
    }

    /// Opens a stream: its number and what to send. `None` when there is no room.
    pub fn open(&mut self, entry: Entry) -> Option<(u32, StreamMessage)> {
        if !self.has_room() {
            return None;
        }
        self.last += 1;
        let stream = self.last;
        self.open.insert(stream, Stream::new());
        Some((stream, StreamMessage::Open { stream, entry }))
    }

    /// How many bytes may be sent in one message now.
    pub fn may_send(&self, stream: u32) -> usize {
        let found = self.open.get(&stream).filter(|found| !found.sent_end);
        found.map_or(0, |found| (found.send as usize).min(MAX_STREAM_CHUNK))
    }

    /// Takes bytes to send, of which there are at most [`Streams::may_send`]; `None` otherwise.
    pub fn send(&mut self, stream: u32, bytes: Vec<u8>) -> Option<StreamMessage> {
        if bytes.is_empty() || bytes.len() > self.may_send(stream) {
            return None;
        }
        let found = self.open.get_mut(&stream)?;
        found.send -= u32::try_from(bytes.len()).unwrap_or(found.send);
        Some(StreamMessage::Data { stream, bytes })
    }

    /// So many bytes that came were used; perhaps there is credit to send.
    pub fn used(&mut self, stream: u32, bytes: usize) -> Option<StreamMessage> {
        let found = self.open.get_mut(&stream)?;
        found.used = found
            .used
            .saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX))
            .min(STREAM_WINDOW - found.receive);
        if found.got_end || found.used < STREAM_WINDOW / 2 {
            return None;
        }
        let bytes = std::mem::take(&mut found.used);
        found.receive += bytes;
        Some(StreamMessage::Credit { stream, bytes })
    }

    /// Sends no more of a stream; `None` when that was said before.
    pub fn end(&mut self, stream: u32) -> Option<StreamMessage> {
        let found = self.open.get_mut(&stream).filter(|found| !found.sent_end)?;
        found.sent_end = true;
        self.forget_if_over(stream);
        Some(StreamMessage::End { stream })
    }

    /// Gives a stream up; `None` when it is gone.
    pub fn reset(&mut self, stream: u32) -> Option<StreamMessage> {
        self.open.remove(&stream)?;
        Some(StreamMessage::Reset { stream })
    }

    /// Takes a message of the other side. One for a stream that has gone in the meantime means
    /// nothing.
    pub fn receive(
        &mut self,
        message: StreamMessage,
    ) -> Result<Option<StreamEvent>, StreamViolation> {
        match message {
            StreamMessage::Open { stream, entry } => self.opened(stream, entry).map(Some),
            StreamMessage::Data { stream, bytes } => self.data(stream, bytes),
            StreamMessage::Credit { stream, bytes } => self.credit(stream, bytes),
            StreamMessage::End { stream } => {
                let Some(found) = self.find(stream)? else {
                    return Ok(None);
                };
                if found.got_end {
                    return Err(StreamViolation::AfterEnd(stream));
                }
                found.got_end = true;
                self.forget_if_over(stream);
                Ok(Some(StreamEvent::Ended(stream)))
            }
            StreamMessage::Reset { stream } => {
                let known = self.find(stream)?.is_some();
                self.open.remove(&stream);
                Ok(known.then_some(StreamEvent::Gone(stream)))
            }
        }
    }

    fn opened(&mut self, stream: u32, entry: Entry) -> Result<StreamEvent, StreamViolation> {
        if self.opens {
            return Err(StreamViolation::Opener);
        }
        if stream <= self.last {
            return Err(StreamViolation::Number(stream));
        }
        if self.open.len() >= MAX_STREAMS {
            return Err(StreamViolation::TooMany);
        }
        self.last = stream;
        self.open.insert(stream, Stream::new());
        Ok(StreamEvent::Opened(stream, entry))
    }

    fn data(
        &mut self,
        stream: u32,
        bytes: Vec<u8>,
    ) -> Result<Option<StreamEvent>, StreamViolation> {
        let Some(found) = self.find(stream)? else {
            return Ok(None);
        };
        if found.got_end {
            return Err(StreamViolation::AfterEnd(stream));
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if bytes.is_empty() || bytes.len() > MAX_STREAM_CHUNK || length > found.receive {
            return Err(StreamViolation::Window(stream));
        }
        found.receive -= length;
        Ok(Some(StreamEvent::Data(stream, bytes)))
    }

    fn credit(&mut self, stream: u32, bytes: u32) -> Result<Option<StreamEvent>, StreamViolation> {
        let Some(found) = self.find(stream)? else {
            return Ok(None);
        };
        if bytes == 0 || bytes > STREAM_WINDOW - found.send {
            return Err(StreamViolation::Credit(stream));
        }
        found.send += bytes;
        Ok(Some(StreamEvent::Credit(stream)))
    }

    /// `None` for a stream that has gone.
    fn find(&mut self, stream: u32) -> Result<Option<&mut Stream>, StreamViolation> {
        if stream == 0 || stream > self.last {
            return Err(StreamViolation::Unknown(stream));
        }
        Ok(self.open.get_mut(&stream))
    }

    fn forget_if_over(&mut self, stream: u32) {
        let over = |found: &Stream| found.sent_end && found.got_end;
        if self.open.get(&stream).is_some_and(over) {
            self.open.remove(&stream);
        }
    }
}

impl Stream {
    const fn new() -> Self {
        Self {
            send: STREAM_WINDOW,
            receive: STREAM_WINDOW,
            used: 0,
            sent_end: false,
            got_end: false,
        }
    }
}

#[cfg(test)]
mod tests;
