//! What the control side and the proxy tell each other.
//!
//! The control side holds the other end of the proxy's standard input, a stream socket, and gives it
//! one byte with descriptors beside it: the guest's data port, the [`Config`] as JSON, and in replay
//! the recorded bodies. Standard output is the file that bodies are written to. On the socket the
//! proxy answers with [`Report`]s, each a line of JSON of at most [`MAX_LINE`] bytes.

use bessemer_digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest line of a report, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;
/// Longest configuration, in bytes: that of a replay names every exchange.
pub const MAX_CONFIG: u64 = 256 * 1024 * 1024;

/// What the guest may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What the lists allow; all of it is recorded.
    Recorded,
    /// What was recorded; no server is asked.
    Replay,
    /// Everything, private addresses included; for a person who looks for a mistake.
    Open,
}

/// How the proxy is to work.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the guest may reach.
    pub mode: Mode,
    /// What it may ask for, as `HOST[:PORT][/PATH]`; empty for everything.
    pub allow: Vec<String>,
    /// What it may not ask for; stronger than `allow`.
    pub deny: Vec<String>,
    /// `HOST:PORT` that may be at an address that is not public.
    pub private: Vec<String>,
    /// The limits.
    pub limits: Limits,
    /// Certificate authorities that servers are believed by, PEM.
    pub authorities: String,
    /// What servers are told of who asks.
    pub credentials: Vec<Credential>,
    /// In replay: what was recorded, in order.
    pub recorded: Vec<Recorded>,
}

/// What one server is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The server's host, as in a URL.
    pub host: String,
    /// The value of `Authorization`.
    pub authorization: String,
}

/// Of one guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one response body.
    pub body_bytes: u64,
    /// Bytes of one request body.
    pub request_bytes: u64,
    /// Bytes of all bodies.
    pub total_bytes: u64,
    /// Exchanges.
    pub exchanges: u64,
    /// Seconds without a byte from a server.
    pub idle_seconds: u64,
    /// Seconds for one exchange.
    pub exchange_seconds: u64,
}

impl Default for Limits {
    /// 4 GiB a body, 64 MiB a request, 32 GiB and 20,000 exchanges in all; a minute of silence, half
    /// an hour an exchange.
    fn default() -> Self {
        Self {
            body_bytes: 4 << 30,
            request_bytes: 64 << 20,
            total_bytes: 32 << 30,
            exchanges: 20_000,
            idle_seconds: 60,
            exchange_seconds: 1800,
        }
    }
}

impl Limits {
    /// How long the file for bodies has to be: space is given out in pieces that are not always used
    /// to their end.
    pub const fn spool_bytes(&self) -> u64 {
        self.total_bytes
            .saturating_mul(2)
            .saturating_add(self.exchanges.saturating_mul(1 << 17))
    }
}

/// An exchange of an earlier build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What was asked.
    pub asked: Asked,
    /// What was answered.
    pub answer: Answer,
    /// Where the body starts in the file of bodies.
    pub offset: u64,
}

/// A request, as far as it is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The URL; values in its query that look like secrets are replaced.
    pub url: String,
    /// The range that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
    /// The body that was sent, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
}

/// The bytes of a body, by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Their digest, as they were delivered: not unpacked.
    pub sha256: Digest,
    /// How many.
    pub size: u64,
}

/// What the guest was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers that were passed on, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Body,
    /// Whether the body came to its end.
    pub complete: bool,
    /// For an answer that the proxy made because no server gave one: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A finished exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// What was asked.
    pub asked: Asked,
    /// What was answered.
    pub answer: Answer,
    /// The git objects that the request names as wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
    /// Where the body is in the file of bodies: offset and length of each piece.
    pub pieces: Vec<(u64, u64)>,
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalKind {
    /// It is not on the list of what is allowed.
    NotAllowed,
    /// It is on the list of what is denied.
    Denied,
    /// Nothing was recorded for it.
    NotRecorded,
    /// It is at an address that is not public.
    PrivateAddress,
    /// It is not a port for HTTP.
    Port,
    /// It is no request that can be taken.
    Protocol,
    /// A limit is reached.
    Limit,
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What was asked for, as far as it is known.
    pub url: String,
    /// What kind of reason.
    pub kind: RefusalKind,
    /// The reason, for a person.
    pub reason: String,
}

/// From the proxy to the control side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    /// It serves; the certificate of its authority, PEM.
    Ready(String),
    /// An exchange is finished.
    Exchange(Box<Exchange>),
    /// A request was refused.
    Refused(Refusal),
    /// The guest has gone and every exchange is finished.
    Done,
}

// Both written out because of the credentials.
impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Config")
            .field("mode", &self.mode)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credential")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}
