//! Requests of one connection, one after another.

mod deliver;

use crate::authority::Authority;
use crate::body::Left;
use crate::git::wanted;
use crate::head::{Framing, HttpError, RequestHead, parse_request};
use crate::policy::Pattern;
use crate::protocol::{Asked, Body, Limits, Mode, RefusalKind};
use crate::replay::Replay;
use crate::reporting::{Reporter, plain};
use crate::spool::Spool;
use crate::target::{Origin, Target, shown_url};
use crate::upstream::{NoAnswer, Upstream};
use crate::wire::{Connection, ReadError};
use bessemer_digest::Digest;
use deliver::{Given, Source};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// What every connection of the guest shares.
pub(crate) struct Shared {
    pub(crate) mode: Mode,
    pub(crate) allow: Vec<Pattern>,
    pub(crate) deny: Vec<Pattern>,
    pub(crate) limits: Limits,
    pub(crate) authority: Authority,
    pub(crate) upstream: Upstream,
    pub(crate) replay: Replay,
    pub(crate) spool: Spool,
    pub(crate) reporter: Reporter,
    pub(crate) exchanges: AtomicU64,
}

/// What a connection's requests are for.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Whatever the target of each names whole, as to a forward proxy.
    Forward,
    /// This server.
    Fixed(Origin),
    /// The server that `Host` names, without TLS.
    ByHost,
}

/// How a connection goes on.
#[derive(Debug)]
pub(crate) enum After {
    /// Not at all.
    Closed,
    /// As one to this server, which was asked for by `CONNECT`; the answer is still to be given.
    Tunnel(Origin),
}

/// A request that is not carried out.
struct Refused {
    url: String,
    kind: RefusalKind,
    reason: String,
}

impl Refused {
    fn new(url: impl Into<String>, kind: RefusalKind, reason: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            kind,
            reason: reason.into(),
        }
    }
}

/// Why a request came to no end.
enum Trouble {
    Refused(Refused),
    Io(io::Error),
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Shared {
    /// Serves the requests of a connection until it is over.
    pub(crate) fn requests<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        place: &Place,
    ) -> io::Result<After> {
        loop {
            let trouble = match self.request(connection, place) {
                Ok(Some(after)) => return Ok(after),
                Ok(None) => continue,
                Err(trouble) => trouble,
            };
            let refused = match trouble {
                Trouble::Io(error) => return Err(error),
                Trouble::Refused(refused) => refused,
            };
            self.refuse(connection, &refused.url, refused.kind, &refused.reason)?;
            return Ok(After::Closed);
        }
    }

    /// Tells a refusal, then answers with it.
    pub(crate) fn refuse(
        &self,
        to: &mut impl Write,
        url: &str,
        kind: RefusalKind,
        reason: &str,
    ) -> io::Result<()> {
        let refusal = self.reporter.refuse(url, kind, reason)?;
        let text = format!("bessemer refused {}: {}\n", refusal.url, refusal.reason);
        write!(
            to,
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
            text.len()
        )?;
        to.flush()
    }

