//! Requests to one registry: who asks, what is repeated, what is believed.
//!
//! `oci-client` was considered: it repeats nothing, cannot go on with an upload that broke off, and
//! brings some 180 crates (tokio, hyper, reqwest) into programs that are otherwise synchronous. The
//! HTTP client, its TLS and its authorities are those that fetch sources.

mod cause;
mod tokens;

pub use cause::{Complaints, RequestCause, RequestError};

use crate::content::Content;
use crate::login::Login;
use crate::reporter::{Event, Reporter};
use crate::settings::{Limits, Settings};
use bessemer_digest::Digest;
use cause::COMPLAINTS_LIMIT;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokens::Authorization;
use ureq::SendBody;
use ureq::http;

/// How much goes between two reports, in bytes.
const PROGRESS: u64 = 64 << 10;

/// A registry's answer.
pub(crate) type Answer = http::Response<ureq::Body>;

/// Everything that requests to one registry have in common.
pub(crate) struct Transport {
    agent: ureq::Agent,
    /// `http://host:port` or with `https`.
    base: String,
    host: String,
    trusts_authorities: bool,
    login: Login,
    /// What tokens are for, in the token specification's words.
    scopes: Vec<String>,
    authorization: Mutex<Authorization>,
    pub(crate) limits: Limits,
    pub(crate) reporter: Arc<dyn Reporter>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// A path below `/v2/`, or a whole address from a registry's answer.
    pub(crate) address: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body<'a>,
}

/// What is sent with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    None,
    Bytes(&'a [u8]),
    /// From a start to an end of a blob's content, in bytes.
    Part(&'a Content, &'a Digest, u64, u64),
}

