//! What the host and the agent inside a microVM say to each other: messages, framing and the order
//! in which they may be sent.
//!
//! Named virtio-serial ports carry it: [`CONTROL_PORT`] (requests and their answers), [`LOG_PORT`]
//! (output of steps, guest to host only) and, where a guest has a network, [`DATA_PORT`] (its
//! connections as [`Streams`]). Every message is one frame:
//! a version, a length and a postcard body (see [`frame`](encode)).
//!
//! Invariant: this crate performs no IO and holds no clock. It is the one place where bytes that
//! a guest wrote become values, so every length is checked before anything is allocated for it.

mod conversation;
mod frame;
mod message;
mod path;
mod stream;

pub use conversation::{Conversation, Violation};
pub use frame::{
    Decoder, FrameError, HEADER_BYTES, MAX_CONTROL_FRAME, MAX_LOG_FRAME, PROTOCOL_VERSION, encode,
};
pub use message::{
    Configuration, FromGuest, GuestNetwork, LogChunk, MAX_INPUT_CHUNK, MAX_LOG_CHUNK, Run,
    RunStatus, ToGuest, UNANSWERED,
};
pub use path::{GuestPath, GuestPathError, MAX_GUEST_PATH};
pub use stream::{
    Entry, MAX_DATA_FRAME, MAX_STREAM_CHUNK, MAX_STREAMS, STREAM_WINDOW, StreamEvent,
    StreamMessage, StreamViolation, Streams,
};

/// Name of the virtio-serial port that carries [`ToGuest`] and [`FromGuest`].
pub const CONTROL_PORT: &str = "bessemer.control";
/// Name of the virtio-serial port that carries [`LogChunk`].
pub const LOG_PORT: &str = "bessemer.log";

/// Name of the virtio-serial port that carries [`StreamMessage`]; only a guest with a network has it.
pub const DATA_PORT: &str = "bessemer.data";

/// Serial number (virtio-blk) of the read-only environment disk.
pub const DISK_ENVIRONMENT: &str = "environment";
/// Serial number of the read-only sources disk.
pub const DISK_SOURCES: &str = "sources";
/// Serial number of the writable scratch disk.
pub const DISK_SCRATCH: &str = "scratch";
/// Serial number of the raw disk that results are written to.
pub const DISK_OUTPUT: &str = "output";
