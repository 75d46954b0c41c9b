//! What may be asked for: the operator's lists.

use crate::target::{Origin, Target, split_port};
use std::str::FromStr;

/// `HOST[:PORT][/PATH]`. `*.HOST` stands for every name below HOST. A path stands for itself and what
/// is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    host: String,
    /// Whether names below `host` are meant, and not `host`.
    below: bool,
    port: Option<u16>,
    /// Decoded, without `/` at its end; empty for every path.
    path: String,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not HOST[:PORT][/PATH]")]
pub struct PatternError(pub String);

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError(text.to_owned());
        if text.contains("://") || text.contains(['@', '?', '#']) {
            return Err(wrong());
        }
        let (authority, path) = match text.find('/') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let (below, authority) = match authority.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, authority),
        };
        let port = split_port(authority).ok_or_else(wrong)?.1;
        let origin = Origin::parse(true, authority).ok_or_else(wrong)?;
        Ok(Self {
            host: origin.host,
            below,
            port: port.map(|_| origin.port),
            path: decoded(path).trim_end_matches('/').to_owned(),
        })
    }
}

impl Pattern {
    fn is_of_host(&self, target: &Target) -> bool {
        let host = &target.origin.host;
        let named = if self.below {
            let rest = host.strip_suffix(&self.host);
            rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            *host == self.host
        };
        named && self.port.is_none_or(|port| port == target.origin.port)
    }

    fn is_of_path(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&self.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.is_empty())
    }

    /// Whether this server is named, with its port.
    pub(crate) fn names_port(&self, origin: &Origin) -> bool {
        self.port == Some(origin.port) && !self.below && self.host == origin.host
    }

    /// Whether it surely is meant: however the server reads the path.
    pub(crate) fn allows(&self, target: &Target) -> bool {
        let path = target.bare_path();
        let plain = path.to_ascii_lowercase();
        let one_reading = !plain.contains("%2f") && !plain.contains("%5c") && !path.contains('\\');
        self.is_of_host(target)
            && (self.path.is_empty() || (one_reading && self.is_of_path(&decoded(path))))
    }

    /// Whether it may be meant.
    pub(crate) fn denies(&self, target: &Target) -> bool {
        let path = target.bare_path();
        let read = decoded(path).replace('\\', "/");
        self.is_of_host(target)
            && [squeezed(&read), read, path.to_owned()]
                .iter()
                .any(|path| self.is_of_path(path))
    }
}

/// Several slashes as one, as many servers read them.
fn squeezed(path: &str) -> String {
    let mut squeezed = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !squeezed.ends_with('/') {
            squeezed.push(letter);
        }
    }
    squeezed
}

/// Percent signs resolved; what is no UTF-8 afterwards is replaced.
fn decoded(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = path.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        let rest = url.strip_prefix("https://").unwrap();
        let at = rest.find('/').unwrap();
        Target::new(Origin::parse(true, &rest[..at]).unwrap(), &rest[at..]).unwrap()
    }

    #[test]
    fn a_pattern_names_hosts_ports_and_paths() {
        for (pattern, url, expected) in [
            ("h.example", "https://h.example/x", true),
            ("H.example.", "https://h.example/x", true),
            ("h.example", "https://h.example:8443/x", true),
            ("h.example:443", "https://h.example:8443/x", false),
            ("h.example", "https://x.h.example/", false),
            ("*.h.example", "https://x.h.example/", true),
            ("*.h.example", "https://h.example/", false),
            ("*.h.example", "https://xh.example/", false),
            ("h.example/a", "https://h.example/a", true),
            ("h.example/a/", "https://h.example/a/b", true),
            ("h.example/a", "https://h.example/ab", false),
            ("h.example/a", "https://h.example/%61/b", true),
            ("h.example/a", "https://h.example/a%2f..%2fb", false),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.allows(&target(url)), expected, "{pattern:?} {url}");
        }
        for text in ["", "https://h", "u@h", "h?x", "h:0", "*", "/a"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_may_be_meant_is_denied() {
        let pattern: Pattern = "h.example/private".parse().unwrap();
        for url in [
            "https://h.example/private/x",
            "https://h.example/%70rivate",
            "https://h.example//private/x",
            "https://h.example/private%2fx",
            "https://h.example/private\\x",
        ] {
            assert!(pattern.denies(&target(url)), "{url}");
        }
        assert!(!pattern.denies(&target("https://h.example/public")));
    }
}
