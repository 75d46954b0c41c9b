//! What lies beside packages, and the packages themselves, measured.

use crate::package_file;
use anyhow::{Context as _, Result};
use bessemer_apk::Limits;
use bessemer_apk::package::Reader;
use bessemer_attest::verify::ApkFacts;
use bessemer_attest::{PROOFS_LIMIT, SIDECAR_LIMIT, Sidecar, TrustRoot};
use std::ffi::OsStr;
use std::io::{BufReader, ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What the names of files of envelopes end in.
const ENVELOPES: &str = ".intoto.jsonl";

/// Where what was attested of a package is.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    pub(crate) attestations: PathBuf,
    /// The proofs that these are logged; the file need not be there.
    pub(crate) proofs: PathBuf,
}

impl Beside {
    /// Beside the package itself.
    pub(crate) fn of(package: &Path) -> Self {
        Self {
            attestations: sidecar_path(package),
            proofs: proofs_path(package),
        }
    }

    /// Reads the envelopes, and the proofs if there are any.
    pub(crate) fn read(&self) -> Result<Sidecar> {
        with_proofs(read_envelopes(&self.attestations)?, &self.proofs)
    }
}

/// The attestations beside a package.
pub(crate) fn sidecar_path(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(ENVELOPES);
    PathBuf::from(name)
}

/// What a file of envelopes lies beside, by its name.
pub(crate) fn beside_what(envelopes: &Path) -> Option<PathBuf> {
    let name = envelopes.as_os_str().as_encoded_bytes();
    let name = name.strip_suffix(ENVELOPES.as_bytes())?;
    Some(OsStr::from_bytes(name).into())
}

/// Reads a trust root.
pub(crate) fn read_trust_root(path: &Path) -> Result<TrustRoot> {
    let bytes = fs_err::read(path).context("cannot read the trust root")?;
    TrustRoot::parse(&bytes).with_context(|| format!("{} is no trust root", path.display()))
}

/// The proofs beside a package that its attestations are logged.
pub(crate) fn proofs_path(package: &Path) -> PathBuf {
    let mut name = package.as_os_str().to_owned();
    name.push(".tlog-proof");
    PathBuf::from(name)
}

/// Reads the envelopes beside a package, and the proofs if there are any.
pub(crate) fn read_sidecar(package: &Path) -> Result<Sidecar> {
    Beside::of(package).read()
}

fn read_envelopes(path: &Path) -> Result<Sidecar> {
    let file = fs_err::File::open(path).context("the attestations are missing")?;
    let mut bytes = Vec::new();
    file.take(SIDECAR_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)?;
    Sidecar::parse(&bytes).with_context(|| format!("cannot read {}", path.display()))
}

/// Adds the proofs of a file. Without the file there are none, and verification says what that means.
fn with_proofs(sidecar: Sidecar, path: &Path) -> Result<Sidecar> {
    let file = match fs_err::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(sidecar),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(PROOFS_LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    let read = sidecar.with_proofs(&bytes);
    read.with_context(|| format!("cannot read {}", path.display()))
}

/// What a package file says of itself, measured; the package must be intact.
pub(crate) fn facts(package: &Path) -> Result<ApkFacts> {
    let damaged = "the file is not an intact package";
    let file = BufReader::new(package_file::open(package)?);
    let mut reader = Reader::open(file, Limits::default()).context(damaged)?;
    while reader.next_entry().context(damaged)?.is_some() {}
    let (header, summary) = reader.finish().context(damaged)?;
    Ok(ApkFacts {
        file: package
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256: summary.file_sha256,
        control_sha256: Some(header.control.sha256),
        data_sha256: Some(summary.data_sha256),
    })
}
