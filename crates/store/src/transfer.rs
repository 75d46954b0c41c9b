//! Bringing content from one place into an incoming object, in as many attempts as it takes.

use crate::failure::FailureCause;
use crate::incoming::{Incoming, Sealed};
use crate::settings::Reach;
use crate::store::{Store, StoreError};
use crate::uri::{Scheme, Uri};
use crate::validators::Validators;
use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::time::Instant;

const OK: u16 = 200;
const PARTIAL: u16 = 206;
const NOT_MODIFIED: u16 = 304;
const RANGE_NOT_SATISFIABLE: u16 = 416;
const CHUNK: usize = 64 << 10;

/// What an attempt came to.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All of the content is in the incoming object.
    Complete(Sealed, Validators),
    /// The content is the one that was had before.
    NotModified,
}

/// A transfer from one place. An attempt that breaks off leaves what it received, and the next one
/// asks for the rest, if the server can tell whether that is still of the same content
/// (RFC 9110, sections 13.1.5 and 14).
#[derive(Debug)]
pub(crate) struct Transfer<'a> {
    uri: &'a Uri,
    store: &'a Store,
    /// Most bytes of content.
    most: u64,
    /// Of content that is had already.
    known: Option<&'a Validators>,
    incoming: Option<Incoming>,
    received: u64,
    validators: Validators,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(uri: &'a Uri, store: &'a Store, most: u64) -> Self {
        Self {
            uri,
            store,
            most,
            known: None,
            incoming: None,
            received: 0,
            validators: Validators::default(),
        }
    }

    /// Nothing is to be transferred if the content is still the one with these validators.
    pub(crate) const fn unless(mut self, known: Option<&'a Validators>) -> Self {
        self.known = known;
        self
    }

    /// Makes one attempt, within the limits and before `deadline`.
    pub(crate) fn attempt(
        &mut self,
        reach: &Reach,
        deadline: Instant,
    ) -> Result<Answer, FailureCause> {
        if self.uri.scheme() == Scheme::File {
            let file = open_regular(self.uri)?;
            let total = file.metadata().ok().map(|metadata| metadata.len());
            self.restart()?;
            self.receive(file, reach, total, deadline, FailureCause::File)?;
            return self.complete();
        }
        let mut response = self.request(reach, deadline)?;
        let status = response.status().as_u16();
        match status {
            NOT_MODIFIED if self.known.is_some() => return Ok(Answer::NotModified),
            OK => self.restart()?,
            PARTIAL if self.received > 0 && self.continues(&response) => {}
            PARTIAL | RANGE_NOT_SATISFIABLE if self.received > 0 => {
                self.forget();
                return Err(FailureCause::Truncated);
            }
            status => return Err(FailureCause::Status(status)),
        }
        self.validators = Validators::of(response.headers());
        let length = response.body().content_length();
        let total = length.map(|length| self.received.saturating_add(length));
        if total.is_some_and(|total| total > self.most) {
            return Err(FailureCause::TooLarge { limit: self.most });
        }
        let body = response.body_mut().as_reader();
        self.receive(body, reach, total, deadline, FailureCause::from)?;
        self.complete()
    }

    fn request(
        &self,
        reach: &Reach,
        deadline: Instant,
    ) -> Result<ureq::http::Response<ureq::Body>, FailureCause> {
        if reach.credentials.withheld(self.uri) {
            return Err(FailureCause::InsecureCredentials);
        }
        let mut request = reach.agent.get(self.uri.request_text());
        if let Some(value) = reach.credentials.header(self.uri) {
            request = request.header("authorization", value);
        }
        if self.received > 0 && self.validators.is_strong() {
            request = request
                .header("range", format!("bytes={}-", self.received))
                .header("if-range", self.validators.if_range());
        } else if let Some(known) = self.known {
            for (name, value) in known.conditions() {
                request = request.header(name, value);
            }
        }
        let remaining = deadline.saturating_duration_since(Instant::now());
        let response = request
            .config()
            .https_only(self.uri.scheme() == Scheme::Https)
            .timeout_global(Some(remaining))
            .build()
            .call()?;
        Ok(response)
    }

    /// Whether this is the rest of what was received, of the same content.
    fn continues(&self, response: &ureq::http::Response<ureq::Body>) -> bool {
        let range = response.headers().get("content-range");
        let starts = range
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("bytes "))
            .and_then(|value| value.split('-').next())
            .and_then(|start| start.trim().parse::<u64>().ok());
        starts == Some(self.received) && Validators::of(response.headers()) == self.validators
    }

    fn restart(&mut self) -> Result<(), FailureCause> {
        self.forget();
        self.incoming = Some(self.store.incoming().map_err(FailureCause::Store)?);
        Ok(())
    }

    fn forget(&mut self) {
        self.incoming = None;
        self.received = 0;
        self.validators = Validators::default();
    }

    fn complete(&mut self) -> Result<Answer, FailureCause> {
        let incoming = self.incoming.take().ok_or(FailureCause::Truncated)?;
        let sealed = incoming.seal().map_err(FailureCause::Store)?;
        Ok(Answer::Complete(
            sealed,
            std::mem::take(&mut self.validators),
        ))
    }

    fn receive(
        &mut self,
        mut content: impl Read,
        reach: &Reach,
        total: Option<u64>,
        deadline: Instant,
        read_failed: impl Fn(io::Error) -> FailureCause,
    ) -> Result<(), FailureCause> {
        let stored = |error| FailureCause::Store(StoreError::Content(error));
        let file = self.incoming.as_mut().ok_or(FailureCause::Truncated)?;
        let file = file.file();
        // What the last attempt may have written beyond what it counted is written again.
        file.seek(io::SeekFrom::Start(self.received))
            .map_err(stored)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(read_failed(error)),
            };
            if count as u64 > self.most - self.received {
                return Err(FailureCause::TooLarge { limit: self.most });
            }
            if Instant::now() >= deadline {
                return Err(FailureCause::Deadline);
            }
            file.write_all(&buffer[..count]).map_err(stored)?;
            self.received += count as u64;
            if let Some(observer) = &reach.observer {
                observer.received(self.uri, self.received, total);
            }
        }
    }
}

/// Opens nothing that could block or be endless.
fn open_regular(uri: &Uri) -> Result<File, FailureCause> {
    let path = uri.file_path();
    let metadata = std::fs::metadata(&path).map_err(FailureCause::File)?;
    if !metadata.is_file() {
        return Err(FailureCause::NotAFile);
    }
    File::open(&path).map_err(FailureCause::File)
}
