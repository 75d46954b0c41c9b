//! Why a base cannot be used.

use bessemer_apk::install::ParseDatabaseError;
use bessemer_digest::Digest;
use bessemer_store::StoreError;
use std::io;
use std::path::PathBuf;

/// Why a base cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenBaseError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is a directory, a link, a device or the like.
    #[error("{0} is no regular file")]
    Kind(PathBuf),
    /// A file is larger than it may be.
    #[error("{path} has more than {limit} bytes")]
    Large {
        /// The file.
        path: PathBuf,
        /// In bytes.
        limit: u64,
    },
    /// A document is not what it should be.
    #[error("{path} is no {what}")]
    Document {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A file has another content than its name says, or than the document that names it.
    #[error("{path} has {found} in {size} bytes, not {digest} in {expected}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What it should be.
        digest: Digest,
        /// Bytes that it should have.
        expected: u64,
        /// What it is.
        found: Digest,
        /// Bytes that it has.
        size: u64,
    },
    /// It has no image, or several, for an architecture.
    #[error("{path} has {count} images for linux/{arch}, not one")]
    Images {
        /// The document that lists them.
        path: PathBuf,
        /// OCI's name.
        arch: &'static str,
        /// How many.
        count: usize,
    },
    /// It lists more than one index.
    #[error("{0} lists several indexes")]
    Indexes(PathBuf),
    /// A manifest's configuration is for something else.
    #[error("{path} is for {found}, not for linux/{arch}")]
    Platform {
        /// The configuration.
        path: PathBuf,
        /// `os/architecture`.
        found: String,
        /// OCI's name.
        arch: &'static str,
    },
    /// A document or layer is of a kind that is not known.
    #[error("{path} names something of the media type {found:?}, which a base cannot have")]
    MediaType {
        /// The document.
        path: PathBuf,
        /// The media type.
        found: String,
    },
    /// A layer is an erofs image, which nothing can go on top of.
    #[error("{0} names a layer that is an erofs image: a base has layers of the format `tar`")]
    Erofs(PathBuf),
    /// Configuration and manifest disagree, or there are too many layers.
    #[error(
        "{path} has {layers} layers and {diff_ids} digests of their contents; at most {limit} are read"
    )]
    Layers {
        /// The manifest.
        path: PathBuf,
        /// In the manifest.
        layers: usize,
        /// In the configuration.
        diff_ids: usize,
        /// The most that are read.
        limit: usize,
    },
    /// A layer unpacks to something else than the configuration says.
    #[error("{path} unpacks to {found}, not to {diff_id}, which the configuration names")]
    DiffId {
        /// The layer.
        path: PathBuf,
        /// What it should be.
        diff_id: Digest,
        /// What it is.
        found: Digest,
    },
    /// The database is no UTF-8.
    #[error("{0} is not UTF-8")]
    Encoding(PathBuf),
    /// The database is none.
    #[error("{path} is no database of installed packages")]
    Database {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ParseDatabaseError,
    },
    /// The database has a package twice.
    #[error("{path} has the package {package} twice")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The package.
        package: String,
    },
    /// A layer cannot be kept.
    #[error("cannot keep the layer {path}")]
    Store {
        /// The layer.
        path: PathBuf,
        /// Why not.
        source: StoreError,
    },
}
