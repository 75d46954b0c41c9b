//! Repositories and keys, from the command line and from recipes.

use crate::fetching::{FetchArguments, Fetching};
use crate::hints::NO_REPOSITORY;
use crate::missing_index::missing_index;
use crate::places::Places;
use crate::print::{self, Hint};
use anyhow::{Context as _, Result, anyhow};
use bessemer_attest::TrustRoot;
use bessemer_attest::documents::LockedKey;
use bessemer_build::lock::Sources;
use bessemer_recipe::Plan;
use bessemer_repository::{Access, Keys, Location, OpenRepositoryError, Repository, Tagged};
use bessemer_store::{Store, Uri};

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct RepositoryArguments {
    /// Repository that packages come from: a folder or URL with `<architecture>/APKINDEX.tar.gz`, or
    /// `@tag` and one, for constraints with that tag; may be repeated
    #[arg(short = 'r', long = "repository-append", value_name = "DIR|URL")]
    pub(crate) repositories: Vec<String>,
    /// Public key that signs a repository's index, a file or a URL; may be repeated
    #[arg(short = 'k', long = "keyring-append", value_name = "FILE|URL")]
    pub(crate) keys: Vec<String>,
    /// Trust no key that was not named: without this, an index that no known key signed is checked
    /// with the keys that Alpine, or the repository's own server, publishes for it over TLS
    #[arg(long)]
    pub(crate) no_key_discovery: bool,
    #[command(flatten)]
    pub(crate) fetching: FetchArguments,
}

/// Opened repositories and the keys they were checked with.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) repositories: Vec<Repository>,
    pub(crate) keys: Vec<LockedKey>,
    pub(crate) fetching: Fetching,
    of_recipe: usize,
}

/// What a recipe says of repositories and keys. Its keys vouch for its own repositories alone.
#[derive(Debug, Default)]
pub(crate) struct OfRecipe {
    repositories: Vec<String>,
    keys: Vec<String>,
}

impl OfRecipe {
    /// Of all the environments of a plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        let packages = std::iter::once(&plan.package).chain(&plan.subpackages);
        let tests = packages.filter_map(|package| package.test.as_ref());
        let mut own = Self::default();
        for environment in
            std::iter::once(&plan.environment).chain(tests.map(|test| &test.environment))
        {
            add_new(&mut own.repositories, &environment.repositories);
            add_new(&mut own.keys, &environment.keyring);
        }
        own
    }
}

fn add_new(all: &mut Vec<String>, more: &[String]) {
    for text in more {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
}

impl Opened {
    /// Packages come from here, into this store; the attestations of packages are looked at if
    /// there is a trust root.
    pub(crate) fn sources<'a>(
        &'a self,
        store: &'a Store,
        places: &'a Places,
        trust_root: Option<&'a TrustRoot>,
    ) -> Sources<'a> {
        Sources {
            repositories: &self.repositories,
            of_recipe: self.of_recipe,
            keys: &self.keys,
            store,
            client: &self.fetching.client,
            cache: &places.cache,
            trust_root,
        }
    }
}

impl RepositoryArguments {
    /// The key files' names, as provenance states them.
    pub(crate) fn key_names(&self) -> Vec<String> {
        let name = |place: &String| place.parse().map(|uri: Uri| uri.file_name().to_owned());
        self.keys.iter().filter_map(|key| name(key).ok()).collect()
    }

    /// The repositories as provenance states them: without credentials.
    pub(crate) fn locations(&self) -> Result<Vec<String>> {
        let shown = |text: &String| Ok(text.parse::<Tagged>()?.to_string());
        self.repositories.iter().map(shown).collect()
    }

    /// Reads the keys and opens every repository, the recipe's own first.
    pub(crate) fn open(&self, own: &OfRecipe, arch: &str, store: &Store) -> Result<Opened> {
        // One that is named in both places is the operator's.
        let of_recipe = own.repositories.iter();
        let of_recipe: Vec<&String> = of_recipe
            .filter(|location| !self.repositories.contains(location))
            .collect();
        if of_recipe.is_empty() && self.repositories.is_empty() {
            return Err(anyhow!("no repository is named").context(Hint(NO_REPOSITORY.to_owned())));
        }
        let named = own.repositories.iter().chain(&self.repositories);
        let uris = uris(named.chain(&own.keys).chain(&self.keys));
        let fetching = self.fetching.open(&uris)?;
        let mut opening = Opening {
            access: Access {
                store,
                client: &fetching.client,
            },
            arch,
            discovers: !self.no_key_discovery,
            repositories: Vec::new(),
        };
        let mut keys = Keys::default();
        for place in &self.keys {
            match keys.add(place, opening.access) {
                Err(error) if error.is_missing_file() => {
                    print::warning(&format!("the key {place} is not there, left out"));
                }
                added => added?,
            }
        }
        let mut recipes_keys = keys.clone();
        for place in &own.keys {
            recipes_keys.add(place, opening.access)?;
        }
        for location in of_recipe {
            opening.open(location, &mut recipes_keys)?;
        }
        let of_recipe = opening.repositories.len();
        for location in &self.repositories {
            opening.open(location, &mut keys)?;
        }
        if opening.repositories.is_empty() {
            let error = anyhow!("no repository has an index for {arch}");
            return Err(error.context(Hint(NO_REPOSITORY.to_owned())));
        }
        recipes_keys.extend(&keys)?;
        Ok(Opened {
            repositories: opening.repositories,
            keys: recipes_keys.locked().to_vec(),
            fetching,
            of_recipe,
        })
    }
}

/// Those that are URIs, without their tags; what is none is reported by whoever uses it.
fn uris<'a>(places: impl Iterator<Item = &'a String>) -> Vec<Uri> {
    let untagged = places.map(|place| place.rsplit(char::is_whitespace).next().unwrap_or(place));
    untagged.filter_map(|place| place.parse().ok()).collect()
}

/// Opening one repository after another.
struct Opening<'a> {
    access: Access<'a>,
    arch: &'a str,
    discovers: bool,
    repositories: Vec<Repository>,
}

impl Opening<'_> {
    /// Opens one, after a look for its keys if that must be. A directory that has no index yet, such
    /// as the one that a first build is going to fill, is passed over.
    fn open(&mut self, location: &str, keys: &mut Keys) -> Result<()> {
        let location: Tagged = location.parse()?;
        let open =
            |keys: &Keys| Repository::open(&location, self.arch, keys.keyring(), self.access);
        let opened = match open(keys) {
            Err(error) if error.is_missing() => {
                self.say_missing(&location);
                return Ok(());
            }
            Err(untrusted @ OpenRepositoryError::Untrusted { .. }) if self.discovers => {
                if !self.discover(&location, keys)? {
                    return Err(untrusted.into());
                }
                open(keys)?
            }
            opened => opened?,
        };
        self.repositories.push(opened);
        Ok(())
    }

    fn say_missing(&self, location: &Tagged) {
        let Location::Directory { path, .. } = &location.place else {
            return;
        };
        let missing = missing_index(path, self.arch);
        let advice = missing.advice.map(|advice| format!("; {advice}"));
        print::warning(&format!(
            "repository {location} {}, left out{}",
            missing.what,
            advice.unwrap_or_default()
        ));
    }

    fn discover(&self, location: &Tagged, keys: &mut Keys) -> Result<bool> {
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let found = keys
            .discover(&location.place, self.arch, &today, None, self.access)
            .with_context(|| format!("no known key signed the index of {location}"))?;
        for name in &found {
            print::note(&format!("key {name} is published for {location}"));
        }
        Ok(!found.is_empty())
    }
}
