//! Where packages come from: indexes, and package files that a person names.

use super::Arguments;
use crate::commands::apk::indexes::{self, Named, Opened};
use crate::commands::apk::reach::Reach;
use crate::hints::NO_INDEX;
use crate::missing_index::missing_index;
use crate::package_file;
use crate::print::{self, Hint};
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_apk::install::System;
use bessemer_apk::package::Reader;
use bessemer_apk::solver::{Chosen, Repository};
use bessemer_apk::{Dependency, Index, IndexEntry, Keyring, Limits, VerifyError};
use bessemer_repository::INDEX;
use bessemer_store::Uri;
use std::collections::BTreeSet;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// Everything to choose from.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) arch: String,
    /// What the solver is asked for.
    pub(super) world: Vec<Dependency>,
    /// What is written about the system.
    pub(super) system: System,
    /// Package files that were named, and where they are, in the order of the index.
    files: (Index, Vec<PathBuf>),
    indexes: Vec<Opened>,
    reach: Reach,
}

impl Sources {
    /// Reads keys, indexes and the heads of package files, and checks every signature.
    pub(super) fn open(arguments: &Arguments) -> Result<Self> {
        let repositories = arguments.repositories.iter().map(|named| &named.place);
        let indexes = arguments.indexes.iter().map(|named| &named.place);
        let reach = Reach::open(
            arguments.fetching,
            repositories.chain(indexes).chain(&arguments.keys),
        )?;
        let mut trust = Trust::read(arguments, &reach)?;
        let (paths, words): (Vec<&String>, Vec<&String>) =
            arguments.world.iter().partition(|word| is_file(word));
        let files = trust.packages(&paths)?;
        if paths_only(arguments) && files.0.entries.is_empty() {
            return Err(anyhow!("no repository is named")
                .context(Hint("name one with --repository or --index".to_owned())));
        }
        let words: Vec<Dependency> = words
            .into_iter()
            .map(|word| word.parse())
            .collect::<Result<_, _>>()?;
        let named = arguments.indexes.iter().chain(&arguments.repositories);
        indexes::say_unknown_tags(&words, named.map(|named| &named.tag));
        let mut indexes = indexes::open(&arguments.indexes, trust.keyring.as_ref(), &reach)?;
        let arch = match &arguments.arch {
            Some(arch) => arch.clone(),
            None => usual_arch(&indexes, &files.0, !arguments.repositories.is_empty())?,
        };
        indexes.retain(|one| indexes::arch(&one.index).is_none_or(|own| own == arch));
        for repository in &arguments.repositories {
            indexes.push(trust.open(repository, &arch, arguments, &reach)?);
        }
        for entry in &files.0.entries {
            if !matches!(entry.arch.as_str(), "noarch" | "all" | "") && entry.arch != arch {
                bail!(
                    "{} is for {}, not for {arch}",
                    entry.file_name(),
                    entry.arch
                );
            }
        }
        let exactly =
            |entry: &IndexEntry| Dependency::on_version(entry.name.clone(), &entry.version);
        let of_files: Vec<Dependency> = files.0.entries.iter().map(exactly).collect();
        Ok(Self {
            system: System {
                world: world(&words, &files.0),
                repositories: arguments
                    .repositories
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                keys: trust.files,
                arch: arch.clone(),
            },
            world: words.into_iter().chain(of_files).collect(),
            arch,
            files,
            indexes,
            reach,
        })
    }

    /// What the solver chooses from, package files first.
    pub(super) fn repositories(&self) -> Vec<Repository<'_>> {
        let files = Repository {
            tag: None,
            index: &self.files.0,
        };
        let of_indexes = self.indexes.iter().map(|one| Repository {
            tag: one.tag.as_deref(),
            index: &one.index,
        });
        std::iter::once(files).chain(of_indexes).collect()
    }

    /// Where the files of the packages are, once those of servers have been fetched.
    pub(super) fn package_paths(&self, chosen: &[Chosen<'_>]) -> Result<Vec<PathBuf>> {
        let places = chosen.iter().map(|chosen| {
            let place = self.package_place(chosen);
            (place, chosen.entry.size)
        });
        self.reach.packages(&places.collect::<Vec<_>>())
    }

    fn package_place(&self, chosen: &Chosen<'_>) -> Uri {
        if let Some(index) = chosen.repository.checked_sub(1) {
            let index = &self.indexes[index].place;
            return index.sibling(&chosen.entry.file_name());
        }
        let mut entries = self.files.0.entries.iter();
        let at = entries.position(|entry| std::ptr::eq(entry, chosen.entry));
        Uri::from_path(&self.files.1[at.unwrap_or_default()])
    }

    /// The tag of the repository that a package is from.
    pub(super) fn tag(&self, chosen: &Chosen<'_>) -> Option<&str> {
        let index = chosen.repository.checked_sub(1)?;
        self.indexes[index].tag.as_deref()
    }
}

/// Whether there is nothing to choose from but package files.
fn paths_only(arguments: &Arguments) -> bool {
    arguments.repositories.is_empty() && arguments.indexes.is_empty()
}

/// apk takes what ends so for a file, too.
fn is_file(word: &str) -> bool {
    Path::new(word)
        .extension()
        .is_some_and(|extension| extension == "apk")
}

