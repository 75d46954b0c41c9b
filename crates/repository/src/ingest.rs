//! Taking packages of a repository into the store, checked against the signed index.

use crate::beside::{AttestationsError, Place, keep, sidecar};
use crate::repository::{Access, Repository};
use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{IndexEntry, Limits};
use bessemer_attest::documents::LockedPackage;
use bessemer_attest::verify::{ApkFacts, VerifyError, VerifyPolicy, verify};
use bessemer_attest::{Sidecar, TrustRoot};
use bessemer_digest::Digest;
use bessemer_store::{FetchError, Request, Store, StoreError, Uri, in_parallel};
use serde::{Deserialize, Serialize};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Largest package file, in bytes (4 GiB).
const MAX_PACKAGE: u64 = 4 << 30;
/// A package file and what the lock says of it.
#[derive(Debug, Clone)]
pub struct PackageFile {
    /// Its entry in the lock.
    pub locked: LockedPackage,
    /// The file on this host; it has the lock's digest.
    pub path: PathBuf,
}

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
    /// The file could not be had.
    #[error("cannot fetch package {package}")]
    Fetch {
        /// Name and version.
        package: String,
        /// What the place answered.
        source: FetchError,
    },
    /// The file system refused.
    #[error("cannot read {uri}")]
    Io {
        /// Which file.
        uri: Uri,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is no package, or contradicts itself.
    #[error("{uri} is not an intact package")]
    Package {
        /// Which file.
        uri: Uri,
        /// What the reader found.
        source: ReadError,
    },
    /// The index names another control member.
    #[error(
        "{uri} is not the package that the signed index names: control SHA-1 is {found}, not {expected}"
    )]
    Other {
        /// Which file.
        uri: Uri,
        /// The file's.
        found: String,
        /// The index's.
        expected: String,
    },
    /// The store refused.
    #[error("cannot store {uri}")]
    Store {
        /// Which file.
        uri: Uri,
        /// The cause.
        source: StoreError,
    },
}

/// With what packages are taken.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// How repositories are read.
    pub access: Access<'a>,
    /// Cache directory of this machine.
    pub cache: &'a Path,
    /// What the attestations of packages are verified with; without it they are not looked at.
    pub trust_root: Option<&'a TrustRoot>,
}

/// Takes packages, several at a time; results in the same order.
pub fn ingest_all(
    chosen: &[(&Repository, &IndexEntry)],
    taking: Taking<'_>,
) -> Result<Vec<PackageFile>, IngestError> {
    in_parallel(chosen, |(repository, entry)| {
        ingest(repository, entry, taking)
    })
}

