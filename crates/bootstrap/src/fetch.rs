//! Package files: taken from the cache if their digest is right, else fetched by apt.

use crate::apt::{self, AptError, Chosen};
use crate::lists::Available;
use crate::run::BootstrapError;
use bessemer_digest::Digest;
use bessemer_package::{Archive, Limits, Tree};
use std::io;
use std::path::{Path, PathBuf};

/// Which package files are there already and which must be fetched.
pub(crate) struct Wanted<'a> {
    pub(crate) missing: Vec<&'a Available>,
}

impl<'a> Wanted<'a> {
    /// Looks through `cache` and takes away files that are not what the lists name.
    pub(crate) fn check(
        packages: impl IntoIterator<Item = &'a Available>,
        cache: &Path,
    ) -> io::Result<Self> {
        let mut missing = Vec::new();
        for package in packages {
            let path = path(package, cache);
            if !path.exists() {
                missing.push(package);
            } else if Digest::of_reader(fs_err::File::open(&path)?)?.0 != package.sha256 {
                fs_err::remove_file(&path)?;
                missing.push(package);
            }
        }
        Ok(Self { missing })
    }

    /// Bytes to fetch.
    pub(crate) fn size(&self) -> u64 {
        self.missing
            .iter()
            .filter_map(|one| one.paragraph.get("Size").parse::<u64>().ok())
            .sum()
    }

    /// Has apt fetch what is missing, and checks it once more.
    pub(crate) fn fetch(&self, cache: &Path) -> Result<(), BootstrapError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let chosen: Vec<Chosen> = self.missing.iter().map(|package| key(package)).collect();
        apt::download(&chosen, cache)?;
        for package in &self.missing {
            let path = path(package, cache);
            let found = Digest::of_reader(fs_err::File::open(&path)?)?.0;
            if found != package.sha256 {
                return Err(BootstrapError::Digest {
                    path,
                    found,
                    expected: package.sha256,
                });
            }
        }
        Ok(())
    }
}

fn key(package: &Available) -> Chosen {
    Chosen {
        name: package.paragraph.get("Package").to_owned(),
        version: package.paragraph.get("Version").to_owned(),
    }
}

fn path(package: &Available, cache: &Path) -> PathBuf {
    cache.join(apt::file_name(&package.paragraph))
}

/// The files of a package, as an archive in an unnamed temporary file below `cache`.
pub(crate) fn open(package: &Available, cache: &Path) -> Result<Tree, BootstrapError> {
    let archive = tempfile::tempfile_in(cache)?;
    let deb = path(package, cache);
    apt::file_system_archive(&deb, archive.try_clone().map_err(AptError::List)?)?;
    Archive::scan(archive, &Limits::default())
        .map_err(|source| BootstrapError::Archive { path: deb, source })
}