/// What apk is told was asked for: a package file by its checksum, as `apk add` writes it.
fn world(words: &[Dependency], files: &Index) -> Vec<Dependency> {
    let by_checksum = |entry: &IndexEntry| {
        Dependency::on_checksum(entry.name.clone(), entry.checksum.unwrap_or_default())
    };
    let files = files.entries.iter().map(by_checksum);
    words.iter().cloned().chain(files).collect()
}

/// The architecture that everything is for; this machine's, where nothing says one.
fn usual_arch(indexes: &[Opened], files: &Index, repositories: bool) -> Result<String> {
    let of_files = files.entries.iter().map(|entry| entry.arch.as_str());
    let named: BTreeSet<&str> = indexes
        .iter()
        .filter_map(|one| indexes::arch(&one.index))
        .chain(of_files)
        .filter(|arch| !matches!(*arch, "noarch" | "all" | ""))
        .collect();
    let mut names = named.iter();
    match (names.next(), names.next()) {
        (Some(only), None) => Ok((*only).to_owned()),
        (None, _) if repositories || indexes.is_empty() => Ok(std::env::consts::ARCH.to_owned()),
        (None, _) => Ok("noarch".to_owned()),
        (Some(first), Some(second)) => {
            bail!("there are packages for {first} and for {second}; --arch says which")
        }
    }
}

/// Says of a folder that has no index what it is instead.
fn explained(error: anyhow::Error, repository: &Named, arch: &str) -> anyhow::Error {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    let missing = causes.any(|cause: &io::Error| cause.kind() == io::ErrorKind::NotFound);
    if !missing || repository.place.is_remote() {
        return error;
    }
    let missing = missing_index(&repository.place.file_path(), arch);
    let advice = missing.advice.unwrap_or_else(|| NO_INDEX.to_owned());
    error
        .context(Hint(advice))
        .context(format!("repository {repository} {}", missing.what))
}

/// What may vouch for packages.
struct Trust {
    /// `None` where signatures are not looked at.
    keyring: Option<Keyring>,
    /// The key files, by name.
    files: indexes::KeyFiles,
}

impl Trust {
    fn read(arguments: &Arguments, reach: &Reach) -> Result<Self> {
        let (keyring, files) = indexes::keyring(&arguments.keys, reach)?;
        let remote = |named: &Named| named.place.is_remote();
        let may_find = !arguments.no_key_discovery && arguments.repositories.iter().any(remote);
        if arguments.keys.is_empty() && !arguments.allow_untrusted && !may_find {
            let hint = "name the key with --keyring-append, or take packages from anybody with --allow-untrusted";
            return Err(
                anyhow!("no key was given to check signatures with").context(Hint(hint.to_owned()))
            );
        }
        if arguments.allow_untrusted {
            print::note("signatures are not checked: --allow-untrusted was given");
        }
        Ok(Self {
            keyring: (!arguments.allow_untrusted).then_some(keyring),
            files,
        })
    }

    /// Reads a repository's index; when no known key signed one of a server, the published keys are
    /// known from then on.
    fn open(
        &mut self,
        repository: &Named,
        arch: &str,
        arguments: &Arguments,
        reach: &Reach,
    ) -> Result<Opened> {
        let index = repository.below(&format!("{arch}/{INDEX}"));
        let opened = indexes::open_one(&index, self.keyring.as_ref(), reach)
            .map_err(|error| explained(error, repository, arch));
        let untrusted = opened
            .as_ref()
            .is_err_and(|error| error.downcast_ref::<VerifyError>().is_some());
        let (true, false, Some(keyring)) =
            (untrusted, arguments.no_key_discovery, &mut self.keyring)
        else {
            return opened;
        };
        let found = reach.published_keys(&repository.place, arch)?;
        if found.is_empty() {
            return opened;
        }
        for key in found {
            keyring.add(&key.file_name, &key.pem)?;
            self.files.insert(key.file_name, key.pem.into_bytes());
        }
        indexes::open_one(&index, self.keyring.as_ref(), reach)
    }

    /// The package files that were named, and where they are.
    fn packages(&self, paths: &[&String]) -> Result<(Index, Vec<PathBuf>)> {
        let mut files = (Index::default(), Vec::new());
        for path in paths.iter().map(PathBuf::from) {
            let entry = self.package(&path)?;
            if files.0.entries.iter().any(|other| other.name == entry.name) {
                bail!("two package files are {}", entry.name);
            }
            files.0.entries.push(entry);
            files.1.push(path);
        }
        Ok(files)
    }

    /// What an index would say of a package file, whose signature over the control member is
    /// checked.
    fn package(&self, path: &Path) -> Result<IndexEntry> {
        let file = package_file::open(path)?;
        let size = file.metadata()?.len();
        let reader = Reader::open(BufReader::new(file), Limits::default())
            .with_context(|| format!("{} is no package", path.display()))?;
        let header = reader.header();
        if let Some(keyring) = &self.keyring {
            keyring
                .verify(&header.signatures, &header.control.bytes)
                .with_context(|| format!("nothing vouches for {}", path.display()))?;
        }
        let entry = IndexEntry::from_package(&header.control, size);
        // Both become lines of apk's files.
        let dependency = Dependency::on_version(entry.name.clone(), &entry.version);
        if dependency.to_string().parse() != Ok(dependency) {
            bail!("{} is not named as a package can be", path.display());
        }
        Ok(entry)
    }
}
