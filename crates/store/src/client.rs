//! Fetching into the store.

use crate::expected::Expected;
use crate::failure::{Failure, FailureCause, FetchError};
use crate::settings::{ClientError, Limits, Settings};
use crate::store::{Object, Store, StoreError};
use crate::transfer::transfer;
use crate::uri::{Scheme, Uri};
use std::fmt;
use std::time::Instant;

/// Names given to objects that a request knew by SHA-512 alone.
const SHA512_NAMES: &str = "sha512";

/// What to fetch.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Places of the content itself, in order of preference.
    pub uris: Vec<Uri>,
    /// Places of directories with files named `sha256:<hex>` or `sha512:<hex>`, such as a melange
    /// cache; tried before `uris`, and only when a digest is expected.
    pub mirrors: Vec<Uri>,
    /// What the content has to be.
    pub expected: Expected,
}

/// Fetches content into a store.
pub struct Client {
    agent: ureq::Agent,
    limits: Limits,
    trusts_authorities: bool,
}

/// What was fetched and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The stored object.
    pub object: Object,
    /// Where it came from.
    pub origin: Origin,
}

/// Where content came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was in the store.
    Store,
    /// It was fetched from there.
    Uri(Uri),
}

impl Client {
    /// A client with these settings. Nothing is taken from the environment.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let (agent, trusts_authorities) = settings.agent()?;
        Ok(Self {
            agent,
            limits: settings.limits,
            trusts_authorities,
        })
    }

    /// Finds the expected content in the store, or fetches it there: from the mirrors, then from
    /// the URIs, each with several attempts.
    pub fn fetch(&self, request: &Request, store: &Store) -> Result<Fetched, FetchError> {
        if let Some(object) = find(&request.expected, store)? {
            return Ok(Fetched {
                object,
                origin: Origin::Store,
            });
        }
        let deadline = Instant::now() + self.limits.total;
        let name = request.expected.file_name();
        let mirrored = name
            .iter()
            .flat_map(|name| request.mirrors.iter().map(move |mirror| mirror.join(name)));
        let mut failures = Vec::new();
        for uri in mirrored.chain(request.uris.iter().cloned()) {
            match self.fetch_from(&uri, &request.expected, store, deadline) {
                Ok(object) => {
                    if let Some(sha512) = request.expected.sha512 {
                        store.bind(SHA512_NAMES, &sha512.hex(), &object.digest)?;
                    }
                    return Ok(Fetched {
                        object,
                        origin: Origin::Uri(uri),
                    });
                }
                Err((_, FailureCause::Store(error))) => return Err(error.into()),
                Err((attempts, cause)) => failures.push(Failure {
                    uri,
                    attempts,
                    cause,
                }),
            }
        }
        if failures.is_empty() {
            return Err(FetchError::NoPlace);
        }
        Err(FetchError::Failed(failures))
    }

    /// Tries one place; a failure comes with the number of attempts made.
    fn fetch_from(
        &self,
        uri: &Uri,
        expected: &Expected,
        store: &Store,
        deadline: Instant,
    ) -> Result<Object, (u32, FailureCause)> {
        if uri.scheme() == Scheme::Https && !self.trusts_authorities {
            return Err((0, FailureCause::NoAuthorities));
        }
        let mut attempt = 1;
        let mut wait = self.limits.back_off;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err((attempt - 1, FailureCause::Deadline));
            }
            let attempt_deadline = deadline.min(now + self.limits.attempt);
            let result = transfer(&self.agent, uri, store, &self.limits, attempt_deadline)
                .and_then(|mut sealed| {
                    expected.check(&mut sealed)?;
                    sealed.keep().map_err(FailureCause::Store)
                });
            match result {
                Err(cause) if cause.is_passing() && attempt < self.limits.attempts => {
                    std::thread::sleep(
                        wait.min(deadline.saturating_duration_since(Instant::now())),
                    );
                    wait = wait.saturating_mul(2);
                    attempt += 1;
                }
                result => return result.map_err(|cause| (attempt, cause)),
            }
        }
    }
}

// Written out because the agent would show the proxy's password.
impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The expected object, if it is in the store and sound. One that is corrupt is fetched again.
fn find(expected: &Expected, store: &Store) -> Result<Option<Object>, StoreError> {
    let digest = match (expected.sha256, expected.sha512) {
        (Some(sha256), _) => Some(sha256),
        (None, Some(sha512)) => store.bound(SHA512_NAMES, &sha512.hex())?,
        (None, None) => None,
    };
    let Some(digest) = digest else {
        return Ok(None);
    };
    let mut file = match store.read(&digest) {
        Err(StoreError::Corrupt { .. }) => return Ok(None),
        read => match read? {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let size = file.metadata().map_err(StoreError::Content)?.len();
    if let Some(expected) = expected.sha512 {
        let found = crate::Sha512::of_reader(&mut file).map_err(StoreError::Content)?;
        if found != expected {
            return Ok(None);
        }
    }
    Ok(Some(Object { digest, size }))
}
