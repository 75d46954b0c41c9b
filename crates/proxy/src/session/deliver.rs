//! Giving an answer to the guest while it is written down.

use super::{Refused, Shared, Trouble};
use crate::body::Left;
use crate::head::{Framing, RequestHead, ResponseHead};
use crate::protocol::{Answer, Asked, Body, Exchange, RefusalKind, Report};
use crate::replay::Found;
use crate::target::shown_url;
use crate::upstream::Stream;
use crate::wire::Connection;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Bytes given at a time.
const PIECE: usize = 64 * 1024;
/// Longest value of a header that is passed on.
const MAX_VALUE: usize = 8 * 1024;
/// Headers of a response that are passed on and recorded; no others reach the guest. What is left
/// out is of one connection, of one moment (`Date`), of one visitor (`Set-Cookie`) or of browsers.
const KEPT: [&str; 23] = [
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "content-type",
    "docker-content-digest",
    "docker-distribution-api-version",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "npm-notice",
    "range",
    "retry-after",
    "vary",
    "www-authenticate",
    "x-checksum-sha256",
    "x-linked-etag",
    "x-repo-commit",
];

/// What the guest is given, but for the body.
pub(super) struct Given {
    status: u16,
    /// As they are recorded.
    headers: BTreeMap<String, String>,
    /// The address to go on to, as it is given: its query may hold what is not recorded.
    location: Option<String>,
    length: Option<u64>,
    has_body: bool,
    /// Whether the guest speaks HTTP/1.0.
    old: bool,
    keep: bool,
    failure: Option<String>,
}

impl Given {
    pub(super) fn of_server(answer: &ResponseHead, asked: &RequestHead) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in answer.headers.iter() {
            if KEPT.contains(&name) && value.len() <= MAX_VALUE {
                let known = headers.entry(name.to_owned()).or_default();
                let comma = if known.is_empty() { "" } else { ", " };
                // Without control characters: the head was read strictly.
                let _ = write!(known, "{comma}{value}");
            }
        }
        let location = headers.get("location").cloned();
        if let Some(location) = headers.get_mut("location") {
            *location = shown_url(location);
        }
        let has_body = asked.method != "HEAD" && !matches!(answer.status, 204 | 304);
        if asked.method == "HEAD"
            && let Framing::Length(length) = answer.framing
        {
            headers.insert("content-length".to_owned(), length.to_string());
        }
        let length = match answer.framing {
            Framing::Length(length) => Some(length),
            Framing::None => Some(0),
            Framing::Chunked | Framing::UntilClose => None,
        };
        Self {
            headers,
            location,
            length,
            has_body,
            ..Self::empty(answer.status, asked)
        }
    }

    pub(super) fn of_record(answer: &Answer, asked: &RequestHead) -> Self {
        Self {
            headers: answer.headers.clone(),
            length: answer.complete.then_some(answer.body.size),
            failure: answer.failure.clone(),
            ..Self::empty(answer.status, asked)
        }
    }

    fn empty(status: u16, asked: &RequestHead) -> Self {
        let close = asked.headers.lists("connection", "close")
            || asked.headers.lists("proxy-connection", "close");
        Self {
            status,
            headers: BTreeMap::new(),
            location: None,
            length: Some(0),
            has_body: asked.method != "HEAD" && !matches!(status, 204 | 304),
            old: asked.old,
            keep: !asked.old && !close,
            failure: None,
        }
    }

    fn is_chunked(&self) -> bool {
        self.has_body && self.length.is_none() && !self.old
    }

    fn head(&self) -> String {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let given = self.location.as_ref().filter(|_| name == "location");
            let value = given.unwrap_or(value);
            let _ = write!(text, "{}: {value}\r\n", title_case(name));
        }
        if self.is_chunked() {
            text.push_str("Transfer-Encoding: chunked\r\n");
        } else if let (true, Some(length)) = (self.has_body, self.length) {
            let _ = write!(text, "Content-Length: {length}\r\n");
        }
        text.push_str(if self.keep {
            "Connection: keep-alive\r\n\r\n"
        } else {
            "Connection: close\r\n\r\n"
        });
        text
    }
}

/// Where a body comes from.
pub(super) enum Source {
    Server(Left, Box<Connection<Stream>>),
    Record(Found, u64),
    Text(Vec<u8>),
}

impl Source {
    /// An answer in place of the one that no server gave.
    pub(super) fn failure(reason: &str, asked: &RequestHead) -> (Given, Self) {
        let text = format!("bessemer: {reason}\n").into_bytes();
        let given = Given {
            length: Some(text.len() as u64),
            failure: Some(reason.to_owned()),
            ..Given::empty(502, asked)
        };
        (given, Self::Text(text))
    }
}

