//! How registries are reached.

use bessemer_store::Uri;
use std::path::PathBuf;
use std::time::Duration;

/// How registries are reached. Nothing is taken from the environment.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits of each request.
    pub limits: Limits,
    /// A file with trusted certificate authorities (PEM); by default that of the system.
    pub authorities: Option<PathBuf>,
    /// URI of a proxy for HTTP and HTTPS. Registries on this machine are reached without it.
    pub proxy: Option<Uri>,
    /// Speak HTTP without TLS to every registry. Those on this machine are always spoken to so, and
    /// no password or token is sent to another.
    pub plain_http: bool,
    /// The folder for nameless temporary files: what is copied goes through one.
    pub spool: PathBuf,
}

/// Limits of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts of a request that fails in a way that may pass: no connection, one that breaks off,
    /// statuses 408, 425, 429 and 5xx.
    pub attempts: u32,
    /// Wait before the second attempt; doubled before each further one.
    pub back_off: Duration,
    /// Longest wait that a registry may ask for (`Retry-After`).
    pub wait: Duration,
    /// Longest silence of a registry. A registry hashes a blob before it answers.
    pub stall: Duration,
    /// Longest time of one request.
    pub request: Duration,
    /// Blobs of up to this many bytes are sent in one piece; larger ones in pieces of this size,
    /// after each of which an upload that breaks off can go on. A registry may ask for larger ones.
    pub piece: u64,
    /// Bytes of one blob.
    pub blob: u64,
    /// Writes of a tag with attachments until no other writer was in between.
    pub writes: u32,
}

impl Settings {
    /// The defaults, with this folder for temporary files.
    pub fn new(spool: impl Into<PathBuf>) -> Self {
        Self {
            limits: Limits::default(),
            authorities: None,
            proxy: None,
            plain_http: false,
            spool: spool.into(),
        }
    }
}

impl Default for Limits {
    /// 5 attempts from half a second apart, at most one minute's wait when asked for; 3 minutes of
    /// silence, an hour a request, pieces of 16 MiB, blobs of 16 GiB, 10 writes.
    fn default() -> Self {
        Self {
            attempts: 5,
            back_off: Duration::from_millis(500),
            wait: Duration::from_secs(60),
            stall: Duration::from_secs(180),
            request: Duration::from_secs(60 * 60),
            piece: 16 << 20,
            blob: 16 << 30,
            writes: 10,
        }
    }
}
