//! A store and a client that does not wait.

use bessemer_digest::Digest;
use bessemer_store::{
    Client, Expected, FailureCause, FetchError, Fetched, Limits, Request, Settings, Store,
};
use std::io::Read as _;
use std::time::Duration;

pub(crate) struct Setting {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: Store,
}

pub(crate) const LIMITS: Limits = Limits {
    bytes: 1000,
    total: Duration::from_secs(60),
    attempt: Duration::from_secs(30),
    stall: Duration::from_secs(30),
    attempts: 3,
    back_off: Duration::ZERO,
    redirects: 3,
};

impl Setting {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        Self { directory, store }
    }

    pub(crate) fn fetch_within(
        &self,
        limits: Limits,
        request: &Request,
    ) -> Result<Fetched, FetchError> {
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        Client::new(&settings).unwrap().fetch(request, &self.store)
    }

    pub(crate) fn fetch(&self, request: &Request) -> Result<Fetched, FetchError> {
        self.fetch_within(LIMITS, request)
    }

    pub(crate) fn content(&self, fetched: &Fetched) -> Vec<u8> {
        let mut content = Vec::new();
        let mut file = self.store.read(&fetched.object.digest).unwrap().unwrap();
        file.read_to_end(&mut content).unwrap();
        content
    }
}

pub(crate) fn request(uris: &[&str], expected: impl Into<Expected>) -> Request {
    let uris = uris.iter().map(|uri| uri.parse().unwrap()).collect();
    Request {
        uris,
        mirrors: Vec::new(),
        expected: expected.into(),
        most: None,
    }
}

pub(crate) fn request_for(uris: &[&str], content: &[u8]) -> Request {
    request(uris, Digest::of(content))
}

/// The cause and number of attempts of the only place's failure.
pub(crate) fn only_failure(result: Result<Fetched, FetchError>) -> (FailureCause, u32) {
    match result.unwrap_err() {
        FetchError::Failed(mut failures) if failures.len() == 1 => {
            let failure = failures.remove(0);
            (failure.cause, failure.attempts)
        }
        other => panic!("{other:?}"),
    }
}
