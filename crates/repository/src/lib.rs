//! Package repositories: reading a signed index, taking packages into the store.
//!
//! A repository is a directory, or a URL, with a folder for each architecture that holds
//! `APKINDEX.tar.gz` and packages. [`Repository::open`] believes an index when a key of the keyring
//! signed it, and keeps a snapshot of it; [`ingest`] believes a package when it is the one that the
//! index names (control SHA-1, then the digest of the data that its metadata names). [`Keys`] reads
//! keys from files and URLs, and finds those that a repository's server publishes.
//!
//! Invariants: what is checked is what is kept in the store; no location that is kept or shown has
//! credentials in it; the environment is not read.

mod beside;
mod ingest;
mod keys;
mod location;
mod repository;

pub use beside::{AttestationsError, attestations};
pub use ingest::{IngestError, PackageFile, Taking, ingest, ingest_all};
pub use keys::{KeyError, Keys, published_keys, read_key};
pub use location::{Location, LocationError, Tagged};
pub use repository::{Access, INDEX, OpenRepositoryError, Repository};
