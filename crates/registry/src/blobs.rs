//! Blobs: looking, mounting, sending, receiving.
//!
//! Source: OCI distribution specification 1.1, "Pulling blobs", "Pushing blobs". Large blobs are sent
//! in pieces; after a failure the registry is asked what it has (`GET` of the upload), and the rest
//! is sent.

mod upload;

use crate::content::Content;
use crate::documents::Descriptor;
use crate::registry::Registry;
use crate::reporter::{Arrival, Event};
use crate::transport::{Answer, Request, RequestCause, RequestError};
use bessemer_digest::{Digest, HashingReader};
use std::io::{Read as _, Seek as _, Write as _};

/// What is read at a time, in bytes.
const CHUNK: usize = 64 << 10;

impl Registry {
    /// Whether the repository has the blob.
    pub(crate) fn has_blob(&self, digest: &Digest) -> Result<bool, RequestError> {
        let request = Request::new("HEAD", self.path("blobs", &digest.to_string()));
        match self.transport.send(&request) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings a blob into the repository: not at all where it is there, from another repository of
    /// the same registry, or by sending what `content` gives.
    pub(crate) fn push_blob<E: From<RequestError>>(
        &self,
        blob: &Descriptor,
        content: impl FnOnce() -> Result<Content, E>,
    ) -> Result<Arrival, E> {
        let how = if self.has_blob(&blob.digest)? {
            Arrival::Present
        } else if self.mount(&blob.digest)? {
            Arrival::Mounted
        } else {
            self.upload(&blob.digest, &content()?)?;
            Arrival::Uploaded
        };
        self.transport.reporter.report(&Event::Blob {
            digest: &blob.digest,
            size: blob.size,
            how,
        });
        Ok(how)
    }

    /// Asks the registry to take the blob from other repositories of its own. One that cannot, or
    /// that does not allow it, is no reason to fail: the blob is sent then.
    fn mount(&self, digest: &Digest) -> Result<bool, RequestError> {
        for repository in &self.mount {
            let query = format!("?mount={digest}&from={repository}");
            let request = Request::new("POST", self.path("blobs", &format!("uploads/{query}")));
            match self.transport.send(&request) {
                Ok(answer) if answer.status() == 201 => return Ok(true),
                // An upload was begun instead; ending it is a courtesy.
                Ok(answer) => self.abandon(&answer),
                Err(error) if error.status().is_some_and(|status| status < 500) => {}
                Err(error) if matches!(error.cause, RequestCause::Unauthorized { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn abandon(&self, answer: &Answer) {
        if let Ok(location) = self.transport.location(answer) {
            // What a registry keeps of it is cleared by itself in time.
            let _ = self.transport.once(&Request::new("DELETE", location));
        }
    }

    /// Fetches a blob into a nameless file; what has another digest or size is no content. An
    /// attempt that breaks off leaves what it received, and the next asks for the rest.
    pub(crate) fn fetch_blob(&self, blob: &Descriptor) -> Result<Content, RequestError> {
        let address = self.path("blobs", &blob.digest.to_string());
        let request = Request::new("GET", address.clone());
        let fail = |cause| self.transport.failed(&request, 1, cause);
        let limit = self.transport.limits.blob;
        if blob.size > limit {
            return Err(fail(RequestCause::TooLarge(limit)));
        }
        let file = |error| fail(RequestCause::File(error));
        let mut kept = tempfile::tempfile_in(&self.spool).map_err(file)?;
        let mut attempt = 1;
        let mut received = 0;
        let mut mismatched = false;
        loop {
            let range = (received > 0).then(|| format!("bytes={received}-"));
            let mut request = Request::new("GET", address.clone());
            if let Some(range) = range {
                request = request.header("range", range);
            }
            let result = self.transport.once(&request);
            let result = result.and_then(|answer| {
                self.receive(answer, blob, &mut kept, &mut received)
                    .map_err(|cause| (cause, None))
            });
            let result = result.map_err(|(cause, wait)| match cause.status() {
                // There is no more of it, and it is not what it is said to be.
                Some(416) => (RequestCause::Mismatch, wait),
                _ => (cause, wait),
            });
            let Err((cause, wait)) = result else {
                return Content::file(kept).map_err(file);
            };
            // Nothing of it can be used, whichever part is wrong.
            if matches!(cause, RequestCause::Mismatch) {
                received = 0;
                // Once may be an accident on the way.
                if mismatched {
                    return Err(self.transport.failed(&request, attempt, cause));
                }
                mismatched = true;
            }
            let shown = request.shown("");
            if !self.transport.may_repeat(&shown, attempt, &cause, wait) {
                return Err(self.transport.failed(&request, attempt, cause));
            }
            attempt += 1;
        }
    }

    fn receive(
        &self,
        mut answer: Answer,
        blob: &Descriptor,
        kept: &mut std::fs::File,
        received: &mut u64,
    ) -> Result<(), RequestCause> {
        // A server that does not know ranges sends everything.
        if answer.status() != 206 {
            *received = 0;
        }
        let start = *received;
        let length = answer.headers().get("content-length");
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        kept.set_len(*received).map_err(RequestCause::File)?;
        let position = std::io::SeekFrom::Start(*received);
        kept.seek(position).map_err(RequestCause::File)?;
        let mut body = answer.body_mut().as_reader();
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = body.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            if *received + count as u64 > blob.size {
                return Err(RequestCause::Mismatch);
            }
            kept.write_all(&buffer[..count])
                .map_err(RequestCause::File)?;
            *received += count as u64;
            self.transport.reporter.report(&Event::Received {
                digest: &blob.digest,
                bytes: *received,
                total: blob.size,
            });
        }
        if *received < blob.size {
            // All of it came, and it is less than it is said to be.
            if length.is_some_and(|length| start + length == *received) {
                return Err(RequestCause::Mismatch);
            }
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        kept.rewind().map_err(RequestCause::File)?;
        let mut hashing = HashingReader::new(&mut *kept);
        std::io::copy(&mut hashing, &mut std::io::sink()).map_err(RequestCause::File)?;
        if hashing.digest() == blob.digest {
            Ok(())
        } else {
            Err(RequestCause::Mismatch)
        }
    }
}
