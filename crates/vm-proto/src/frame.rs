//! Framing: version (u16, little endian), length of the body (u32, little endian), body (postcard).

use serde::{Serialize, de::DeserializeOwned};
use std::collections::VecDeque;
use std::marker::PhantomData;

/// Version of the protocol. Host and agent are built together, so anything else is an error.
pub const PROTOCOL_VERSION: u16 = 2;
/// Bytes before the body.
pub const HEADER_BYTES: usize = 6;
/// Longest body on the control port: a step's script fits many times over.
pub const MAX_CONTROL_FRAME: usize = 1024 * 1024;
/// Longest body on the log port.
pub const MAX_LOG_FRAME: usize = 32 * 1024;

/// Why bytes are not a frame, or a value does not fit in one. None can be recovered from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The other side speaks another version, or not this protocol at all.
    #[error("frame has protocol version {0}, expected {PROTOCOL_VERSION}")]
    Version(u16),
    /// The body is longer than this port allows.
    #[error("frame of {length} bytes exceeds the limit of {limit}")]
    TooLong {
        /// Length in the header, or of the encoded value.
        length: usize,
        /// What the port allows.
        limit: usize,
    },
    /// The body is not a message, or has bytes after it.
    #[error("frame body is not a message")]
    Body(#[source] postcard::Error),
    /// The body decodes and leaves bytes over.
    #[error("frame body has {0} bytes after its message")]
    Trailing(usize),
}

/// Encodes one message with its header; `limit` is the port's `MAX_*_FRAME`.
pub fn encode<T: Serialize>(message: &T, limit: usize) -> Result<Vec<u8>, FrameError> {
    let body = postcard::to_stdvec(message).map_err(FrameError::Body)?;
    let too_long = FrameError::TooLong {
        length: body.len(),
        limit,
    };
    if body.len() > limit {
        return Err(too_long);
    }
    let length = u32::try_from(body.len()).map_err(|_| too_long)?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    frame.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// Turns a stream of bytes, in pieces of any size, into messages.
///
/// Holds at most one frame more than it was last pushed. After an error it yields only that error.
#[derive(Debug)]
pub struct Decoder<T> {
    buffer: VecDeque<u8>,
    limit: usize,
    failed: Option<FrameError>,
    message: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Decoder<T> {
    /// A decoder for a port whose bodies are at most `limit` bytes long.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: VecDeque::new(),
            limit,
            failed: None,
            message: PhantomData,
        }
    }

    /// Takes bytes as they were read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend(bytes);
        }
    }

    /// The next whole message, or `None` when more bytes are needed.
    pub fn next_message(&mut self) -> Result<Option<T>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.decode().inspect_err(|error| {
            self.failed = Some(error.clone());
            self.buffer = VecDeque::new();
        })
    }

    /// Whether bytes of an unfinished frame are held: a stream that ends here was cut off.
    pub fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn decode(&mut self) -> Result<Option<T>, FrameError> {
        let head: Vec<u8> = self.buffer.iter().take(HEADER_BYTES).copied().collect();
        let [v0, v1, l0, l1, l2, l3] = head[..] else {
            return Ok(None);
        };
        let version = u16::from_le_bytes([v0, v1]);
        if version != PROTOCOL_VERSION {
            return Err(FrameError::Version(version));
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length > self.limit {
            return Err(FrameError::TooLong {
                length,
                limit: self.limit,
            });
        }
        if self.buffer.len() < HEADER_BYTES + length {
            return Ok(None);
        }
        self.buffer.drain(..HEADER_BYTES);
        let body: Vec<u8> = self.buffer.drain(..length).collect();
        let (message, rest) = postcard::take_from_bytes(&body).map_err(FrameError::Body)?;
        if !rest.is_empty() {
            return Err(FrameError::Trailing(rest.len()));
        }
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FromGuest, LogChunk, RunStatus, ToGuest};
    use proptest::prelude::*;

    fn exited() -> FromGuest {
        FromGuest::Exited {
            id: "main/0".into(),
            status: RunStatus::Exited(3),
            log_bytes: 12,
        }
    }

    #[test]
    fn frames_survive_any_cut() {
        let mut bytes = encode(&exited(), MAX_CONTROL_FRAME).unwrap();
        bytes.extend(encode(&FromGuest::Configured, MAX_CONTROL_FRAME).unwrap());
        for step in 1..bytes.len() {
            let mut decoder = Decoder::<FromGuest>::new(MAX_CONTROL_FRAME);
            let mut seen = Vec::new();
            for piece in bytes.chunks(step) {
                decoder.push(piece);
                while let Some(message) = decoder.next_message().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, [exited(), FromGuest::Configured], "pieces of {step}");
            assert!(!decoder.is_mid_frame());
        }
    }

    #[test]
    fn bad_headers_are_refused_before_the_body_comes() {
        let cases: [(&[u8], FrameError); 2] = [
            (&[1, 0, 1, 0, 0, 0], FrameError::Version(1)),
            (
                &[2, 0, 0, 0, 1, 0],
                FrameError::TooLong {
                    length: 65536,
                    limit: MAX_LOG_FRAME,
                },
            ),
        ];
        for (bytes, error) in cases {
            let mut decoder = Decoder::<LogChunk>::new(MAX_LOG_FRAME);
            decoder.push(bytes);
            assert_eq!(decoder.next_message(), Err(error.clone()));
            decoder.push(&encode(&LogChunk { bytes: vec![1] }, MAX_LOG_FRAME).unwrap());
            assert_eq!(decoder.next_message(), Err(error), "an error must stay");
        }
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let mut frame = encode(&ToGuest::PowerOff, MAX_CONTROL_FRAME).unwrap();
        frame.push(9);
        frame[2] += 1;
        let mut decoder = Decoder::<ToGuest>::new(MAX_CONTROL_FRAME);
        decoder.push(&frame);
        assert_eq!(decoder.next_message(), Err(FrameError::Trailing(1)));
    }

    #[test]
    fn a_value_over_the_limit_is_not_encoded() {
        let chunk = LogChunk {
            bytes: vec![0; MAX_LOG_FRAME + 1],
        };
        assert!(matches!(
            encode(&chunk, MAX_LOG_FRAME),
            Err(FrameError::TooLong { .. })
        ));
        let chunk = LogChunk {
            bytes: vec![0; crate::MAX_LOG_CHUNK],
        };
        assert!(
            encode(&chunk, MAX_LOG_FRAME).unwrap().len() <= 32 * 1024,
            "one port write"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail_without_panic(bytes: Vec<u8>, cut in 1_usize..64) {
            let mut guest = Decoder::<FromGuest>::new(MAX_CONTROL_FRAME);
            let mut host = Decoder::<ToGuest>::new(MAX_CONTROL_FRAME);
            for piece in bytes.chunks(cut) {
                guest.push(piece);
                host.push(piece);
                while let Ok(Some(_)) = guest.next_message() {}
                while let Ok(Some(_)) = host.next_message() {}
            }
        }

        #[test]
        fn any_body_behind_a_good_header_is_survived(body: Vec<u8>) {
            let mut frame = PROTOCOL_VERSION.to_le_bytes().to_vec();
            frame.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
            frame.extend(body);
            let mut decoder = Decoder::<FromGuest>::new(MAX_CONTROL_FRAME);
            decoder.push(&frame);
            let _ = decoder.next_message();
        }
    }
}