impl<'a> Request<'a> {
    pub(crate) fn new(method: &'static str, address: impl Into<String>) -> Self {
        Self {
            method,
            address: address.into(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn body(mut self, body: Body<'a>) -> Self {
        self.body = body;
        self
    }
}

impl Transport {
    pub(crate) fn new(
        host: &str,
        login: Login,
        scopes: Vec<String>,
        settings: &Settings,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, bessemer_store::ClientError> {
        let loopback = is_loopback(host);
        let mut reach = bessemer_store::Settings {
            authorities: settings.authorities.clone(),
            proxy: settings.proxy.clone().filter(|_| !loopback),
            ..Default::default()
        };
        reach.limits.stall = settings.limits.stall;
        let (agent, trusts_authorities) = reach.agent()?;
        let scheme = if loopback || settings.plain_http {
            "http"
        } else {
            "https"
        };
        Ok(Self {
            agent,
            base: format!("{scheme}://{host}"),
            host: host.to_owned(),
            trusts_authorities,
            login,
            scopes,
            authorization: Mutex::default(),
            limits: settings.limits,
            reporter,
        })
    }

    /// Makes attempts until one succeeds, one fails for good, or there were enough. Only for
    /// requests that may arrive twice.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, RequestError> {
        self.repeat(request, Ok)
    }

    /// The same, and what is made of an answer belongs to the attempt.
    pub(crate) fn repeat<T>(
        &self,
        request: &Request<'_>,
        mut accept: impl FnMut(Answer) -> Result<T, RequestCause>,
    ) -> Result<T, RequestError> {
        let mut attempt = 1;
        loop {
            let result = self.once(request);
            let (cause, wait) = match result {
                Ok(answer) => match accept(answer) {
                    Ok(accepted) => return Ok(accepted),
                    Err(cause) => (cause, None),
                },
                Err((cause, wait)) => (cause, wait),
            };
            if !self.may_repeat(&request.shown(&self.base), attempt, &cause, wait) {
                return Err(self.failed(request, attempt, cause));
            }
            attempt += 1;
        }
    }

    /// Waits before the next attempt, if there is to be one.
    pub(crate) fn may_repeat(
        &self,
        request: &str,
        attempt: u32,
        cause: &RequestCause,
        asked: Option<Duration>,
    ) -> bool {
        if !cause.is_passing() || attempt >= self.limits.attempts {
            return false;
        }
        let factor = 1 << (attempt - 1).min(16);
        let own = self.limits.back_off.saturating_mul(factor);
        let wait = asked.unwrap_or(own).min(self.limits.wait);
        self.reporter.report(&Event::Repeated {
            request,
            cause: &cause.to_string(),
            wait,
        });
        std::thread::sleep(wait);
        true
    }

    pub(crate) fn failed(
        &self,
        request: &Request<'_>,
        attempts: u32,
        cause: RequestCause,
    ) -> RequestError {
        RequestError {
            request: request.shown(&self.base),
            attempts,
            cause,
        }
    }

    /// Makes one attempt; two, when the registry first has to say how it wants to be asked. A
    /// failure comes with the wait that the registry asks for.
    pub(crate) fn once(
        &self,
        request: &Request<'_>,
    ) -> Result<Answer, (RequestCause, Option<Duration>)> {
        let plain = |cause| (cause, None);
        let used = self.authorization().map_err(plain)?;
        let mut answer = self.run(request, used.as_deref()).map_err(plain)?;
        if answer.status() == 401 {
            let header = challenge_of(&answer);
            if self.challenged(&header, used.as_deref()).map_err(plain)? {
                let value = self.authorization().map_err(plain)?;
                answer = self.run(request, value.as_deref()).map_err(plain)?;
            }
        }
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let wait = answer.headers().get("retry-after");
        let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let body = read_limited(&mut answer, COMPLAINTS_LIMIT).unwrap_or_default();
        let cause = self.refused(status.as_u16(), &body);
        Err((cause, wait.map(Duration::from_secs)))
    }

    fn refused(&self, status: u16, body: &[u8]) -> RequestCause {
        let complaints = Complaints::read(body);
        match status {
            401 => RequestCause::Unauthorized {
                known: self.login != Login::Anonymous,
                complaints,
            },
            status => RequestCause::Status { status, complaints },
        }
    }

    fn run(&self, request: &Request<'_>, value: Option<&str>) -> Result<Answer, RequestCause> {
        let address = request.whole(&self.base);
        let is_plain = address.starts_with("http://");
        if is_plain && !self.is_plain() {
            return Err(RequestCause::Location);
        }
        if !is_plain && !self.trusts_authorities {
            return Err(RequestCause::NoAuthorities);
        }
        let mut built = http::Request::builder()
            .method(request.method)
            .uri(&address);
        for (name, text) in &request.headers {
            built = built.header(*name, text);
        }
        // What a registry sends to is often another's storage, which has its own secrets.
        if let Some(value) = value.filter(|_| is_below(&address, &self.base)) {
            if is_plain && !is_loopback(&self.host) {
                return Err(RequestCause::InsecureLogin);
            }
            built = built.header("authorization", value);
        }
        let invalid = |_| RequestCause::Location;
        match request.body {
            Body::None if matches!(request.method, "GET" | "HEAD") => {
                self.dispatch(built.body(()).map_err(invalid)?, is_plain)
            }
            Body::None => {
                built = built.header("content-length", "0");
                self.dispatch(built.body(&[] as &[u8]).map_err(invalid)?, is_plain)
            }
            Body::Bytes(bytes) => self.dispatch(built.body(bytes).map_err(invalid)?, is_plain),
            Body::Part(content, digest, start, end) => {
                built = built.header("content-length", (end - start).to_string());
                let mut reader = Watched {
                    inner: content.part(start, end),
                    bytes: start,
                    told: start,
                    end,
                    tell: |bytes| {
                        self.reporter.report(&Event::Sent {
                            digest,
                            bytes,
                            total: content.size(),
                        });
                    },
                };
                let body = SendBody::from_reader(&mut reader);
                self.dispatch(built.body(body).map_err(invalid)?, is_plain)
            }
        }
    }

    fn dispatch(
        &self,
        request: http::Request<impl ureq::AsSendBody>,
        is_plain: bool,
    ) -> Result<Answer, RequestCause> {
        // Where content is sent to is said in answers, not by redirects.
        let redirects = if request.method() == "GET" || request.method() == "HEAD" {
            self.agent.config().max_redirects()
        } else {
            0
        };
        let request = self.agent.configure_request(request);
        let request = request
            .https_only(!is_plain)
            .max_redirects(redirects)
            .timeout_per_write(Some(self.limits.stall))
            .timeout_global(Some(self.limits.request))
            .build();
        Ok(self.agent.run(request)?)
    }

    /// Whether the registry is spoken to without TLS.
    fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// The address of a list's next page, by the link to it on the page at `address`: always of this registry,
    /// however it calls itself.
    pub(crate) fn next_page(&self, address: &str, link: &str) -> String {
        let link = path_of(link);
        if link.starts_with('/') {
            return format!("{}{link}", self.base);
        }
        let page = address.split('?').next().unwrap_or_default();
        if link.starts_with('?') {
            return format!("{page}{link}");
        }
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{link}")
    }

    /// The address of what an answer's `Location` names; relative ones are of this registry.
    pub(crate) fn location(&self, answer: &Answer) -> Result<String, RequestCause> {
        let value = answer.headers().get("location");
        let value = value.and_then(|value| value.to_str().ok());
        match value {
            Some(path) if path.starts_with('/') && !path.starts_with("//") => {
                Ok(format!("{}{path}", self.base))
            }
            Some(address) if address.starts_with("http://") || address.starts_with("https://") => {
                Ok(address.to_owned())
            }
            _ => Err(RequestCause::Answer("no location for an upload")),
        }
    }
}

/// A link without scheme and host.
fn path_of(link: &str) -> &str {
    let is_scheme = |text: &str| {
        text.is_empty()
            || text
                .strip_suffix(':')
                .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    let rest = match link.split_once("//") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        _ => return link,
    };
    rest.find('/').map_or("/", |start| &rest[start..])
}

impl Request<'_> {
    fn whole(&self, base: &str) -> String {
        if self.address.contains("://") {
            self.address.clone()
        } else {
            format!("{base}/v2/{}", self.address)
        }
    }

    /// Method and address without secrets.
    pub(crate) fn shown(&self, base: &str) -> String {
        format!(
            "{} {}",
            self.method,
            bessemer_store::shown(&self.whole(base))
        )
    }
}

/// All challenges of an answer as one header.
fn challenge_of(answer: &Answer) -> String {
    let values = answer.headers().get_all("www-authenticate").iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    values.join(", ")
}

/// The body of an answer, if it is not larger.
pub(crate) fn read_limited(answer: &mut Answer, limit: u64) -> Result<Vec<u8>, RequestCause> {
    let mut bytes = Vec::new();
    let body = answer.body_mut().as_reader();
    body.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(RequestCause::TooLarge(limit));
    }
    Ok(bytes)
}

fn is_below(address: &str, base: &str) -> bool {
    address
        .strip_prefix(base)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Whether `host` or `host:port` is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    // What stands before an `@` is no host, whatever it looks like.
    if host.contains('@') {
        return false;
    }
    let name = match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Tells of what is read through it.
struct Watched<R, F> {
    inner: R,
    bytes: u64,
    told: u64,
    end: u64,
    tell: F,
}

impl<R: Read, F: Fn(u64)> Read for Watched<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        if self.bytes - self.told >= PROGRESS || (count > 0 && self.bytes >= self.end) {
            self.told = self.bytes;
            (self.tell)(self.bytes);
        }
        Ok(count)
    }
}

// Written out because a derived one would show the proxy's password.
impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("base", &self.base)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]",
            "[::1]:5000",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.evil",
            "localhost:x@evil",
            "10.0.0.1",
            "[::2]:1",
            "",
            "127.0.0.1.evil",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn tells_the_registry_only() {
        assert!(is_below("https://r.io/v2/", "https://r.io"));
        for address in [
            "https://r.io.evil/v2/",
            "https://r.io:1/",
            "http://r.io/",
            "https://r.io@evil/",
        ] {
            assert!(!is_below(address, "https://r.io"), "{address}");
        }
    }

    #[test]
    fn a_link_leads_nowhere_else() {
        for (link, path) in [
            ("/v2/a/referrers/x?n=1", "/v2/a/referrers/x?n=1"),
            ("https://other.example/v2/x?a=b//c", "/v2/x?a=b//c"),
            ("//other.example/v2/x", "/v2/x"),
            ("https://other.example", "/"),
            ("?n=1", "?n=1"),
            (
                "x?next=https://other.example/v2",
                "x?next=https://other.example/v2",
            ),
        ] {
            assert_eq!(path_of(link), path);
        }
    }
}