    /// One request; `None` when another may follow.
    fn request<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        place: &Place,
    ) -> Result<Option<After>, Trouble> {
        let crooked = |error: &HttpError| {
            let url = match place {
                Place::Fixed(origin) => origin.to_string(),
                Place::Forward | Place::ByHost => "a request without a URL".to_owned(),
            };
            Refused::new(url, RefusalKind::Protocol, error.to_string())
        };
        let bytes = match connection.head() {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(ReadError::Io(_) | ReadError::Http(HttpError::Cut)) => {
                return Ok(Some(After::Closed));
            }
            Err(ReadError::Http(error)) => return Err(crooked(&error).into()),
        };
        let head = parse_request(&bytes).map_err(|error| crooked(&error))?;
        if head.method == "CONNECT" {
            return self.connect(&head, place).map(Some);
        }
        let target = target(&head, place)?;
        let shown = target.shown();
        self.judge(&target)?;
        if self.exchanges.fetch_add(1, Ordering::Relaxed) >= self.limits.exchanges {
            let reason = format!("there were {} requests before it", self.limits.exchanges);
            return Err(Refused::new(shown, RefusalKind::Limit, reason).into());
        }
        let body = self.request_body(connection, &head, &shown)?;
        let keep = self.exchange(connection, &head, &target, &body)?;
        Ok((!keep).then_some(After::Closed))
    }

    fn connect(&self, head: &RequestHead, place: &Place) -> Result<After, Trouble> {
        let shown = plain(&head.target);
        let wrong = |kind, reason: &str| Trouble::from(Refused::new(shown.clone(), kind, reason));
        let named = head
            .target
            .contains(':')
            .then(|| Origin::parse(true, &head.target));
        let (Place::Forward, Some(Some(origin))) = (place, named) else {
            return Err(wrong(RefusalKind::Protocol, "CONNECT is not for this"));
        };
        if head.framing != Framing::None && head.framing != Framing::Length(0) {
            return Err(wrong(RefusalKind::Protocol, "CONNECT has a body"));
        }
        if let Some(host) = head.headers.get("host")
            && Origin::parse(true, host).is_none_or(|host| host != origin)
        {
            return Err(wrong(
                RefusalKind::Protocol,
                "Host is another than the target",
            ));
        }
        self.check_port(&origin)?;
        Ok(After::Tunnel(origin))
    }

    /// HTTP has its ports; others are for servers that the operator named with them.
    fn check_port(&self, origin: &Origin) -> Result<(), Refused> {
        let named = self.allow.iter().any(|pattern| pattern.names_port(origin));
        let usual = matches!(origin.port, 80 | 443);
        if usual || named || self.upstream.may_be_private(origin) || self.mode == Mode::Replay {
            return Ok(());
        }
        let reason = format!("port {} is not one of HTTP", origin.port);
        Err(Refused::new(origin.to_string(), RefusalKind::Port, reason))
    }

    /// Whether a URL may be asked for. In a replay the record alone decides.
    fn judge(&self, target: &Target) -> Result<(), Refused> {
        if self.mode != Mode::Recorded {
            return Ok(());
        }
        self.check_port(&target.origin)
            .map_err(|refused| Refused::new(target.shown(), refused.kind, refused.reason))?;
        let refused = |kind, reason: &str| Err(Refused::new(target.shown(), kind, reason));
        if self.deny.iter().any(|pattern| pattern.denies(target)) {
            return refused(RefusalKind::Denied, "it is denied");
        }
        if !self.allow.is_empty() && !self.allow.iter().any(|pattern| pattern.allows(target)) {
            return refused(RefusalKind::NotAllowed, "it is not among what is allowed");
        }
        Ok(())
    }

    fn request_body<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        head: &RequestHead,
        shown: &str,
    ) -> Result<Vec<u8>, Trouble> {
        let limit = self.limits.request_bytes;
        let too_long = || {
            let reason = format!("the request has more than {limit} bytes");
            Refused::new(shown, RefusalKind::Limit, reason)
        };
        if matches!(head.framing, Framing::Length(length) if length > limit) {
            return Err(too_long().into());
        }
        if head.framing != Framing::None && head.headers.lists("expect", "100-continue") {
            connection.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            connection.flush()?;
        }
        let mut left = Left::from(head.framing);
        let (mut body, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            match left.read(connection, &mut buffer) {
                Ok(0) => return Ok(body),
                Ok(length) => body.extend_from_slice(&buffer[..length]),
                Err(ReadError::Io(error)) => return Err(error.into()),
                Err(ReadError::Http(error)) => {
                    let reason = error.to_string();
                    return Err(Refused::new(shown, RefusalKind::Protocol, reason).into());
                }
            }
            if body.len() as u64 > limit {
                return Err(too_long().into());
            }
        }
    }

    /// Finds the answer and gives it; whether another request may follow.
    fn exchange<S: Read + Write>(
        &self,
        connection: &mut Connection<S>,
        head: &RequestHead,
        target: &Target,
        body: &[u8],
    ) -> Result<bool, Trouble> {
        let asked = Asked {
            method: head.method.clone(),
            url: target.shown(),
            range: head.headers.get("range").map(plain),
            body: (!body.is_empty()).then(|| Body {
                sha256: Digest::of(body),
                size: body.len() as u64,
            }),
        };
        let (given, source) = if self.mode == Mode::Replay {
            let found = self.replay.find(&asked).ok_or_else(|| {
                let range = asked.range.iter().map(|range| format!(" ({range})"));
                let reason = format!(
                    "{}{} was not recorded",
                    asked.method,
                    range.collect::<String>()
                );
                Refused::new(asked.url.clone(), RefusalKind::NotRecorded, reason)
            })?;
            (
                Given::of_record(&found.answer, head),
                Source::Record(found, 0),
            )
        } else {
            match self.upstream.ask(&head.method, target, &head.headers, body) {
                Ok(answering) => {
                    let given = Given::of_server(&answering.head, head);
                    let left = Left::from(answering.head.framing);
                    (given, Source::Server(left, Box::new(answering.connection)))
                }
                Err(NoAnswer::Refused(kind, reason)) => {
                    return Err(Refused::new(asked.url, kind, reason).into());
                }
                Err(NoAnswer::Failed(reason)) => Source::failure(&plain(&reason), head),
            }
        };
        let wanted = wanted(target.bare_path(), &head.headers, body);
        self.deliver(connection, asked, wanted, given, source)
    }
}

/// What a request asks for, by the place it came to. Two names for one thing must be the same.
fn target(head: &RequestHead, place: &Place) -> Result<Target, Refused> {
    let host = head.headers.get("host");
    let shown = match host {
        Some(host) if head.target.starts_with('/') => shown_url(&format!("{host}{}", head.target)),
        _ => shown_url(&head.target),
    };
    let wrong = |reason: &str| Refused::new(shown.clone(), RefusalKind::Protocol, reason);
    let (origin, path) = match place {
        Place::Fixed(origin) => (Some(origin.clone()), head.target.as_str()),
        Place::ByHost => {
            let origin = host.and_then(|host| Origin::parse(false, host));
            (
                origin.filter(|origin| origin.port == 80),
                head.target.as_str(),
            )
        }
        Place::Forward => absolute(&head.target).ok_or_else(|| wrong("the URL is not whole"))?,
    };
    let origin = origin.ok_or_else(|| wrong("the host's name is none"))?;
    if let Some(host) = host
        && Origin::parse(origin.tls, host).is_none_or(|host| host != origin)
    {
        return Err(wrong("Host is another than the one that was connected to"));
    }
    Target::new(origin, path).ok_or_else(|| wrong("the path is none, or has `..` in it"))
}

/// Server and path of a whole URL.
fn absolute(url: &str) -> Option<(Option<Origin>, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.is_empty() { "/" } else { path };
    Some((Origin::parse(tls, authority), path))
}