/// How far a body came.
enum End {
    Complete,
    Cut,
    TooLong(String),
}

impl Shared {
    /// Gives the answer. The guest gets the last bytes only after the exchange was told, so no step
    /// ends with something untold.
    pub(super) fn deliver<W: Write>(
        &self,
        to: &mut W,
        asked: Asked,
        wanted: Vec<String>,
        given: Given,
        mut source: Source,
    ) -> Result<bool, Trouble> {
        let mut writing = self.spool.begin(given.length.filter(|_| given.has_body));
        let mut last = given.head().into_bytes();
        let mut guest = Ok(());
        let end = loop {
            if !given.has_body {
                break End::Complete;
            }
            let mut buffer = vec![0; PIECE];
            let length = match self.piece(&mut source, &mut buffer) {
                Ok(0) => break End::Complete,
                Ok(length) => length,
                Err(_) => break End::Cut,
            };
            buffer.truncate(length);
            if writing.size() + length as u64 > self.limits.body_bytes {
                let limit = self.limits.body_bytes;
                break End::TooLong(format!("the answer has more than {limit} bytes"));
            }
            if !writing.write(&buffer)? {
                let limit = self.limits.total_bytes;
                break End::TooLong(format!("all answers have more than {limit} bytes"));
            }
            guest = to.write_all(&last);
            if guest.is_err() {
                break End::Cut;
            }
            last = framed(buffer, given.is_chunked());
        };
        let (sha256, size, pieces) = writing.finish();
        // In a replay, what was cut is cut again.
        let whole = match &source {
            Source::Record(found, _) => found.answer.complete,
            Source::Server(..) | Source::Text(_) => true,
        };
        let complete = matches!(end, End::Complete) && whole;
        let (keep, chunked) = (given.keep, given.is_chunked());
        let until_close = given.has_body && given.length.is_none() && !chunked;
        if let End::TooLong(reason) = end {
            return Err(self.cut_off(&asked.url, &reason));
        }
        let answer = Answer {
            status: given.status,
            headers: given.headers,
            body: Body { sha256, size },
            complete,
            failure: given.failure,
        };
        self.reporter.tell(&Report::Exchange(Box::new(Exchange {
            asked,
            answer,
            wanted,
            pieces,
        })))?;
        guest?;
        to.write_all(&last)?;
        if complete && chunked {
            to.write_all(b"0\r\n\r\n")?;
        }
        to.flush()?;
        Ok(keep && complete && !until_close)
    }

    /// A refusal in the middle of an answer: it is told, and the connection ends.
    fn cut_off(&self, url: &str, reason: &str) -> Trouble {
        let told = self.reporter.refuse(url, RefusalKind::Limit, reason);
        let ended = || io::Error::from(io::ErrorKind::ConnectionAborted);
        Trouble::Io(told.err().unwrap_or_else(ended))
    }

    fn piece(&self, source: &mut Source, out: &mut [u8]) -> Result<usize, Refused> {
        let failed = |reason: String| Refused::new("", RefusalKind::Protocol, reason);
        match source {
            Source::Server(left, connection) => {
                let read = left.read(connection, out);
                read.map_err(|error| failed(error.to_string()))
            }
            Source::Record(found, done) => {
                let read = self.replay.read(found, *done, out);
                let length = read.map_err(|error| failed(error.to_string()))?;
                *done += length as u64;
                Ok(length)
            }
            Source::Text(text) => {
                let length = text.len().min(out.len());
                out[..length].copy_from_slice(&text[..length]);
                text.drain(..length);
                Ok(length)
            }
        }
    }
}

fn framed(bytes: Vec<u8>, chunked: bool) -> Vec<u8> {
    if !chunked {
        return bytes;
    }
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    framed.extend(bytes);
    framed.extend(b"\r\n");
    framed
}

/// `content-type` as `Content-Type`: some programs know no other spelling.
fn title_case(name: &str) -> String {
    let mut start = true;
    let letters = name.chars().map(|letter| {
        let upper = std::mem::replace(&mut start, letter == '-');
        if upper {
            letter.to_ascii_uppercase()
        } else {
            letter
        }
    });
    letters.collect()
}

/// Words are the proxy's own: a server's would be bytes that nobody recorded.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        404 => "Not Found",
        201..=299 => "Success",
        300..=399 => "Redirect",
        400..=403 | 405..=499 => "Refused",
        _ => "Error",
    }
}
