//! Files of this machine and of servers, read alike. What servers send is kept in the cache by
//! digest; as long as everything is on this machine, no cache is made.

use crate::fetching::{FetchArguments, Fetching};
use crate::places::Places;
use crate::print;
use anyhow::{Context as _, Result, bail};
use bessemer_apk::discovery::FoundKey;
use bessemer_repository::{Access, Location, published_keys};
use bessemer_store::{Store, Uri, in_parallel};
use std::io::Read as _;
use std::path::PathBuf;

/// What reads them.
#[derive(Debug)]
pub(super) struct Reach(Option<Servers>);

#[derive(Debug)]
struct Servers {
    fetching: Fetching,
    store: Store,
}

impl Reach {
    /// For these places.
    pub(super) fn open<'a>(
        arguments: FetchArguments,
        places: impl IntoIterator<Item = &'a Uri>,
    ) -> Result<Self> {
        let remote: Vec<&Uri> = places.into_iter().filter(|uri| uri.is_remote()).collect();
        if remote.is_empty() {
            return Ok(Self(None));
        }
        let cache = Places::of(false)?.cache;
        Ok(Self(Some(Servers {
            fetching: arguments.open(remote)?,
            store: Store::open(cache.join("store"))?,
        })))
    }

    /// The bytes of a file that may have changed since it was last read, such as an index.
    pub(super) fn read(&self, uri: &Uri, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let path = match (&self.0, uri.is_remote()) {
            (Some(servers), true) => {
                let object = servers
                    .fetching
                    .client
                    .refresh(uri, most, &servers.store)?
                    .object;
                let kept = servers.store.read(&object.digest)?;
                kept.context("it is gone from the cache")?
                    .read_to_end(&mut bytes)?;
                return Ok(bytes);
            }
            _ => uri.file_path(),
        };
        let file = fs_err::File::open(&path)?;
        file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            bail!("{uri} is larger than {most} bytes");
        }
        Ok(bytes)
    }

    /// The files of packages, of at most so many bytes each, in the same order; several are fetched
    /// at a time. Nothing is checked yet.
    pub(super) fn packages(&self, packages: &[(Uri, u64)]) -> Result<Vec<PathBuf>> {
        in_parallel(packages, |(uri, size)| self.package(uri, *size))
    }

    fn package(&self, uri: &Uri, size: u64) -> Result<PathBuf> {
        let Some(servers) = self.0.as_ref().filter(|_| uri.is_remote()) else {
            return Ok(uri.file_path());
        };
        // An index names its packages by digests of parts, so a server is asked whether the file
        // has changed; whether it is the right one is for the installer to see.
        let most = if size > 0 { size } else { u64::MAX };
        let fetched = servers.fetching.client.refresh(uri, most, &servers.store)?;
        Ok(servers.store.object_path(&fetched.object.digest))
    }

    /// The keys that are published for a repository on a server.
    pub(super) fn published_keys(&self, repository: &Uri, arch: &str) -> Result<Vec<FoundKey>> {
        let Some(servers) = self.0.as_ref().filter(|_| repository.is_remote()) else {
            return Ok(Vec::new());
        };
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let access = Access {
            store: &servers.store,
            client: &servers.fetching.client,
        };
        let location = Location::Remote(repository.clone());
        let found = published_keys(&location, arch, &today, None, access)?;
        for key in &found {
            print::note(&format!(
                "key {} is published for {repository}",
                print::plain_line(&key.file_name)
            ));
        }
        Ok(found)
    }
}
