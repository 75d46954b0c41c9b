//! The environment disk: an erofs image written straight from the streams of its packages.
//!
//! Nothing is unpacked to the host's file system and nothing is run; what a path may be and who wins
//! a conflict is decided by [`bessemer_apk::install`]. The image is a function of the packages alone
//! and is cached under their digests.

mod audit;
mod convert;
mod remembered;
#[cfg(test)]
mod shared;

pub use audit::{Audit, AuditError, audit};

use crate::environment::convert::to_tree;
use bessemer_apk::index::RenderIndexError;
use bessemer_apk::install::{Contents as _, InstallError, InstalledPackage, Item, Root};
use bessemer_apk::package::{ReadError, Reader};
use bessemer_apk::{Entry, EntryKind, Limits};
use bessemer_digest::Digest;
use bessemer_erofs::{DataRef, WriteError};
use bessemer_install::{Image, ImageError};
use bessemer_package::{partial_file, remove_partial};
use bessemer_repository::PackageFile;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

/// Changes whenever the same packages would give other bytes.
const FORMAT: &str = "environment-disk/v2";

/// A disk that a guest mounts as its root.
#[derive(Debug, Clone)]
pub struct EnvironmentDisk {
    /// The image on this host.
    pub path: PathBuf,
    /// Digest of the image.
    pub digest: Digest,
    /// Whether an earlier run had written it.
    pub reused: bool,
}

/// Why no environment disk could be made.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The file system refused.
    #[error("cannot write the environment disk")]
    Io(#[from] std::io::Error),
    /// A package cannot be read.
    #[error("cannot read package {package}")]
    Package {
        /// Name and version.
        package: String,
        /// What the reader found.
        source: ReadError,
    },
    /// Two packages cannot stand together.
    #[error("the packages of this environment do not fit together")]
    Install(#[from] InstallError),
    /// The image writer refused.
    #[error("cannot write the environment disk's file system")]
    Image(#[from] WriteError),
    /// The tree does not fit the image.
    #[error(transparent)]
    Tree(#[from] ImageError),
    /// The database of installed packages cannot be written.
    #[error("cannot write the database of installed packages")]
    Database(#[from] RenderIndexError),
    /// A file of the store is not the one that the lock names.
    #[error("package {package} has digest {found}, and the lock says {expected}")]
    Digest {
        /// Name and version.
        package: String,
        /// What the lock says.
        expected: Digest,
        /// What was read.
        found: Digest,
    },
    /// A package brings marks that would hide or move files of other packages in the guest.
    #[error("package {package} sets the overlay attribute `{attribute}` on {path}")]
    Overlay {
        /// Name and version.
        package: String,
        /// The attribute's full name.
        attribute: String,
        /// The file that bears it.
        path: String,
    },
    /// A path fits nowhere in the image.
    #[error("cannot place a file in the environment disk")]
    Place(#[from] bessemer_erofs::InsertError),
}

/// The disk for these packages, in install order: from the cache, or written now.
pub fn environment_disk(
    packages: &[PackageFile],
    cache: &Path,
) -> Result<EnvironmentDisk, EnvironmentError> {
    disk_named(&key(packages).hex(), packages, cache)
}

/// The disk that the cache has under this name, which must say what is on it.
fn disk_named(
    name: &str,
    packages: &[PackageFile],
    cache: &Path,
) -> Result<EnvironmentDisk, EnvironmentError> {
    let directory = cache.join("disks");
    fs_err::create_dir_all(&directory)?;
    remove_partial(&directory)?;
    let path = directory.join(format!("{name}.erofs"));
    if let Some(digest) = remembered::recall(&path)? {
        return Ok(EnvironmentDisk {
            path,
            digest,
            reused: true,
        });
    }
    let mut image = partial_file(&directory)?;
    write(packages, image.as_file_mut())?;
    image.as_file().sync_data()?;
    let (digest, _) = Digest::of_reader(fs_err::File::open(image.path())?)?;
    image.persist(&path).map_err(|error| error.error)?;
    remembered::remember(&path, digest)?;
    Ok(EnvironmentDisk {
        path,
        digest,
        reused: false,
    })
}

/// What the image depends on.
fn key(packages: &[PackageFile]) -> Digest {
    let mut text = String::from(FORMAT);
    for package in packages {
        text.push('\n');
        text.push_str(&package.locked.sha256.to_string());
    }
    Digest::of(text)
}

fn write(packages: &[PackageFile], image: &mut File) -> Result<(), EnvironmentError> {
    let mut image = Image::new(BufWriter::with_capacity(1 << 20, image))?;
    let mut root: Root<DataRef> = Root::new();
    for package in packages {
        add(package, &mut root, &mut image)?;
    }
    let tree = to_tree(root, &mut image)?;
    image.finish(tree)?;
    Ok(())
}

fn add<W: std::io::Write + std::io::Seek>(
    package: &PackageFile,
    root: &mut Root<DataRef>,
    image: &mut Image<W>,
) -> Result<(), EnvironmentError> {
    let name = || format!("{}-{}", package.locked.name, package.locked.version);
    let failed = |source| EnvironmentError::Package {
        package: name(),
        source,
    };
    let file = BufReader::with_capacity(1 << 18, fs_err::File::open(&package.path)?.into_file());
    let mut reader = Reader::open(file, Limits::default()).map_err(failed)?;
    let control = &reader.header().control;
    let number = root.add_package(InstalledPackage::from_package(control, package.locked.size));
    while let Some(mut item) = reader.next_entry().map_err(failed)? {
        let entry = item.entry.clone();
        refuse_overlay_attributes(&entry, name)?;
        let content = match entry.kind {
            EntryKind::File { size } => Some(image.keep(&mut item, size)?),
            _ => None,
        };
        let item = Item {
            mtime: item.mtime,
            sha1: item.sha1,
            content,
            entry,
        };
        root.insert(number, item)?;
    }
    let (_, summary) = reader.finish().map_err(failed)?;
    if summary.file_sha256 != package.locked.sha256 {
        return Err(EnvironmentError::Digest {
            package: name(),
            expected: package.locked.sha256,
            found: summary.file_sha256,
        });
    }
    Ok(())
}

/// The guest mounts the image as the lower layer of an overlay, which takes these attributes for
/// its own marks: an opaque directory would hide what other packages put there.
fn refuse_overlay_attributes(
    entry: &Entry,
    package: impl Fn() -> String,
) -> Result<(), EnvironmentError> {
    match entry.overlay_attribute() {
        None => Ok(()),
        Some(attribute) => Err(EnvironmentError::Overlay {
            package: package(),
            attribute: attribute.to_owned(),
            path: entry.path.as_str().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_apk::EntryPath;

    #[test]
    fn a_package_cannot_hide_the_files_of_another() {
        let mut entry = Entry {
            path: EntryPath::new("etc").unwrap(),
            kind: EntryKind::Directory,
            mode: 0o755,
            uid: 0,
            gid: 0,
            xattrs: [("security.capability".to_owned(), vec![1])].into(),
        };
        refuse_overlay_attributes(&entry, || "base-1".to_owned()).unwrap();
        let opaque = "trusted.overlay.opaque".to_owned();
        entry.xattrs.insert(opaque, b"y".to_vec());
        let error = refuse_overlay_attributes(&entry, || "base-1".to_owned()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "package base-1 sets the overlay attribute `trusted.overlay.opaque` on etc"
        );
    }
}
