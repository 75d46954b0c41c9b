//! What a request is for: scheme, host, port, path and query.

use std::fmt;
use std::net::Ipv6Addr;

/// Longest host name.
const MAX_HOST: usize = 253;
/// What stands for a secret.
const REDACTED: &str = "REDACTED";
/// Words in the name of a query parameter whose value is not shown.
const SECRET_WORDS: [&str; 14] = [
    "token",
    "secret",
    "signature",
    "password",
    "passwd",
    "credential",
    "auth",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "session",
    "jwt",
];
/// Names of query parameters whose values are not shown.
const SECRET_NAMES: [&str; 7] = ["sig", "key", "code", "pass", "pwd", "se", "hmac"];

/// A server: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    pub(crate) tls: bool,
    /// Lower case; an IPv6 address in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Reads `HOST[:PORT]`; the port is the scheme's own by default. `None` for anything else, user
    /// names included.
    pub(crate) fn parse(tls: bool, authority: &str) -> Option<Self> {
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(text) => parse_port(text)?,
            None => default_port(tls),
        };
        let host = parse_host(host)?;
        Some(Self { tls, host, port })
    }

    /// As `Host` has it: without the scheme's own port.
    pub(crate) fn authority(&self) -> String {
        if self.port == default_port(self.tls) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The host without the brackets of an IPv6 address.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(formatter, "{scheme}://{}", self.authority())
    }
}

const fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let end = rest.find(']')? + 2;
        let (host, after) = authority.split_at(end);
        return match after {
            "" => Some((host, None)),
            after => Some((host, Some(after.strip_prefix(':')?))),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// Digits only: `+80` and ` 80` are numbers for some and not for others.
fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0);
    port.filter(|_| digits)
}

fn parse_host(text: &str) -> Option<String> {
    if let Some(inner) = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: Ipv6Addr = inner.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let parts = host
        .split('.')
        .all(|part| !part.is_empty() && part.len() <= 63);
    (host.len() <= MAX_HOST && parts && host.bytes().all(known)).then_some(host)
}

/// A URL that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) origin: Origin,
    /// Path and query as they were written, from the first `/`.
    pub(crate) path: String,
}

impl Target {
    /// `None` when the path is none, or climbs.
    pub(crate) fn new(origin: Origin, path: &str) -> Option<Self> {
        let written = path.starts_with('/') && !path.contains('#');
        let graphic = path.bytes().all(|byte| byte.is_ascii_graphic());
        (written && graphic && !climbs(path)).then(|| Self {
            origin,
            path: path.to_owned(),
        })
    }

    /// The URL as it is told: secrets replaced.
    pub(crate) fn shown(&self) -> String {
        shown_url(&format!("{}{}", self.origin, self.path))
    }

    /// The path without its query.
    pub(crate) fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

/// Whether a path has a segment `..` or `.`, however written: what it means depends on who reads it.
fn climbs(path: &str) -> bool {
    let bare = path.split('?').next().unwrap_or_default();
    bare.split('/').any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        matches!(plain.as_str(), "." | "..")
    })
}

/// A URL with its user name and password left out and every value in its query that looks like a
/// secret replaced.
pub fn shown_url(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let url = without_user(url);
    let Some((bare, query)) = url.split_once('?') else {
        return url;
    };
    let shown: Vec<String> = query.split('&').map(shown_parameter).collect();
    format!("{bare}?{}", shown.join("&"))
}

fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

fn shown_parameter(parameter: &str) -> String {
    let Some((name, value)) = parameter.split_once('=') else {
        return parameter.to_owned();
    };
    let plain = name.to_ascii_lowercase();
    let secret = SECRET_WORDS.iter().any(|word| plain.contains(word))
        || SECRET_NAMES.contains(&plain.as_str())
        || plain.starts_with("x-amz-")
        || plain.starts_with("x-goog-");
    if secret && !value.is_empty() {
        format!("{name}={REDACTED}")
    } else {
        parameter.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_a_port_and_nothing_else() {
        for (text, expected) in [
            ("Example.com", Some("https://example.com")),
            ("example.com.:443", Some("https://example.com")),
            ("a_b.example:8443", Some("https://a_b.example:8443")),
            ("[2001:DB8::1]:443", Some("https://[2001:db8::1]")),
            ("127.0.0.1:1", Some("https://127.0.0.1:1")),
            ("user@host", None),
            ("host:", None),
            ("host:+1", None),
            ("host:0", None),
            ("host:65536", None),
            ("", None),
            ("a..b", None),
            ("a b", None),
            ("[::1", None),
            ("[x]", None),
            ("h/x", None),
        ] {
            let found = Origin::parse(true, text).map(|origin| origin.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_path_that_climbs_is_none() {
        let origin = || Origin::parse(true, "h").unwrap();
        for path in [
            "/a/../b",
            "/..",
            "/a/%2E%2e/b",
            "/a/.%2e",
            "/./a",
            "x",
            "/a#b",
            "/a b",
            "",
        ] {
            assert!(Target::new(origin(), path).is_none(), "{path}");
        }
        for path in ["/", "/a/..b", "/a?x=/../", "/a%20b", "/...", "/a//b"] {
            assert!(Target::new(origin(), path).is_some(), "{path}");
        }
    }

    #[test]
    fn no_secret_of_a_url_is_shown() {
        for (url, shown) in [
            ("https://u:p@h/a", "https://h/a"),
            ("https://h/a?b=c&d", "https://h/a?b=c&d"),
            (
                "https://h/a?access_token=x&b=c",
                "https://h/a?access_token=REDACTED&b=c",
            ),
            (
                "https://h/?X-Amz-Signature=1&X-Amz-Date=2&sig=3",
                "https://h/?X-Amz-Signature=REDACTED&X-Amz-Date=REDACTED&sig=REDACTED",
            ),
            (
                "https://h/?service=git-upload-pack",
                "https://h/?service=git-upload-pack",
            ),
            ("https://h/?q=a#token=b", "https://h/?q=a"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
