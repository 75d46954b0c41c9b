//! Telling whoever wants to know.

use crate::reference::Tag;
use bessemer_digest::Digest;
use std::time::Duration;

/// Follows a push or a copy; several threads tell it at a time.
pub trait Reporter: Send + Sync + std::fmt::Debug {
    /// Takes one event.
    fn report(&self, event: &Event<'_>);
}

/// What happens while images move.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A blob is in the target repository.
    Blob {
        /// Which.
        digest: &'a Digest,
        /// Its bytes.
        size: u64,
        /// How it came there.
        how: Arrival,
    },
    /// `bytes` of a blob are sent; comes about once for 64 KiB, and goes back when something is sent
    /// again.
    Sent {
        /// Which.
        digest: &'a Digest,
        /// Sent so far, in bytes.
        bytes: u64,
        /// All of it, in bytes.
        total: u64,
    },
    /// `bytes` of a blob are received.
    Received {
        /// Which.
        digest: &'a Digest,
        /// Received so far, in bytes.
        bytes: u64,
        /// All of it, in bytes.
        total: u64,
    },
    /// An upload that broke off goes on.
    Resumed {
        /// Which blob.
        digest: &'a Digest,
        /// What the registry has of it, in bytes.
        bytes: u64,
    },
    /// A request failed in a way that may pass, and is repeated.
    Repeated {
        /// Method and address, without secrets.
        request: &'a str,
        /// How it failed.
        cause: &'a str,
        /// How long it is waited before.
        wait: Duration,
    },
    /// A manifest is in the target repository.
    Manifest {
        /// Which.
        digest: &'a Digest,
        /// The tag that it has now.
        tag: Option<&'a Tag>,
    },
    /// Another writer changed a tag with attachments at the same time; what it had written was kept,
    /// and ours was added again.
    Merged {
        /// The tag.
        tag: &'a Tag,
        /// Writes of ours so far.
        writes: u32,
    },
    /// Something that is listed beside an image cannot be had, and was not copied.
    LeftOut {
        /// Which manifest.
        digest: &'a Digest,
    },
    /// A Sigstore bundle refers to a manifest with attachments: cosign 3 does not look at these then.
    Hidden {
        /// The manifest.
        digest: &'a Digest,
    },
}

/// How a blob came to be in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It was there.
    Present,
    /// The registry took it from another repository of its own.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _event: &Event<'_>) {}
}
