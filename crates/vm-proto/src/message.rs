//! The messages.

use crate::GuestPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most bytes of output in one [`LogChunk`]: a virtio-serial port takes 32 KiB a write, and this
/// leaves room for the frame around it.
pub const MAX_LOG_CHUNK: usize = 32 * 1024 - 64;
/// Most bytes of typed input in one [`ToGuest::Input`].
pub const MAX_INPUT_CHUNK: usize = 4096;

/// How a line of output begins with which the agent ends a failed step's output, in a guest without
/// network whose step asked for servers; their names follow. Not to be believed beyond its form.
pub const UNANSWERED: &str = "bessemer: this guest has no network; asked for: ";

/// What every step of a session shares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Environment variables of every step; a step's own come on top. Nothing else is inherited.
    pub environment: BTreeMap<String, String>,
    /// Host name inside the guest.
    pub hostname: String,
    /// Seconds since 1970 to set the guest's clock to; `None` leaves the machine's clock.
    pub clock: Option<u64>,
    /// For a guest with a [`DATA_PORT`](crate::DATA_PORT): what it needs to use it.
    pub network: Option<GuestNetwork>,
}

/// What a guest needs to reach servers through the host's proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestNetwork {
    /// The certificate authority of this guest's proxy, PEM.
    pub authority_pem: String,
    /// A Java trust store with that authority alone.
    pub java_store: Vec<u8>,
}

/// One program to run inside the guest's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The step's name in the plan, e.g. `main/2`; repeated in the answer and in every error.
    pub id: String,
    /// Program (absolute path inside the guest) and arguments.
    pub argv: Vec<String>,
    /// Working directory; made if it does not exist.
    pub directory: GuestPath,
    /// Variables on top of [`Configuration::environment`].
    pub environment: BTreeMap<String, String>,
    /// Seconds after which the guest ends the step by itself.
    pub timeout_seconds: u32,
}

/// How a program ended, as the guest tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// It returned this exit status; 0 is success.
    Exited(u8),
    /// This signal ended it.
    Signaled(u8),
    /// The guest ended it because its time was over.
    TimedOut,
}

/// Host to guest, on the control port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToGuest {
    /// Prepares the root; sent once, first. Answered by [`FromGuest::Configured`].
    Configure(Configuration),
    /// Runs a step. Answered by [`FromGuest::Exited`].
    Run(Run),
    /// Runs a program on a terminal of its own; input follows as [`ToGuest::Input`], output comes
    /// on the log port. Answered by [`FromGuest::Exited`].
    Shell(Run),
    /// Typed input for the running shell, at most [`MAX_INPUT_CHUNK`] bytes; empty means the end
    /// of input.
    Input(Vec<u8>),
    /// Writes these trees as one tar archive to the output disk, names relative to `/`. Answered
    /// by [`FromGuest::Archived`]. A path that does not exist is left out.
    Archive(Vec<GuestPath>),
    /// Syncs, unmounts and powers off. Answered by the end of the machine.
    PowerOff,
}

/// Guest to host, on the control port. None of it is to be believed beyond its form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromGuest {
    /// The agent runs and waits for [`ToGuest::Configure`].
    Ready {
        /// Version of the agent.
        agent: String,
    },
    /// The root is mounted.
    Configured,
    /// A step or shell ended.
    Exited {
        /// [`Run::id`] of what ended.
        id: String,
        /// How.
        status: RunStatus,
        /// Bytes it wrote in all [`LogChunk`]s, so that the host can tell when it has them all.
        log_bytes: u64,
    },
    /// The archive is on the output disk and flushed.
    Archived {
        /// Length of the archive in bytes, from the disk's start.
        bytes: u64,
    },
    /// The request could not be carried out; the agent goes on waiting.
    Failed {
        /// What went wrong, for a person.
        message: String,
    },
}

/// Output of the running step, on the log port: standard output and error in the order written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChunk {
    /// At most [`MAX_LOG_CHUNK`] bytes.
    pub bytes: Vec<u8>,
}
