//! Taking a package of a repository into the store, checked against the signed index.

use super::Sources;
use crate::environment::PackageFile;
use crate::repository::Repository;
use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{IndexEntry, Limits};
use bessemer_attest::documents::LockedPackage;
use bessemer_attest::verify::{ApkFacts, VerifyPolicy, verify};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_digest::Digest;
use bessemer_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Largest package file, in bytes (4 GiB).
const MAX_PACKAGE: u64 = 4 << 30;

/// What is remembered of a package that was checked before, by the digest its index names.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    sha256: Digest,
    size: u64,
    control_sha256: Digest,
    data_sha256: Digest,
}

/// Why a package was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The file system refused.
    #[error("cannot read {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is no package, or contradicts itself.
    #[error("{path} is not an intact package")]
    Package {
        /// Which file.
        path: PathBuf,
        /// What the reader found.
        source: ReadError,
    },
    /// The index names another control member.
    #[error(
        "{path} is not the package that the signed index names: control SHA-1 is {found}, not {expected}"
    )]
    Other {
        /// Which file.
        path: PathBuf,
        /// The file's.
        found: String,
        /// The index's.
        expected: String,
    },
    /// The store refused.
    #[error("cannot store {path}")]
    Store {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: StoreError,
    },
}

/// Takes one package. A package that was checked before is recognised by what the signed index says
/// of it and is not read again.
pub fn ingest(
    repository: &Repository,
    entry: &IndexEntry,
    sources: &Sources<'_>,
) -> Result<PackageFile, IngestError> {
    let path = repository.package_path(entry);
    let (store, cache) = (sources.store, sources.cache);
    let control_sha1 = hex::encode(entry.checksum.unwrap_or_default());
    let memory = cache.join("packages").join(&control_sha1);
    let known = match remembered(&memory, store) {
        Some(known) => known,
        None => check(&path, &control_sha1, store, &memory)?,
    };
    let attestation = sources
        .trust_root
        .and_then(|root| attestation(&path, &known, root));
    let locked = LockedPackage {
        name: entry.name.clone(),
        version: entry.version.to_string(),
        architecture: entry.arch.clone(),
        uri: repository.package_uri(entry),
        sha256: known.sha256,
        size: known.size,
        control_sha1,
        attestation,
        from_build: false,
    };
    Ok(PackageFile {
        path: store.object_path(&known.sha256),
        locked,
    })
}

fn remembered(memory: &Path, store: &Store) -> Option<Known> {
    let known: Known = serde_json::from_slice(&fs_err::read(memory).ok()?).ok()?;
    store.object_path(&known.sha256).exists().then_some(known)
}

fn check(path: &Path, expected: &str, store: &Store, memory: &Path) -> Result<Known, IngestError> {
    let io = |source| IngestError::Io {
        path: path.to_path_buf(),
        source,
    };
    let package = |source| IngestError::Package {
        path: path.to_path_buf(),
        source,
    };
    let stored = |source| IngestError::Store {
        path: path.to_path_buf(),
        source,
    };
    // Stored first and read from there: what is checked is what will be used.
    let file = fs_err::File::open(path).map_err(io)?;
    let object = store.insert(file, MAX_PACKAGE).map_err(stored)?;
    let (sha256, size) = (object.digest, object.size);
    let copy = fs_err::File::open(store.object_path(&sha256)).map_err(io)?;
    let mut reader = Reader::open(
        BufReader::with_capacity(1 << 18, copy.into_file()),
        Limits::default(),
    )
    .map_err(package)?;
    let found = hex::encode(reader.header().control.sha1);
    if found != expected {
        return Err(IngestError::Other {
            path: path.to_path_buf(),
            found,
            expected: expected.to_owned(),
        });
    }
    while reader.next_entry().map_err(package)?.is_some() {}
    let (header, summary) = reader.finish().map_err(package)?;
    let known = Known {
        sha256,
        size,
        control_sha256: header.control.sha256,
        data_sha256: summary.data_sha256,
    };
    if let Some(directory) = memory.parent() {
        fs_err::create_dir_all(directory).map_err(io)?;
    }
    let text = serde_json::to_vec(&known).unwrap_or_default();
    fs_err::write(memory, text).map_err(io)?;
    Ok(known)
}

/// Digest of the envelope beside the package that says where it comes from, once it has been
/// verified: by these digests a chain of attestations is walked.
fn attestation(package: &Path, known: &Known, root: &TrustRoot) -> Option<Digest> {
    let mut path = package.as_os_str().to_owned();
    path.push(".intoto.jsonl");
    let sidecar = Sidecar::parse(&fs_err::read(PathBuf::from(path)).ok()?).ok()?;
    let facts = ApkFacts {
        file: package.file_name()?.to_string_lossy().into_owned(),
        sha256: known.sha256,
        control_sha256: Some(known.control_sha256),
        data_sha256: Some(known.data_sha256),
    };
    let policy = VerifyPolicy {
        accept_imports: true,
        ..VerifyPolicy::default()
    };
    let report = verify(&facts, &sidecar, root, &policy).ok()?;
    report.evidence().first().copied()
}
