//! The file system of an image: its packages, and everything that the image file adds to them.
//!
//! The steps and their order are apko's (`Context.buildImage`); what is made has time 0 unless said
//! otherwise.

mod accounts;
mod busybox;
mod certificates;
mod error;
mod loader_cache;
mod paths;
mod services;

pub use error::BuildTreeError;

use crate::Architecture;
use crate::base::Base;
use crate::configuration::Configuration;
use crate::offers::Key;
use crate::packages::Package;
use bessemer_apk::install::{Assembly, Contents as _, EditError, Root, System};
use bessemer_apk::package::{Content as _, Reader};
use bessemer_apk::{Dependency, Limits};
use bessemer_attest::go_json;
use bessemer_install::{Spool, Spooled};
use std::collections::BTreeMap;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Largest file that is read to be changed, in bytes: `etc/passwd`, a bundle of certificates.
const MAX_READ: u64 = 64 << 20;

/// What an image of one architecture is made of.
#[derive(Debug)]
pub struct Ingredients<'a> {
    /// Which one.
    pub arch: Architecture,
    /// What it goes on top of.
    pub base: Option<&'a Base>,
    /// The image file.
    pub configuration: &'a Configuration,
    /// The packages, in the order of installation.
    pub packages: &'a [Package],
    /// All of them as constraints: the world of the image.
    pub world: &'a [Dependency],
    /// Keys that vouched for repositories; they are part of the image.
    pub keys: &'a [Key],
    /// The time that is given, in seconds since 1970.
    pub epoch: Epoch,
}

/// The time that images are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epoch {
    /// This one, in seconds since 1970.
    Exactly(u64),
    /// That of the newest package, and no less than this.
    AtLeast(u64),
}

impl Epoch {
    /// The time of an image with these packages, and those of its base.
    pub fn of(self, packages: &[Package], base: Option<&Base>) -> u64 {
        match self {
            Self::Exactly(time) => time,
            Self::AtLeast(time) => {
                let below = base.into_iter().flat_map(|base| &base.index.entries);
                let entries = packages.iter().map(|one| &one.entry).chain(below);
                let times = entries.filter_map(|entry| entry.build_time);
                times.max().unwrap_or(0).max(time)
            }
        }
    }
}

/// A finished file system.
#[derive(Debug)]
pub struct Tree {
    /// What is in it.
    pub root: Root<Spooled>,
    /// The user that containers run as: a number where `etc/passwd` knows the name.
    pub user: String,
    pub(crate) spool: Spool,
    pub(crate) time: u64,
}

impl Tree {
    /// Puts everything together; contents of files are kept in a file of `scratch`.
    pub fn build(ingredients: &Ingredients<'_>, scratch: &Path) -> Result<Self, BuildTreeError> {
        let mut assembly = Assembly::new(Spool::in_directory(scratch)?);
        if let Some(base) = ingredients.base {
            assembly.put_on(base.database.clone());
        }
        for package in ingredients.packages {
            let file = fs_err::File::open(&package.path)?;
            let file = BufReader::with_capacity(1 << 18, file.into_file());
            let unreadable = |source| BuildTreeError::Package {
                package: package.entry.file_name(),
                source,
            };
            let reader = Reader::open(file, Limits::default()).map_err(unreadable)?;
            assembly.add(reader, &package.entry, package.tag.as_deref())?;
        }
        let (root, spool) = assembly.finish(&system(ingredients))?;
        let mut tree = Self {
            root,
            spool,
            user: String::new(),
            time: ingredients.epoch.of(ingredients.packages, ingredients.base),
        };
        tree.complete(ingredients)?;
        Ok(tree)
    }

