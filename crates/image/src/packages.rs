//! The package files of an image: fetched, and held against the index or the lock that names them.

use crate::Architecture;
use crate::lock::{Lock, LockedMember, LockedPackage};
use crate::resolve::Choice;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{IndexEntry, Limits, Sha1Bytes};
use bessemer_digest::Digest;
use bessemer_repository::{Access, IngestError, Taking, ingest_all};
use bessemer_store::{FetchError, ParseUriError, Request, StoreError, Uri, in_parallel};
use sha1::{Digest as _, Sha1};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// What the store calls packages of locks, by the SHA-256 of their data and the SHA-1 of their control.
const LOCKED: &str = "locked-package";

/// A package file that was checked.
#[derive(Debug, Clone)]
pub struct Package {
    /// What a lock says of it.
    pub locked: LockedPackage,
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub entry: IndexEntry,
    /// The tag of the repository it came from; a lock does not know it.
    pub tag: Option<String>,
}

/// Why packages cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// An index names it, and it cannot be had.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A lock names it, and it cannot be had.
    #[error("cannot fetch {url}")]
    Fetch {
        /// Its place.
        url: String,
        /// What the place answered.
        source: FetchError,
    },
    /// A lock names no place for it.
    #[error("the lock's place of {name} cannot be read")]
    Place {
        /// The package.
        name: String,
        /// Why not.
        source: ParseUriError,
    },
    /// The file cannot be read.
    #[error("cannot read {url}")]
    Io {
        /// Its place.
        url: String,
        /// Why not.
        source: io::Error,
    },
    /// The file is no package.
    #[error("{url} is no package")]
    Package {
        /// Its place.
        url: String,
        /// Why not.
        source: ReadError,
    },
    /// The store refused.
    #[error("cannot store {url}")]
    Store {
        /// Its place.
        url: String,
        /// Why not.
        source: StoreError,
    },
    /// It is not the package that was locked.
    #[error("{url} is not what was locked: {part} is {found}, not {locked}")]
    Other {
        /// Its place.
        url: String,
        /// What differs.
        part: &'static str,
        /// Of the file.
        found: String,
        /// Of the lock.
        locked: String,
    },
}

/// Takes the packages that were chosen for one architecture, in the same order.
pub fn take_chosen(choice: &Choice<'_>, taking: Taking<'_>) -> Result<Vec<Package>, TakeError> {
    let files = ingest_all(&choice.packages, taking)?;
    let chosen: Vec<_> = choice.packages.iter().zip(files).collect();
    in_parallel(&chosen, |((repository, entry), file)| {
        let url = file.locked.uri.clone();
        let measured = Measured::of(&file.path, &url)?;
        Ok(Package {
            locked: measured.locked(entry, url, choice.arch),
            entry: measured.entry,
            path: file.path.clone(),
            tag: repository.tag.clone(),
        })
    })
}

/// Takes the packages that a lock names for one architecture, in its order. Each is read through and
/// must be what the lock says, signature, control member and data alike.
pub fn take_locked(
    lock: &Lock,
    arch: Architecture,
    access: Access<'_>,
) -> Result<Vec<Package>, TakeError> {
    let packages = lock.contents.packages.iter();
    let of_arch: Vec<&LockedPackage> = packages
        .filter(|package| package.architecture == arch.apk())
        .collect();
    in_parallel(&of_arch, |locked| take_one(locked, arch, access))
}

fn take_one(
    locked: &LockedPackage,
    arch: Architecture,
    access: Access<'_>,
) -> Result<Package, TakeError> {
    let url = locked.url.clone();
    let stored = |source| TakeError::Store {
        url: url.clone(),
        source,
    };
    let key = hex::encode(Sha1::digest(
        [
            locked.control.checksum.as_str(),
            &locked.data.checksum,
            &locked.signature.checksum,
        ]
        .join(" "),
    ));
    let known = access.store.bound(LOCKED, &key).map_err(stored)?;
    let digest = match known.filter(|digest| access.store.contains(digest)) {
        Some(digest) => digest,
        None => fetch(locked, access)?,
    };
    let path = access.store.object_path(&digest);
    let measured = Measured::of(&path, &url)?;
    let found = measured.locked(&measured.entry, url.clone(), arch);
    compare(locked, &found)?;
    access.store.bind(LOCKED, &key, &digest).map_err(stored)?;
    Ok(Package {
        locked: locked.clone(),
        path,
        entry: measured.entry,
        tag: None,
    })
}

