//! What boots: the kernel package, unpacked once into the cache.

use crate::lock::{ResolveError, Sources, resolve};
use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{EntryKind, IndexEntry, Limits};
use bessemer_attest::documents::LockedBoot;
use bessemer_digest::Digest;
use bessemer_package::{Scratch, remove_partial};
use bessemer_repository::PackageFile;
use bessemer_repository::Repository;
use bessemer_vm::{Bundle, BundleError};
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

/// The name that every kernel package provides.
pub const KERNEL: &str = "bessemer-kernel";
/// The folder of a kernel package that holds what boots.
const FOLDER: &str = "boot/";

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
    #[error("cannot unpack the kernel package")]
    Io(#[from] std::io::Error),
    /// The package cannot be read.
    #[error("cannot read the kernel package")]
    Package(#[from] ReadError),
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
    /// The unpacked files do not fit together.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// Unpacks the kernel package's `boot/` folder into the cache, by the package's digest.
pub fn unpack(package: &PackageFile, cache: &Path) -> Result<PathBuf, BootError> {
    let directory = cache.join("boot").join(package.locked.sha256.hex());
    if directory.exists() {
        return Ok(directory);
    }
    let parent = cache.join("boot");
    fs_err::create_dir_all(&parent)?;
    remove_partial(&parent)?;
    let temporary = Scratch::new(&parent).directory(&parent)?;
    let file = BufReader::new(fs_err::File::open(&package.path)?.into_file());
    let mut reader = Reader::open(file, Limits::default())?;
    while let Some(mut item) = reader.next_entry()? {
        let path = item.entry.path.as_str().to_owned();
        let Some(below) = path.strip_prefix(FOLDER) else {
            continue;
        };
        // An entry's path has no `..`, and nothing but files and folders is made here, so there is
        // no link to follow out of the directory.
        let target = temporary.path().join(below);
        match item.entry.kind {
            EntryKind::Directory => fs_err::create_dir_all(&target)?,
            EntryKind::File { .. } => {
                if let Some(folder) = target.parent() {
                    fs_err::create_dir_all(folder)?;
                }
                let mut out = fs_err::File::create(&target)?;
                std::io::copy(&mut item, &mut out)?;
                out.flush()?;
            }
            _ => {}
        }
    }
    reader.finish()?;
    fs_err::rename(temporary.keep(), &directory)?;
    Ok(directory)
}

/// Compares what would boot with what the lock names.
pub fn check(bundle: &Bundle, locked: &LockedBoot) -> Result<(), BootError> {
    for (what, found, expected) in [
        ("kernel", bundle.kernel_digest(), locked.kernel),
        ("initramfs", bundle.initramfs_digest(), locked.initramfs),
        ("agent", bundle.agent_digest(), locked.agent),
    ] {
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
pub fn bundle(package: &PackageFile, cache: &Path, agent: &Path) -> Result<Bundle, BootError> {
    Ok(Bundle::load(&unpack(package, cache)?, agent)?)
}