/// Takes one package. A package that was checked before is recognised by what the signed index says
/// of it and is not read again.
pub fn ingest(
    repository: &Repository,
    entry: &IndexEntry,
    taking: Taking<'_>,
) -> Result<PackageFile, IngestError> {
    let uri = repository.package(entry);
    let store = taking.access.store;
    let control_sha1 = hex::encode(entry.checksum.unwrap_or_default());
    let memory = taking.cache.join("packages").join(&control_sha1);
    let known = match remembered(&memory, store) {
        Some(known) => known,
        None => take(entry, &uri, &memory, taking)?,
    };
    let name = repository.package_uri(entry);
    let look = |known: &Known, root| {
        let place = Place {
            uri: &uri,
            name: &name,
            package: &known.sha256,
        };
        let kept = keep(place, Some(&repository.snapshot), taking.access);
        kept.map_err(|source| IngestError::Fetch {
            package: format!("{}-{}", entry.name, entry.version),
            source,
        })?;
        Ok(vouched(place, known, store, root))
    };
    let (known, attestation) = match taking.trust_root {
        None => (known, None),
        Some(root) => match look(&known, root)? {
            // The same package under another signature: what was remembered is the older file.
            Vouched::Others => {
                let known = take(entry, &uri, &memory, taking)?;
                let attestation = look(&known, root)?.digest();
                (known, attestation)
            }
            vouched => (known, vouched.digest()),
        },
    };
    let locked = LockedPackage {
        name: entry.name.clone(),
        version: entry.version.to_string(),
        architecture: entry.arch.clone(),
        uri: name,
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

/// Fetches and checks a package, and remembers that.
fn take(
    entry: &IndexEntry,
    uri: &Uri,
    memory: &Path,
    taking: Taking<'_>,
) -> Result<Known, IngestError> {
    let package = format!("{}-{}", entry.name, entry.version);
    let Access { store, client } = taking.access;
    // The signed index says how large it is; older ones do not.
    let most = match entry.size {
        0 => MAX_PACKAGE,
        size => size.min(MAX_PACKAGE),
    };
    let request = Request {
        uris: vec![uri.clone()],
        most: Some(most),
        ..Request::default()
    };
    let fetched = client.fetch(&request, store);
    let object = fetched
        .map_err(|source| IngestError::Fetch { package, source })?
        .object;
    let expected = hex::encode(entry.checksum.unwrap_or_default());
    let (control_sha256, data_sha256) = check(uri, &expected, &object.digest, store)?;
    let known = Known {
        sha256: object.digest,
        size: object.size,
        control_sha256,
        data_sha256,
    };
    let io = |source| IngestError::Io {
        uri: uri.clone(),
        source,
    };
    if let Some(directory) = memory.parent() {
        fs_err::create_dir_all(directory).map_err(io)?;
    }
    fs_err::write(memory, serde_json::to_vec(&known).unwrap_or_default()).map_err(io)?;
    Ok(known)
}

/// Reads a stored package through: its control member is the one that the index names, and its data
/// the one that the control member names. Returns the SHA-256 of both.
fn check(
    uri: &Uri,
    expected: &str,
    object: &Digest,
    store: &Store,
) -> Result<(Digest, Digest), IngestError> {
    let uri = || uri.clone();
    let package = |source| IngestError::Package { uri: uri(), source };
    let copy = fs_err::File::open(store.object_path(object))
        .map_err(|source| IngestError::Io { uri: uri(), source })?;
    let copy = BufReader::with_capacity(1 << 18, copy.into_file());
    let mut reader = Reader::open(copy, Limits::default()).map_err(package)?;
    let found = hex::encode(reader.header().control.sha1);
    if found != expected {
        return Err(IngestError::Other {
            uri: uri(),
            found,
            expected: expected.to_owned(),
        });
    }
    while reader.next_entry().map_err(package)?.is_some() {}
    let (header, summary) = reader.finish().map_err(package)?;
    Ok((header.control.sha256, summary.data_sha256))
}

/// What the envelopes beside a package say of it.
enum Vouched {
    /// Verified; digest of the envelope that says where it comes from. By these digests a chain of
    /// attestations is walked.
    By(Digest),
    /// A key of the trust root speaks of other bytes under this name.
    Others,
    /// Nothing that the trust root can verify.
    Not,
}

impl Vouched {
    fn digest(self) -> Option<Digest> {
        match self {
            Self::By(digest) => Some(digest),
            Self::Others | Self::Not => None,
        }
    }
}

fn vouched(place: Place<'_>, known: &Known, store: &Store, root: &TrustRoot) -> Vouched {
    let Ok(Some(sidecar)) = sidecar(place, store) else {
        return Vouched::Not;
    };
    let facts = ApkFacts {
        file: place.uri.file_name().to_owned(),
        sha256: known.sha256,
        control_sha256: Some(known.control_sha256),
        data_sha256: Some(known.data_sha256),
    };
    let policy = VerifyPolicy {
        accept_imports: true,
        ..VerifyPolicy::default()
    };
    match verify(&facts, &sidecar, root, &policy) {
        Ok(report) => match report.evidence().first() {
            Some(digest) => Vouched::By(*digest),
            None => Vouched::Not,
        },
        Err(VerifyError::Subject { .. }) => Vouched::Others,
        Err(_) => Vouched::Not,
    }
}

impl PackageFile {
    /// The attestations that lie beside the package; `None` if nothing does.
    pub fn attestations(&self, store: &Store) -> Result<Option<Sidecar>, AttestationsError> {
        let place = Place {
            uri: &self.locked.uri.parse()?,
            name: &self.locked.uri,
            package: &self.locked.sha256,
        };
        Ok(sidecar(place, store)?)
    }
}
