//! User names and passwords for servers (HTTP Basic, RFC 7617).

use crate::uri::{Scheme, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use std::fmt;

/// What servers are told of who asks. Each is for one host, and is sent to no other: not after a
/// redirect, and not over plain HTTP unless the host is this machine.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    /// `host` or `host:port`, in lower case.
    host: String,
    user: String,
    password: String,
}

/// Why a text holds no credentials. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not `basic:HOST:USER:PASSWORD`, one a line")]
pub struct ParseCredentialsError;

impl Credentials {
    /// Reads `basic:HOST:USER:PASSWORD`, as apk-tools, apko and melange take it from `HTTP_AUTH`; one
    /// a line. A host may have a port (`HOST:PORT`), and a password may have colons.
    pub fn parse(text: &str) -> Result<Self, ParseCredentialsError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let entries = lines.map(|line| Entry::parse(line).ok_or(ParseCredentialsError));
        Ok(Self {
            entries: entries.collect::<Result<_, _>>()?,
        })
    }

    /// The same text again, for another process of this program.
    pub fn to_text(&self) -> String {
        let line = |entry: &Entry| {
            let Entry {
                host,
                user,
                password,
            } = entry;
            format!("basic:{host}:{user}:{password}\n")
        };
        self.entries.iter().map(line).collect()
    }

    /// Each host, with its port where one was named, and the value of `Authorization` for it; for a
    /// process that asks servers on somebody's behalf.
    pub fn authorizations(&self) -> Vec<(String, String)> {
        let entries = self.entries.iter();
        entries
            .map(|entry| (entry.host.clone(), basic(&entry.user, &entry.password)))
            .collect()
    }

    /// Adds what a URI says before its host, for everything on that host.
    pub fn add(&mut self, uri: &Uri) {
        let Some((user, password)) = uri.user_info() else {
            return;
        };
        let entry = Entry {
            host: uri.host().to_ascii_lowercase(),
            user: decoded(user),
            password: decoded(password),
        };
        if !self.entries.contains(&entry) {
            self.entries.push(entry);
        }
    }

    /// The value of `Authorization` for a request. What the URI itself says comes first.
    pub(crate) fn header(&self, uri: &Uri) -> Option<String> {
        if uri.scheme() == Scheme::Http && !is_loopback(uri.host_name()) {
            return None;
        }
        if let Some((user, password)) = uri.user_info() {
            return Some(basic(&decoded(user), &decoded(password)));
        }
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.is_for(uri.host(), uri.host_name()))?;
        Some(basic(&entry.user, &entry.password))
    }

    /// Whether there is something that a server would be told if it could be told safely.
    pub(crate) fn withheld(&self, uri: &Uri) -> bool {
        let known = uri.user_info().is_some()
            || self
                .entries
                .iter()
                .any(|entry| entry.is_for(uri.host(), uri.host_name()));
        known && self.header(uri).is_none()
    }
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("basic:")?;
        let (host, rest) = split_host(rest)?;
        let (user, password) = rest.split_once(':')?;
        let usable = !host.is_empty() && !user.is_empty() && !line.chars().any(char::is_control);
        usable.then(|| Self {
            host: host.to_ascii_lowercase(),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    fn is_for(&self, host: &str, host_name: &str) -> bool {
        self.host.eq_ignore_ascii_case(host) || self.host.eq_ignore_ascii_case(host_name)
    }
}

/// `HOST:`, `HOST:PORT:` or `[IPV6]:PORT:` in front of the rest. Digits after the host are a port
/// when a user and a password still follow.
fn split_host(text: &str) -> Option<(&str, &str)> {
    let bracket = if text.starts_with('[') {
        text.find(']')?
    } else {
        0
    };
    let end = bracket + text[bracket..].find(':')?;
    let rest = &text[end + 1..];
    match rest.split_once(':') {
        Some((port, more))
            if !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
                && more.contains(':') =>
        {
            Some((&text[..=end + port.len()], more))
        }
        _ => Some((&text[..end], rest)),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(crate) fn is_loopback(host_name: &str) -> bool {
    let address = host_name.trim_matches(['[', ']']);
    host_name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

// Written out because a derived one would show passwords.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.entries.iter().map(|entry| &entry.host);
        formatter.debug_list().entries(hosts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credentials: &str, uri: &str) -> Option<String> {
        let credentials = Credentials::parse(credentials).unwrap();
        let value = credentials.header(&uri.parse().unwrap())?;
        let encoded = value.strip_prefix("Basic ").unwrap();
        Some(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap())
    }

    #[test]
    fn are_sent_to_their_host_alone() {
        let two = "basic:a.example:me:pass:word\nbasic:localhost:8080:you:secret\n";
        let cases = [
            (two, "https://a.example/os", Some("me:pass:word")),
            (two, "https://A.example:444/os", Some("me:pass:word")),
            (two, "https://b.example/os", None),
            (two, "https://a.example.b/os", None),
            (two, "http://localhost:8080/os", Some("you:secret")),
            (two, "http://localhost:8081/os", None),
            ("basic:[::1]:80:me:p", "http://[::1]:80/", Some("me:p")),
            // What the URI says comes first, decoded.
            (two, "https://x:y%40z@a.example/os", Some("x:y@z")),
            ("", "https://only@a.example/", Some("only:")),
            // Never in clear over a network.
            ("basic:a.example:me:p", "http://a.example/", None),
            ("", "http://x:y@a.example/", None),
        ];
        for (credentials, uri, expected) in cases {
            assert_eq!(
                header(credentials, uri).as_deref(),
                expected,
                "{credentials} {uri}"
            );
        }
        let credentials = Credentials::parse("basic:a.example:me:p").unwrap();
        assert!(credentials.withheld(&"http://a.example/".parse().unwrap()));
        assert!(!credentials.withheld(&"http://b.example/".parse().unwrap()));
    }

    #[test]
    fn read_back_and_are_not_shown() {
        let mut credentials = Credentials::parse("basic:host:user:secret").unwrap();
        credentials.add(&"https://me:other%20word@else:444/".parse().unwrap());
        let text = credentials.to_text();
        assert_eq!(
            text,
            "basic:host:user:secret\nbasic:else:444:me:other word\n"
        );
        assert_eq!(Credentials::parse(&text), Ok(credentials.clone()));
        assert_eq!(format!("{credentials:?}"), r#"["host", "else:444"]"#);
    }

    #[test]
    fn refuse_what_is_not_basic() {
        for text in [
            "bearer:host:a:b",
            "basic:host",
            "basic::a:b",
            "basic:host::b",
            "x",
        ] {
            assert_eq!(
                Credentials::parse(text),
                Err(ParseCredentialsError),
                "{text}"
            );
        }
    }
}
