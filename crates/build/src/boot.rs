//! What boots: kernel and agent out of their packages, read anew for every run. A copy of its files that lies about could
//! have been changed; a package is what its digest says.

mod choosing;

use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{EntryKind, Limits};
use bessemer_attest::documents::LockedBoot;
use bessemer_digest::Digest;
use bessemer_repository::PackageFile;
use bessemer_vm::{Bundle, BundleError, agent_program};
use std::collections::BTreeMap;
use std::io::{BufReader, Read as _};
use std::path::Path;

pub use choosing::{agent_package, boots_guests, kernel_package};

/// The name that every kernel package provides.
pub const KERNEL: &str = "bessemer-kernel";
/// The name of the package with the agent.
pub const AGENT: &str = "bessemer-agent";
/// The folder of a kernel package that holds what boots.
const FOLDER: &str = "boot/";
/// The folder of an agent's package that holds the program.
const AGENT_FOLDER: &str = "usr/libexec/bessemer/";
/// Most bytes of kernel and modules together.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Why there is nothing to boot.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The file system refused.
    #[error("cannot read a package with what boots")]
    Io(#[from] std::io::Error),
    /// The package cannot be read.
    #[error("cannot read a package with what boots")]
    Package(#[from] ReadError),
    /// The file is not the package that was chosen.
    #[error("the package {package} has digest {found}, and the lock says {expected}")]
    Changed {
        /// Name and version.
        package: String,
        /// In the lock.
        expected: Digest,
        /// Measured now.
        found: Digest,
    },
    /// More than a kernel and its modules can be.
    #[error("the package {0} holds more than {MAX_BYTES} bytes of what boots")]
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
    /// A package that says it has the agent does not have it.
    #[error("the package {0} holds no {AGENT_FOLDER}{AGENT}")]
    NoAgent(String),
    /// The files do not fit together.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The files of the kernel package's `boot/` folder, by their paths below it.
pub fn boot_files(package: &PackageFile) -> Result<BTreeMap<String, Vec<u8>>, BootError> {
    files_below(FOLDER, package)
}

fn files_below(
    folder: &str,
    package: &PackageFile,
) -> Result<BTreeMap<String, Vec<u8>>, BootError> {
    let name = || format!("{}-{}", package.locked.name, package.locked.version);
    let file = BufReader::new(fs_err::File::open(&package.path)?.into_file());
    let mut reader = Reader::open(file, Limits::default())?;
    let (mut files, mut left) = (BTreeMap::new(), MAX_BYTES);
    while let Some(mut item) = reader.next_entry()? {
        let below = item.entry.path.as_str().strip_prefix(folder);
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

/// Where the agent comes from.
#[derive(Debug, Clone, Copy)]
pub enum Agent<'a> {
    /// A package, which is read anew.
    Package(&'a PackageFile),
    /// A program of this host.
    Program(&'a Path),
}

impl Agent<'_> {
    /// The program's bytes; a package is held against its lock.
    fn bytes(self) -> Result<Vec<u8>, BootError> {
        match self {
            Self::Program(path) => Ok(agent_program(path)?),
            Self::Package(package) => {
                let mut files = files_below(AGENT_FOLDER, package)?;
                files.remove(AGENT).ok_or_else(|| {
                    let locked = &package.locked;
                    BootError::NoAgent(format!("{}-{}", locked.name, locked.version))
                })
            }
        }
    }
}

/// Kernel, modules and agent, measured; the agent alone where there is no kernel.
pub fn bundle(kernel: Option<&PackageFile>, agent: Agent<'_>) -> Result<Bundle, BootError> {
    let agent = agent.bytes()?;
    let Some(kernel) = kernel else {
        return Ok(Bundle::without_kernel(agent));
    };
    let origin = Path::new(&kernel.locked.name).join(FOLDER);
    Ok(Bundle::of_files(&origin, &boot_files(kernel)?, agent)?)
}