    fn complete(&mut self, ingredients: &Ingredients<'_>) -> Result<(), BuildTreeError> {
        let configuration = ingredients.configuration;
        // Accounts of a base are in layers that are not read.
        if ingredients.base.is_none() {
            self.user = self.add_accounts(&configuration.accounts)?;
        }
        let text = go_json::line(&described(ingredients, &self.user))?;
        self.write("/etc/apko.json", 0o444, text.as_bytes())?;
        self.root.set_mode("/etc/apko.json", 0o444)?;
        self.change_paths(&configuration.paths)?;
        self.add_certificates(configuration.certificates.as_ref())?;
        self.add_bundle_sums()?;
        self.add_runtime_keys(&configuration.contents.runtime_keyring)?;
        self.add_services(&configuration.entrypoint.services)?;
        self.add_busybox_links()?;
        self.add_loader_cache()?;
        Ok(())
    }

    /// Makes a file, or gives one that is there another content.
    fn write(&mut self, path: &str, mode: u32, bytes: &[u8]) -> Result<(), BuildTreeError> {
        let size = bytes.len() as u64;
        let content = self.spool.keep(&mut &bytes[..], size)?;
        self.root.write_file(path, mode, (content, size))?;
        Ok(())
    }

    /// The content of a file; `None` where there is none.
    pub(crate) fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, BuildTreeError> {
        let Some((entry, content)) = self.root.look(path) else {
            return Ok(None);
        };
        let (size, place) = (entry.size(), entry.path.clone());
        let Some(content) = content else {
            let expected = "file";
            return Err(EditError::Kind {
                path: place,
                expected,
            }
            .into());
        };
        if size > MAX_READ {
            return Err(BuildTreeError::Large(place));
        }
        let mut bytes = Vec::new();
        content.open()?.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// The same as text.
    pub(crate) fn read_text(&mut self, path: &str) -> Result<Option<String>, BuildTreeError> {
        match self.read(path)?.map(String::from_utf8) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(BuildTreeError::Encoding(path.to_owned())),
        }
    }
}

/// What apk itself has in the image.
fn system(ingredients: &Ingredients<'_>) -> System {
    let contents = &ingredients.configuration.contents;
    let runtime = contents
        .repositories
        .iter()
        .chain(&contents.runtime_repositories);
    let mut repositories: Vec<String> = runtime.map(|place| without_secrets(place)).collect();
    repositories.sort();
    repositories.dedup();
    let key = |key: &Key| (key.name.clone(), key.pem.clone().into_bytes());
    let mut world = ingredients.world.to_vec();
    world.extend(ingredients.base.into_iter().flat_map(Base::world));
    System {
        arch: ingredients.arch.apk().to_owned(),
        world,
        repositories,
        keys: ingredients.keys.iter().map(key).collect::<BTreeMap<_, _>>(),
    }
}

/// A repository's location, with its tag and without user name and password.
fn without_secrets(place: &str) -> String {
    match place.split_once(char::is_whitespace) {
        Some((tag, place)) if tag.starts_with('@') => {
            format!("{tag} {}", bessemer_store::without_user(place))
        }
        _ => bessemer_store::without_user(place),
    }
}

/// What `/etc/apko.json` says: the image file for this architecture, every package in its version.
/// Where the image file came from is left out, so that a commit which changes nothing in the image
/// leaves its layers as they are.
fn described(ingredients: &Ingredients<'_>, user: &str) -> Configuration {
    let mut shown = ingredients.configuration.clone();
    user.clone_into(&mut shown.accounts.run_as);
    let contents = &mut shown.contents;
    for list in [
        &mut contents.build_repositories,
        &mut contents.repositories,
        &mut contents.keyring,
    ] {
        list.sort();
        list.dedup();
    }
    let places = contents.repositories.iter_mut();
    for place in places
        .chain(&mut contents.build_repositories)
        .chain(&mut contents.runtime_repositories)
        .chain(&mut contents.keyring)
    {
        *place = without_secrets(place);
    }
    let mut packages: Vec<String> = ingredients.world.iter().map(ToString::to_string).collect();
    packages.sort();
    contents.packages = packages;
    shown.archs = vec![ingredients.arch];
    shown.vcs_url = String::new();
    shown
}
