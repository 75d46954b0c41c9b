//! Whether a lock is that of an image file and of a command line.

use super::{Lock, LockedBase, LockedRepository};
use crate::base::{Base, Bases};
use crate::{Architecture, Loaded};
use bessemer_apk::{Dependency, Version};
use bessemer_repository::LocationError;

/// What a lock says otherwise than the image file or the command line.
#[derive(Debug, thiserror::Error)]
pub enum LockMismatch {
    /// The image file, or one that it includes, was changed.
    #[error("{name} is not what was locked: its checksum is {found}, not {locked}")]
    Config {
        /// The image file.
        name: String,
        /// Its checksum.
        found: String,
        /// The lock's.
        locked: String,
    },
    /// Nothing was locked for an architecture.
    #[error("nothing was locked for {0}")]
    Architecture(&'static str),
    /// A repository is not the lock's.
    #[error("the repositories are not those that were locked: {0}")]
    Repositories(String),
    /// A key is not in the lock.
    #[error("the key {0} is not in the lock")]
    Key(String),
    /// A package that the command line adds is not in the lock.
    #[error("{package} is not in the lock for {arch}")]
    Package {
        /// The constraint.
        package: String,
        /// apk's name.
        arch: &'static str,
    },
    /// A lock that apko made of an image on a base.
    #[error("the lock does not say which base it is for on {0}")]
    BaseUnnamed(&'static str),
    /// The base is not the lock's.
    #[error("the base for {arch} is {found}, not {locked}, which was locked")]
    Base {
        /// apk's name.
        arch: &'static str,
        /// Digests of its manifest and of its database.
        found: String,
        /// The lock's.
        locked: String,
    },
    /// A repository's location is none.
    #[error(transparent)]
    Location(#[from] LocationError),
}

impl Lock {
    /// Checks that this is the lock of the image file, with all that the command line adds to it.
    pub fn check(
        &self,
        loaded: &Loaded,
        archs: &[Architecture],
        appended: &[Dependency],
        bases: &Bases,
    ) -> Result<(), LockMismatch> {
        if loaded.checksum != self.config.checksum {
            return Err(LockMismatch::Config {
                name: loaded.name.clone(),
                found: loaded.checksum.clone(),
                locked: self.config.checksum.clone(),
            });
        }
        let (locked, contents) = (&self.contents, &loaded.configuration.contents);
        for arch in archs {
            for (places, locked) in [
                (&contents.build_repositories, &locked.build_repositories),
                (&contents.runtime_repositories, &locked.runtime_repositories),
                (&contents.repositories, &locked.repositories),
            ] {
                check_repositories(places, locked, *arch)?;
            }
            self.check_base(*arch, bases.get(arch))?;
            self.check_packages(*arch, appended, bases.get(arch))?;
        }
        for place in &contents.keyring {
            let place = bessemer_store::shown(place);
            if !locked.keyring.iter().any(|key| key.url == place) {
                return Err(LockMismatch::Key(place));
            }
        }
        Ok(())
    }

    fn check_base(&self, arch: Architecture, base: Option<&Base>) -> Result<(), LockMismatch> {
        let found = base.map(|base| LockedBase::new(base, arch));
        let mut bases = self.contents.baseimage.iter();
        let locked = bases.find(|base| base.architecture == arch.apk());
        if found.as_ref() == locked {
            return Ok(());
        }
        if locked.is_none() {
            return Err(LockMismatch::BaseUnnamed(arch.apk()));
        }
        let text = |base: Option<&LockedBase>| match base {
            Some(base) => format!("{} with {}", base.manifest, base.apkindex),
            None => "none".to_owned(),
        };
        Err(LockMismatch::Base {
            arch: arch.apk(),
            found: text(found.as_ref()),
            locked: text(locked),
        })
    }

    fn check_packages(
        &self,
        arch: Architecture,
        appended: &[Dependency],
        base: Option<&Base>,
    ) -> Result<(), LockMismatch> {
        let of_arch = || {
            let packages = self.contents.packages.iter();
            packages.filter(move |package| package.architecture == arch.apk())
        };
        let nothing = of_arch().next().is_none() && base.is_none();
        if nothing && !self.contents.packages.is_empty() {
            return Err(LockMismatch::Architecture(arch.apk()));
        }
        for wanted in appended {
            let meets = |name: &str, version: &Version| {
                name == wanted.name && wanted.accepts(Some(version))
            };
            let locked = of_arch()
                .map(|package| {
                    (
                        package.name.as_str(),
                        Version::new(package.version.as_str()),
                    )
                })
                .any(|(name, version)| meets(name, &version));
            let mut installed = base.into_iter().flat_map(|base| &base.index.entries);
            let in_base = installed.any(|entry| meets(&entry.name, &entry.version));
            if wanted.conflict || !(locked || in_base) {
                return Err(LockMismatch::Package {
                    package: wanted.to_string(),
                    arch: arch.apk(),
                });
            }
        }
        Ok(())
    }
}

fn check_repositories(
    places: &[String],
    locked: &[LockedRepository],
    arch: Architecture,
) -> Result<(), LockMismatch> {
    let mut own = Vec::new();
    for place in places {
        own.push(LockedRepository::new(place, arch)?);
    }
    let of_arch = locked.iter().filter(|one| one.architecture == arch.apk());
    let mut locked: Vec<&LockedRepository> = of_arch.collect();
    for repository in &own {
        let Some(at) = locked.iter().position(|other| *other == repository) else {
            let what = format!("{} was not", repository.name);
            return Err(LockMismatch::Repositories(what));
        };
        locked.remove(at);
    }
    match locked.first() {
        Some(left) => {
            let what = format!("{} was", left.name);
            Err(LockMismatch::Repositories(what))
        }
        None => Ok(()),
    }
}
