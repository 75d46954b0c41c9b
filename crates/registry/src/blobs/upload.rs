//! Sending a blob.

use crate::content::Content;
use crate::registry::Registry;
use crate::reporter::Event;
use crate::transport::{Answer, Body, Request, RequestCause, RequestError};
use bessemer_digest::Digest;
use std::time::Duration;

/// An upload that was begun.
struct Upload {
    /// Where the next request goes; each answer says it anew.
    location: String,
    /// Bytes that the registry has.
    has: u64,
    /// The smallest piece that the registry takes, but for the last; 0 where it does not say.
    least: u64,
}

/// Whether the registry does not have the upload any more, or kept something else than was sent: all
/// of it is sent again.
fn is_lost(cause: &RequestCause) -> bool {
    let codes = [
        "DIGEST_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "BLOB_UPLOAD_INVALID",
    ];
    match cause {
        RequestCause::Status { complaints, .. } => codes.iter().any(|code| complaints.have(code)),
        _ => false,
    }
}

/// Whether going on from where the registry is, or beginning again, may help at once. 416 is said of
/// a piece that does not follow the last.
fn mends(cause: &RequestCause) -> bool {
    is_lost(cause) || cause.status() == Some(416)
}

type Attempt<T> = Result<T, (RequestCause, Option<Duration>)>;

impl Registry {
    /// Sends a blob, in as many attempts as it takes. An attempt is one after which the registry had
    /// no more than before.
    pub(super) fn upload(&self, digest: &Digest, content: &Content) -> Result<(), RequestError> {
        let request = Request::new("POST", self.path("blobs", "uploads/"));
        let shown = format!("sending {digest} to {}", self.reference().name());
        let mut attempt = 1;
        let mut upload = None;
        let mut furthest = 0;
        loop {
            let result = self.proceed(&mut upload, digest, content);
            let Err((cause, wait)) = result else {
                return Ok(());
            };
            let has = upload.as_ref().map_or(0, |upload: &Upload| upload.has);
            if has > furthest {
                furthest = has;
                attempt = 1;
            }
            let again = mends(&cause) && attempt < self.transport.limits.attempts;
            if !again && !self.transport.may_repeat(&shown, attempt, &cause, wait) {
                let mut error = self.transport.failed(&request, attempt, cause);
                error.request = shown;
                return Err(error);
            }
            attempt += 1;
            upload = match upload {
                Some(upload) if !is_lost(&cause) => self.ask(upload, digest, content.size()),
                _ => None,
            };
        }
    }

    /// Begins where there is no upload, sends the rest, and ends it.
    fn proceed(
        &self,
        state: &mut Option<Upload>,
        digest: &Digest,
        content: &Content,
    ) -> Attempt<()> {
        if state.is_none() {
            let request = Request::new("POST", self.path("blobs", "uploads/"));
            let answer = self.transport.once(&request)?;
            *state = Some(self.begun(&answer).map_err(|cause| (cause, None))?);
        }
        let Some(upload) = state.as_mut() else {
            return Ok(());
        };
        let total = content.size();
        let piece = self.transport.limits.piece.max(upload.least);
        // In one piece: begin and end are all there is.
        if upload.has == 0 && total <= piece {
            let body = Body::Part(content, digest, 0, total);
            let result = self.end(upload, digest, body);
            if result.is_err() {
                *state = None;
            }
            return result;
        }
        while upload.has < total {
            let end = total.min(upload.has + piece);
            let request = Request::new("PATCH", upload.location.clone())
                .header("content-type", "application/octet-stream")
                .header("content-range", format!("{}-{}", upload.has, end - 1))
                .body(Body::Part(content, digest, upload.has, end));
            let answer = self.transport.once(&request)?;
            upload.location = self.location_of(&answer)?;
            upload.has = end;
        }
        self.end(upload, digest, Body::None)
    }

    fn end(&self, upload: &Upload, digest: &Digest, body: Body<'_>) -> Attempt<()> {
        let separator = if upload.location.contains('?') {
            '&'
        } else {
            '?'
        };
        let address = format!("{}{separator}digest={digest}", upload.location);
        let request = Request::new("PUT", address)
            .header("content-type", "application/octet-stream")
            .body(body);
        self.transport.once(&request).map(|_| ())
    }

    /// What the registry has of an upload that broke off; `None` if it has forgotten it, or does not
    /// say, and a new one is to be begun.
    fn ask(&self, upload: Upload, digest: &Digest, total: u64) -> Option<Upload> {
        let request = Request::new("GET", upload.location.clone());
        let answer = self.transport.send(&request).ok()?;
        let range = answer.headers().get("range")?.to_str().ok()?;
        let last = range.strip_prefix("bytes=").unwrap_or(range);
        let last: u64 = last.strip_prefix("0-")?.trim().parse().ok()?;
        // `0-0` is what some say of an empty upload, too. Should it have been one byte, the digest
        // is wrong in the end and all is sent again.
        let has = if last == 0 { 0 } else { last + 1 };
        if has > total {
            return None;
        }
        self.transport
            .reporter
            .report(&Event::Resumed { digest, bytes: has });
        Some(Upload {
            location: self.transport.location(&answer).unwrap_or(upload.location),
            has,
            ..upload
        })
    }

    fn begun(&self, answer: &Answer) -> Result<Upload, RequestCause> {
        let least = answer.headers().get("oci-chunk-min-length");
        let least = least.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Upload {
            location: self.transport.location(answer)?,
            has: 0,
            least: least.unwrap_or(0),
        })
    }

    fn location_of(&self, answer: &Answer) -> Attempt<String> {
        self.transport
            .location(answer)
            .map_err(|cause| (cause, None))
    }
}