fn fetch(locked: &LockedPackage, access: Access<'_>) -> Result<Digest, TakeError> {
    let uri: Uri = locked.url.parse().map_err(|source| TakeError::Place {
        name: locked.name.clone(),
        source,
    })?;
    let request = Request {
        uris: vec![uri],
        most: last_byte(&locked.data.range).and_then(|last| last.checked_add(1)),
        ..Request::default()
    };
    let fetched = access.client.fetch(&request, access.store);
    let fetched = fetched.map_err(|source| TakeError::Fetch {
        url: locked.url.clone(),
        source,
    })?;
    Ok(fetched.object.digest)
}

fn last_byte(range: &str) -> Option<u64> {
    range.rsplit_once('-')?.1.parse().ok()
}

fn compare(locked: &LockedPackage, found: &LockedPackage) -> Result<(), TakeError> {
    let members = |package: &LockedPackage| {
        let text = |member: &LockedMember| format!("{} {}", member.range, member.checksum);
        [
            ("the name", package.name.clone()),
            ("the version", package.version.clone()),
            ("the checksum", package.checksum.clone()),
            ("the control member", text(&package.control)),
            ("the data", text(&package.data)),
            ("the signature", text(&package.signature)),
        ]
    };
    for ((part, locked_text), (_, found_text)) in members(locked).into_iter().zip(members(found)) {
        if locked_text != found_text {
            return Err(TakeError::Other {
                url: locked.url.clone(),
                part,
                found: found_text,
                locked: locked_text,
            });
        }
    }
    Ok(())
}

/// What a package file is made of.
struct Measured {
    entry: IndexEntry,
    /// Bytes and SHA-1.
    signature: (u64, Sha1Bytes),
    control: (u64, Sha1Bytes),
    /// Bytes and SHA-256.
    data: (u64, Digest),
}

impl Measured {
    /// Reads a file through.
    fn of(path: &Path, url: &str) -> Result<Self, TakeError> {
        let io = |source| TakeError::Io {
            url: url.to_owned(),
            source,
        };
        let file = fs_err::File::open(path).map_err(io)?;
        let mut copy = file.file().try_clone().map_err(io)?;
        let reader = Reader::open(
            BufReader::with_capacity(1 << 18, file.into_file()),
            Limits::default(),
        );
        let reader = reader.map_err(|source| TakeError::Package {
            url: url.to_owned(),
            source,
        })?;
        let header = reader.header();
        let signature = &header.signature_member;
        let control = &header.control;
        let before = (signature.len() + control.bytes.len()) as u64;
        copy.seek(SeekFrom::Start(before)).map_err(io)?;
        let (data_sha256, data_size) = Digest::of_reader(&mut copy as &mut dyn Read).map_err(io)?;
        Ok(Self {
            entry: IndexEntry::from_package(control, before + data_size),
            signature: (signature.len() as u64, Sha1::digest(signature).into()),
            control: (control.bytes.len() as u64, control.sha1),
            data: (data_size, data_sha256),
        })
    }

    fn locked(&self, entry: &IndexEntry, url: String, arch: Architecture) -> LockedPackage {
        let (control_at, data_at) = (self.signature.0, self.signature.0 + self.control.0);
        let sha1 = |sha1: &Sha1Bytes| format!("sha1-{}", STANDARD.encode(sha1));
        let signature = match self.signature {
            (0, _) => LockedMember::default(),
            (size, sum) => LockedMember {
                range: range(0, size),
                checksum: sha1(&sum),
            },
        };
        LockedPackage {
            name: entry.name.clone(),
            url,
            version: entry.version.to_string(),
            architecture: arch.apk().to_owned(),
            signature,
            control: LockedMember {
                range: range(control_at, self.control.0),
                checksum: sha1(&self.control.1),
            },
            data: LockedMember {
                range: range(data_at, self.data.0),
                checksum: format!("sha256-{}", STANDARD.encode(self.data.1.as_bytes())),
            },
            checksum: format!("Q1{}", STANDARD.encode(self.control.1)),
        }
    }
}

/// The bytes of a member, as HTTP names a range.
fn range(start: u64, size: u64) -> String {
    format!("bytes={start}-{}", (start + size).saturating_sub(1))
}
