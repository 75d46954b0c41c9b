//! Whether a lock is that of an image file and of a command line.

use super::{Lock, LockedRepository};
use crate::{Architecture, Loaded};
use bessemer_apk::Dependency;
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
            self.check_packages(*arch, appended)?;
        }
        for place in &contents.keyring {
            let place = bessemer_store::shown(place);
            if !locked.keyring.iter().any(|key| key.url == place) {
                return Err(LockMismatch::Key(place));
            }
        }
        Ok(())
    }

    fn check_packages(
        &self,
        arch: Architecture,
        appended: &[Dependency],
    ) -> Result<(), LockMismatch> {
        let of_arch = || {
            let packages = self.contents.packages.iter();
            packages.filter(move |package| package.architecture == arch.apk())
        };
        if of_arch().next().is_none() && !self.contents.packages.is_empty() {
            return Err(LockMismatch::Architecture(arch.apk()));
        }
        for wanted in appended {
            let meets = |package: &super::LockedPackage| {
                let version = bessemer_apk::Version::new(package.version.as_str());
                package.name == wanted.name && wanted.accepts(Some(&version))
            };
            if wanted.conflict || !of_arch().any(meets) {
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
