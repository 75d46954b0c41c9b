//! Repositories, architectures and the cache of one run.

use crate::fetching::{FetchArguments, Fetching};
use crate::places::Places;
use crate::print;
use anyhow::{Context as _, Result, bail};
use bessemer_attest::TrustRoot;
use bessemer_image::{Architecture, Configuration, Loaded, Offers, Opening};
use bessemer_repository::{Access, Taking};
use bessemer_store::{Store, Uri};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct SessionArguments {
    /// Architectures, by apk's names or OCI's; `all`, or `host` for this machine's [default: those of the
    /// image file, else all]
    #[arg(long, value_delimiter = ',', value_name = "ARCH")]
    arch: Vec<String>,
    /// Directory for packages, indexes and compressed layers, also of the next run
    #[arg(long, value_name = "DIR")]
    pub(super) cache_dir: Option<PathBuf>,
    /// Trust no key that was not named: without this, an index that no named key signed is checked
    /// with the keys that Alpine, or the repository's own server, publishes for it over TLS
    #[arg(long)]
    no_key_discovery: bool,
    #[command(flatten)]
    fetching: FetchArguments,
}

/// What a run works with.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) archs: Vec<Architecture>,
    pub(super) cache: PathBuf,
    pub(super) store: Store,
    fetching: Fetching,
    discovery: bool,
}

impl SessionArguments {
    /// Opens the cache, and reads what it takes to ask servers.
    pub(super) fn open(&self, loaded: &Loaded) -> Result<Session> {
        let cache = match &self.cache_dir {
            Some(directory) => directory.clone(),
            None => Places::of(false)?.cache,
        };
        fs_err::create_dir_all(&cache)?;
        Ok(Session {
            archs: self.architectures(&loaded.configuration)?,
            store: Store::open(cache.join("store"))?,
            cache,
            fetching: self.fetching.open(&places(&loaded.configuration))?,
            discovery: !self.no_key_discovery,
        })
    }

    fn architectures(&self, configuration: &Configuration) -> Result<Vec<Architecture>> {
        let mut archs = match self.arch.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] if configuration.archs.is_empty() => Architecture::all(),
            [] => configuration.archs.clone(),
            ["all"] => Architecture::all(),
            ["host"] => vec![std::env::consts::ARCH.parse()?],
            ref names => {
                let parsed: Result<Vec<Architecture>, _> =
                    names.iter().map(|name| name.parse()).collect();
                parsed.context("cannot use --arch")?
            }
        };
        archs.sort();
        archs.dedup();
        Ok(archs)
    }
}

/// Every place that may have a user name and a password in its URL.
fn places(configuration: &Configuration) -> Vec<Uri> {
    let contents = &configuration.contents;
    let repositories = contents
        .repositories
        .iter()
        .chain(&contents.build_repositories);
    let untagged = repositories.filter_map(|text| {
        let place = text.rsplit(char::is_whitespace).next()?;
        place.parse().ok()
    });
    let keys = contents.keyring.iter().filter_map(|text| text.parse().ok());
    untagged.chain(keys).collect()
}

impl Session {
    /// How places are read.
    pub(super) fn access(&self) -> Access<'_> {
        Access {
            store: &self.store,
            client: &self.fetching.client,
        }
    }

    /// How packages are taken; with a trust root, what lies beside them is looked at.
    pub(super) fn taking<'a>(&'a self, trust_root: Option<&'a TrustRoot>) -> Taking<'a> {
        Taking {
            access: self.access(),
            cache: &self.cache,
            trust_root,
        }
    }

    /// Opens all repositories; says which keys were found.
    pub(super) fn offers(&self, configuration: &Configuration) -> Result<Offers> {
        let contents = &configuration.contents;
        let nowhere = contents.repositories.is_empty() && contents.build_repositories.is_empty();
        if nowhere && !contents.packages.is_empty() {
            bail!("the image file names packages and no repository to take them from");
        }
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let opening = Opening {
            access: self.access(),
            today: &today,
            discovery: self.discovery,
        };
        let offers = Offers::open(configuration, &self.archs, opening)?;
        for (key, repository) in &offers.discovered {
            let key = print::plain_line(key);
            print::note(&format!("key {key} is published for {repository}"));
        }
        Ok(offers)
    }
}
