//! From an image file and its packages to images.

use crate::base::{Base, Bases};
use crate::layers::{Compression, Layering, LayersError, layers};
use crate::lock::{Lock, LockedBase, LockedConfig, LockedContents, LockedKey, LockedRepository};
use crate::oci::{self, DescribeError, Image, ImageIndex};
use crate::offers::Key;
use crate::packages::{Package, TakeError, take_chosen};
use crate::resolve::{Choice, pinned, resolve_pinned, world};
use crate::sbom::Inventory;
use crate::tree::{BuildTreeError, Epoch, Ingredients, Tree};
use crate::{Architecture, Configuration, Format, Loaded, Offers, ResolveError};
use bessemer_apk::{Dependency, ParseDependencyError};
use bessemer_repository::{LocationError, Taking};
use bessemer_store::Store;
use std::collections::BTreeMap;
use std::path::Path;

/// What is installed for one architecture.
#[derive(Debug)]
pub struct Contents {
    /// Which one.
    pub arch: Architecture,
    /// The packages, in the order of installation.
    pub packages: Vec<Package>,
    /// All of them as constraints.
    pub world: Vec<Dependency>,
    /// What they are installed upon.
    pub base: Option<Base>,
}

/// How images are built.
#[derive(Debug, Clone, Copy)]
pub struct BuildOptions<'a> {
    /// Their time.
    pub epoch: Epoch,
    /// How layers are compressed.
    pub compression: Compression,
    /// Where compressed layers are kept.
    pub store: &'a Store,
    /// Directory for what is only needed meanwhile.
    pub scratch: &'a Path,
}

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// The images.
    pub images: ImageIndex,
    /// What is in each, in the same order.
    pub inventories: Vec<Inventory>,
}

/// Why images cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The image file names a base, and none was given.
    #[error("there is no base for {0}")]
    NoBase(&'static str),
    /// The file system cannot be put together.
    #[error("cannot put the file system for {arch} together")]
    Tree {
        /// For which architecture, apk's name.
        arch: &'static str,
        /// Why not.
        source: BuildTreeError,
    },
    /// Layers cannot be made.
    #[error(transparent)]
    Layers(#[from] LayersError),
    /// Documents cannot be written.
    #[error(transparent)]
    Describe(#[from] DescribeError),
}

/// Why the packages of an image cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// They cannot be chosen.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// They cannot be taken.
    #[error(transparent)]
    Take(#[from] TakeError),
}

/// The packages to install after a choice, in the order in which apko installs them. An image on a base
/// needs a lock.
pub fn chosen_contents(
    configuration: &Configuration,
    choices: &[Choice<'_>],
    offers: &Offers,
    taking: Taking<'_>,
) -> Result<Vec<Contents>, ContentsError> {
    let asked = world(configuration).map_err(ResolveError::from)?;
    let pin = |choice: &Choice<'_>| {
        let packages = choice.packages.iter();
        let versions = packages.map(|(_, entry)| (entry.name.as_str(), &entry.version));
        (choice.arch, pinned(&asked, versions))
    };
    let worlds: BTreeMap<Architecture, Vec<Dependency>> = choices.iter().map(pin).collect();
    let mut all = Vec::new();
    for choice in resolve_pinned(&worlds, offers)? {
        all.push(Contents {
            arch: choice.arch,
            packages: take_chosen(&choice, taking)?,
            world: worlds.get(&choice.arch).cloned().unwrap_or_default(),
            base: None,
        });
    }
    Ok(all)
}

/// The packages to install, as a lock has them.
pub fn locked_contents(
    configuration: &Configuration,
    arch: Architecture,
    packages: Vec<Package>,
    base: Option<Base>,
) -> Result<Contents, ParseDependencyError> {
    let asked = world(configuration)?;
    let entries = packages.iter().map(|package| &package.entry);
    let versions = entries.map(|entry| (entry.name.as_str(), &entry.version));
    Ok(Contents {
        arch,
        world: pinned(&asked, versions),
        packages,
        base,
    })
}

/// The lock of a choice. Its packages stand in the order of the choice, as apko has them.
pub fn lock(
    loaded: &Loaded,
    keys: &[Key],
    packages: &[(Architecture, Vec<Package>)],
    bases: &Bases,
) -> Result<Lock, LocationError> {
    let contents = &loaded.configuration.contents;
    let mut locked = LockedContents {
        keyring: keys.iter().map(LockedKey::new).collect(),
        baseimage: LockedBase::all(bases),
        ..LockedContents::default()
    };
    locked
        .keyring
        .sort_by(|one, other| one.name.cmp(&other.name));
    for (arch, packages) in packages {
        for (places, repositories) in [
            (&contents.build_repositories, &mut locked.build_repositories),
            (
                &contents.runtime_repositories,
                &mut locked.runtime_repositories,
            ),
            (&contents.repositories, &mut locked.repositories),
        ] {
            for place in places {
                repositories.push(LockedRepository::new(place, *arch)?);
            }
        }
        let packages = packages.iter().map(|package| package.locked.clone());
        locked.packages.extend(packages);
    }
    let config = LockedConfig {
        name: loaded.name.clone(),
        checksum: loaded.checksum.clone(),
    };
    Ok(Lock::new(config, locked))
}

/// Builds the images of all architectures, one after the other; what takes long in each, compressing,
/// is done in parallel.
pub fn build(
    configuration: &Configuration,
    contents: &[Contents],
    keys: &[Key],
    options: BuildOptions<'_>,
) -> Result<Built, BuildError> {
    let mut contents: Vec<&Contents> = contents.iter().collect();
    contents.sort_by_key(|contents| contents.arch);
    let (mut images, mut inventories) = (Vec::new(), Vec::new());
    for contents in contents {
        let (image, inventory) = build_one(configuration, contents, keys, options)?;
        images.push(image);
        inventories.push(inventory);
    }
    let images = oci::index(configuration, images)?;
    Ok(Built {
        images,
        inventories,
    })
}

fn build_one(
    configuration: &Configuration,
    contents: &Contents,
    keys: &[Key],
    options: BuildOptions<'_>,
) -> Result<(Image, Inventory), BuildError> {
    let base = contents.base.as_ref();
    if configuration.contents.baseimage.is_some() && base.is_none() {
        return Err(BuildError::NoBase(contents.arch.apk()));
    }
    let ingredients = Ingredients {
        arch: contents.arch,
        base,
        configuration,
        packages: &contents.packages,
        world: &contents.world,
        keys,
        epoch: options.epoch,
    };
    let failed = |source| BuildError::Tree {
        arch: contents.arch.apk(),
        source,
    };
    let mut tree = Tree::build(&ingredients, options.scratch).map_err(failed)?;
    let inventory = tree.inventory().map_err(failed)?;
    let user = tree.user.clone();
    let layering = Layering {
        format: configuration.format.unwrap_or(Format::Tar),
        budget: configuration.origin_budget(),
        compression: options.compression,
        store: options.store,
        scratch: options.scratch,
    };
    let layers = layers(tree, layering)?;
    let created = options.epoch.of(&contents.packages, base);
    let image = oci::image(contents.arch, configuration, &user, layers, base, created)?;
    Ok((image, inventory))
}
