//! Fetching into the store.

use crate::expected::Expected;
use crate::failure::{Failure, FailureCause, FetchError};
use crate::remembered::Remembered;
use crate::settings::{ClientError, Reach, Settings};
use crate::store::{Object, Store, StoreError};
use crate::transfer::{Answer, Transfer};
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
    /// Most bytes of content, where that is known to be less than the client's limit.
    pub most: Option<u64>,
}

/// Fetches content into a store. Several threads may use one at a time.
pub struct Client {
    reach: Reach,
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
        Ok(Self {
            reach: settings.reach()?,
        })
    }

    /// Whether it asks servers nothing.
    pub const fn is_offline(&self) -> bool {
        self.reach.offline
    }

    /// The current content of an address that changes, such as an index. A server is asked whether
    /// what was last had from there has changed, and sends it only then (RFC 9110, section 13).
    /// Offline, it is what was last had.
    pub fn refresh(&self, uri: &Uri, most: u64, store: &Store) -> Result<Fetched, FetchError> {
        let last = if uri.is_remote() {
            Remembered::find(uri, store)?
        } else {
            None
        };
        if let (true, Some((_, object))) = (self.reach.offline, &last) {
            return Ok(Fetched {
                object: *object,
                origin: Origin::Store,
            });
        }
        let known = last.as_ref().map(|(remembered, _)| &remembered.validators);
        let most = most.min(self.reach.limits.bytes);
        let mut transfer = Transfer::new(uri, store, most).unless(known);
        let deadline = Instant::now() + self.reach.limits.total;
        let answer = self.repeat(uri, deadline, &mut transfer, Ok);
        let failed = |(attempts, cause)| match cause {
            FailureCause::Store(error) => FetchError::Store(error),
            cause => FetchError::Failed(vec![Failure {
                uri: uri.clone(),
                attempts,
                cause,
            }]),
        };
        let (sealed, validators) = match (answer.map_err(failed)?, last) {
            (Answer::Complete(sealed, validators), _) => (sealed, validators),
            (Answer::NotModified, Some((_, object))) => {
                return Ok(Fetched {
                    object,
                    origin: Origin::Store,
                });
            }
            (Answer::NotModified, None) => return Err(FetchError::NoPlace),
        };
        let object = sealed.keep()?;
        if uri.is_remote() {
            let remembered = Remembered {
                content: object.digest,
                validators,
            };
            remembered.keep(uri, store)?;
        }
        Ok(Fetched {
            object,
            origin: Origin::Uri(uri.clone()),
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
        let deadline = Instant::now() + self.reach.limits.total;
        let name = request.expected.file_name();
        let mirrored = name
            .iter()
            .flat_map(|name| request.mirrors.iter().map(move |mirror| mirror.join(name)));
        let mut failures = Vec::new();
        for uri in mirrored.chain(request.uris.iter().cloned()) {
            match self.fetch_from(&uri, request, store, deadline) {
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
        request: &Request,
        store: &Store,
        deadline: Instant,
    ) -> Result<Object, (u32, FailureCause)> {
        let limit = self.reach.limits.bytes;
        let most = request.most.map_or(limit, |most| most.min(limit));
        let mut transfer = Transfer::new(uri, store, most);
        self.repeat(uri, deadline, &mut transfer, |answer| match answer {
            Answer::Complete(mut sealed, _) => {
                request.expected.check(&mut sealed)?;
                sealed.keep().map_err(FailureCause::Store)
            }
            // Not asked for, so not a thing that a server may answer.
            Answer::NotModified => Err(FailureCause::Status(304)),
        })
    }

    /// Makes attempts until one succeeds, one fails for good, or there were enough.
    fn repeat<T>(
        &self,
        uri: &Uri,
        deadline: Instant,
        transfer: &mut Transfer<'_>,
        accept: impl Fn(Answer) -> Result<T, FailureCause>,
    ) -> Result<T, (u32, FailureCause)> {
        if uri.is_remote() && self.reach.offline {
            return Err((0, FailureCause::Offline));
        }
        if uri.scheme() == Scheme::Https && !self.reach.trusts_authorities {
            return Err((0, FailureCause::NoAuthorities));
        }
        let limits = &self.reach.limits;
        let mut attempt = 1;
        let mut wait = limits.back_off;
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Err((attempt - 1, FailureCause::Deadline));
            }
            let attempt_deadline = deadline.min(now + limits.attempt);
            let result = transfer
                .attempt(&self.reach, attempt_deadline)
                .and_then(&accept);
            match result {
                Err(cause) if cause.is_passing() && attempt < limits.attempts => {
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
            .field("limits", &self.reach.limits)
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
