//! A content-addressed store and checked downloads into it.
//!
//! [`Store`] is a directory of immutable objects named by their SHA-256. Objects appear whole or
//! not at all, and are hashed again whenever they are read: nothing that happened to the disk
//! since can slip into a build. [`Client`] brings sources and packages in over HTTP(S) or from the
//! file system, within limits of size and time, and believes only what has the expected digest.
//!
//! The directory's layout is described in `docs/formats/store.md`.
//!
//! Invariant: no message contains the credentials or the query of a URI.

mod client;
mod credentials;
mod expected;
mod failure;
mod incoming;
mod names;
mod parallel;
mod prune;
mod remembered;
mod settings;
mod store;
mod transfer;
mod uri;
mod validators;

pub use client::{Client, Fetched, Origin, Request};
pub use credentials::{Credentials, ParseCredentialsError};
pub use expected::{Expected, ParseSha512Error, Sha512};
pub use failure::{Failure, FailureCause, FetchError};
pub use incoming::{Incoming, Sealed};
pub use parallel::in_parallel;
pub use prune::Pruned;
pub use settings::{ClientError, Limits, Observer, Settings, authorities};
pub use store::{Object, Store, StoreError};
pub use uri::{ParseUriError, Uri, shown, without_user};
