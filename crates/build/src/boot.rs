//! What boots: the kernel package, read anew for every run. A copy of its files that lies about could
//! have been changed; a package is what its digest says.

use crate::lock::{ResolveError, Sources, resolve};
use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{EntryKind, IndexEntry, Limits};
use bessemer_attest::documents::LockedBoot;
use bessemer_digest::Digest;
use bessemer_repository::PackageFile;
use bessemer_repository::Repository;
use bessemer_vm::{Bundle, BundleError};
use std::collections::BTreeMap;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// The name that every kernel package provides.
pub const KERNEL: &str = "bessemer-kernel";
/// The folder of a kernel package that holds what boots.
const FOLDER: &str = "boot/";
/// Most bytes of kernel and modules together.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The package with what guests boot: from the first of the operator's repositories that offers one,
/// whatever version later ones name. Who writes a repository that is merely added, or a recipe that
/// names one, must not choose the kernel of other people's guests.
pub fn kernel_package(sources: &Sources<'_>) -> Result<Option<PackageFile>, ResolveError> {
    let offers = |repository: &&Repository| {
        let mut entries = repository.index.entries.iter();
        entries.any(is_kernel)
    };
    let operators = &sources.repositories[sources.of_recipe..];
    let Some(first) = operators.iter().find(offers) else {
        return Ok(None);
    };
    let sources = Sources {
        repositories: std::slice::from_ref(first),
        of_recipe: 0,
        ..*sources
    };
    let chosen = resolve("boot", &[KERNEL.to_owned()], &sources)?;
    Ok(chosen
        .into_iter()
        .find(|package| package.locked.name.starts_with(KERNEL)))
}

/// Whether a package is, or says that it can stand for, what guests boot.
pub fn is_kernel(entry: &IndexEntry) -> bool {
    entry.name.starts_with(KERNEL)
        || entry
            .provides
            .iter()
            .any(|provided| provided.name.starts_with(KERNEL))
}

/// Why there is nothing to boot.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The file system refused.
    #[error("cannot read the kernel package")]
    Io(#[from] std::io::Error),
    /// The package cannot be read.
    #[error("cannot read the kernel package")]
    Package(#[from] ReadError),
    /// The file is not the package that was chosen.
    #[error("the kernel package {package} has digest {found}, and the lock says {expected}")]
    Changed {
        /// Name and version.
        package: String,
        /// In the lock.
        expected: Digest,
        /// Measured now.
        found: Digest,
    },
    /// More than a kernel and its modules can be.
    #[error("the kernel package {0} holds more than {MAX_BYTES} bytes in {FOLDER}")]
    Large(String),
    /// What would boot is not what the lock names.
    #[error("the {what} is {found}; the lock names {expected}")]
    Digest {
        /// Kernel, initramfs or agent.
        what: &'static str,
        /// Measured now.
        found: Digest,
        /// In the lock.
        expected: Digest,
    },
    /// A lock for a machine and a run without one, or the other way round.
    #[error("the lock and this run do not agree whether there is a {what}")]
    Kind {
        /// Kernel or initramfs.
        what: &'static str,
    },
    /// The files do not fit together.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The files of the kernel package's `boot/` folder, by their paths below it.
pub fn boot_files(package: &PackageFile) -> Result<BTreeMap<String, Vec<u8>>, BootError> {
    let name = || format!("{}-{}", package.locked.name, package.locked.version);
    let file = BufReader::new(fs_err::File::open(&package.path)?.into_file());
    let mut reader = Reader::open(file, Limits::default())?;
    let (mut files, mut left) = (BTreeMap::new(), MAX_BYTES);
    while let Some(mut item) = reader.next_entry()? {
        let below = item.entry.path.as_str().strip_prefix(FOLDER);
        let (Some(below), &EntryKind::File { size }) = (below.map(str::to_owned), &item.entry.kind)
        else {
            continue;
        };
        left = left
            .checked_sub(size)
            .ok_or_else(|| BootError::Large(name()))?;
        let mut content = Vec::new();
        item.read_to_end(&mut content)?;
        files.insert(below, content);
    }
    let (_, summary) = reader.finish()?;
    if summary.file_sha256 != package.locked.sha256 {
        return Err(BootError::Changed {
            package: name(),
            expected: package.locked.sha256,
            found: summary.file_sha256,
        });
    }
    Ok(files)
}

/// Compares what would boot with what the lock names.
pub fn check(bundle: &Bundle, locked: &LockedBoot) -> Result<(), BootError> {
    for (what, found, expected) in [
        ("kernel", bundle.kernel_digest(), locked.kernel),
        ("initramfs", bundle.initramfs_digest(), locked.initramfs),
        ("agent", Some(bundle.agent_digest()), Some(locked.agent)),
    ] {
        let (Some(found), Some(expected)) = (found, expected) else {
            if found.is_some() || expected.is_some() {
                return Err(BootError::Kind { what });
            }
            continue;
        };
        if found != expected {
            return Err(BootError::Digest {
                what,
                found,
                expected,
            });
        }
    }
    Ok(())
}

/// Kernel, modules and agent, measured.
pub fn bundle(package: &PackageFile, agent: &Path) -> Result<Bundle, BootError> {
    let origin = Path::new(&package.locked.name).join(FOLDER);
    Ok(Bundle::of_files(&origin, &boot_files(package)?, agent)?)
}
