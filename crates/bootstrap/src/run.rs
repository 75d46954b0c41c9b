//! The whole way, from the machine's apt to a signed repository.

use crate::apt::{self, AptError};
use crate::config::Config;
use crate::draft::{Draft, detect_all};
use crate::facts::ImportFacts;
use crate::fetch::Wanted;
use crate::kernel::KernelError;
use crate::layout::LayoutError;
use crate::selection::Selection;
use crate::write;
use bessemer_apk::index::RenderIndexError;
use bessemer_digest::Digest;
use bessemer_package::detect::DetectError;
use bessemer_package::{EmitError, ScanError, Scratch, sbom::SbomError};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Where to work, and the time of everything written.
#[derive(Debug, Clone)]
pub struct Options {
    /// The repository: packages and index go to `<out>/<architecture>/`.
    pub out: PathBuf,
    /// Debian packages are kept here, by name.
    pub cache: PathBuf,
    /// Where unfinished files are.
    pub scratch: Scratch,
    /// Seconds since 1970.
    pub source_date_epoch: u64,
}

/// Makes signatures; the keys are elsewhere.
pub trait SignBytes {
    /// The signature member that goes before this control member.
    fn sign_control(&mut self, control: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
    /// The signature member that goes before this index.
    fn sign_index(&mut self, index: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// Progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// apt has said what is needed.
    Resolved {
        /// Debian packages, the kernel's included.
        packages: usize,
    },
    /// Package files are about to be fetched.
    Fetching {
        /// How many.
        packages: usize,
        /// Their size.
        bytes: u64,
    },
    /// A Debian package has been read.
    Read {
        /// Its name.
        name: String,
        /// How many have been read.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// An apk has been written.
    Written {
        /// Its name.
        name: String,
        /// How many have been written.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// The index has been put in place.
    Indexed {
        /// Packages in it.
        packages: usize,
    },
}

/// An apk of the repository.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The file.
    pub path: PathBuf,
    /// Package name.
    pub name: String,
    /// Full apk version.
    pub version: String,
    /// Digest of the whole file.
    pub sha256: Digest,
    /// Digest of the control member.
    pub control_sha256: Digest,
    /// Digest of the data member.
    pub data_sha256: Digest,
    /// Size of the whole file in bytes.
    pub size: u64,
    /// Size of the files in bytes.
    pub installed_size: u64,
    /// Where it comes from; `None` for a package that the list alone describes.
    pub facts: Option<ImportFacts>,
}

/// A finished repository.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The directory with the packages and the index.
    pub directory: PathBuf,
    /// apk's name of the architecture.
    pub architecture: String,
    /// Digest of the list.
    pub config_sha256: Digest,
    /// Digest of `APKINDEX.tar.gz`.
    pub index_sha256: Digest,
    /// Every package, sorted by name.
    pub packages: Vec<Imported>,
}

/// Why no repository could be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// apt or dpkg failed.
    #[error(transparent)]
    Apt(#[from] AptError),
    /// The machine's architecture is not supported.
    #[error("Debian architecture `{0}` has no counterpart here")]
    Architecture(String),
    /// Reading or writing files failed.
    #[error("cannot read or write a file")]
    Io(#[from] io::Error),
    /// What a package's files need and provide could not be found.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// A package file is not the one that the lists name.
    #[error("{path} is {found}, but apt's lists say {expected}")]
    Digest {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: Digest,
        /// What the lists say.
        expected: Digest,
    },
    /// A package's archive is refused.
    #[error("cannot take over the files of {path}")]
    Archive {
        /// The package file.
        path: PathBuf,
        /// Why.
        source: ScanError,
    },
    /// A package's files cannot be laid out.
    #[error("cannot lay out the files of `{package}`")]
    Layout {
        /// The package.
        package: String,
        /// Why.
        source: LayoutError,
    },
    /// The kernel package cannot be made.
    #[error("cannot make the kernel package")]
    Kernel(#[from] KernelError),
    /// The list asks for a kernel that apt does not know.
    #[error("apt has no kernel for `{0}`")]
    NoKernel(String),
    /// An SBOM cannot be written.
    #[error("cannot describe `{package}`")]
    Sbom {
        /// The package.
        package: String,
        /// Why.
        source: SbomError,
    },
    /// An apk cannot be written.
    #[error("cannot write `{package}`")]
    Emit {
        /// The package.
        package: String,
        /// Why.
        source: EmitError,
    },
    /// What was written does not read back.
    #[error("the package {path} does not read back")]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<bessemer_apk::package::ReadError>,
    },
    /// The index cannot be written.
    #[error("cannot write the index")]
    Index(#[from] RenderIndexError),
    /// A signature was refused.
    #[error("no signature for {what}")]
    Sign {
        /// What was to be signed.
        what: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Makes an apk repository from Debian packages that apt fetches and verifies.
///
/// The same package files, list and source date give the same bytes. Packages are written one by
/// one and the index last, each put in place at once. Import attestations are the caller's: the
/// facts for them are in the result.
pub fn bootstrap_debian(
    config: &Config,
    options: &Options,
    signer: &mut dyn SignBytes,
    report: &mut dyn FnMut(Event),
) -> Result<Summary, BootstrapError> {
    let architecture = apk_architecture(&apt::architecture()?)?;
    let kernel = config.list.kernel.as_ref();
    let kernel_deb = kernel.and_then(|kernel| kernel.debs.get(architecture));
    let selection = Selection::resolve(config, kernel_deb.map(String::as_str))?;
    let total = selection.packages.len() + usize::from(selection.kernel.is_some());
    report(Event::Resolved { packages: total });

    fs_err::create_dir_all(&options.cache)?;
    let wanted = Wanted::check(
        selection.packages.values().chain(&selection.kernel),
        &options.cache,
    )?;
    report(Event::Fetching {
        packages: wanted.missing.len(),
        bytes: wanted.size(),
    });
    wanted.fetch(&options.cache)?;

    let mut drafts = Vec::new();
    for (name, package) in &selection.packages {
        drafts.push(Draft::of_deb(
            name,
            package,
            &selection,
            config,
            &options.cache,
        )?);
        report(Event::Read {
            name: name.clone(),
            done: drafts.len(),
            total,
        });
    }
    if let Some((kernel, name)) = kernel.zip(kernel_deb) {
        let package = selection.kernel.as_ref();
        let package = package.ok_or_else(|| BootstrapError::NoKernel(name.clone()))?;
        drafts.push(Draft::of_kernel(kernel, package, config, &options.cache)?);
        report(Event::Read {
            name: kernel.name.clone(),
            done: drafts.len(),
            total,
        });
    }
    let listed = config.list.packages.iter();
    for listed in listed.filter(|listed| !selection.packages.contains_key(&listed.name)) {
        drafts.push(Draft::of_list(listed)?);
    }
    detect_all(&mut drafts)?;
    drafts.sort_by(|one, other| one.info.name.cmp(&other.info.name));
    write::repository(drafts, config, options, architecture, signer, report)
}

fn apk_architecture(debian: &str) -> Result<&'static str, BootstrapError> {
    match debian {
        "amd64" => Ok("x86_64"),
        "arm64" => Ok("aarch64"),
        other => Err(BootstrapError::Architecture(other.to_owned())),
    }
}
