//! Where content can be had.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An `http`, `https` or `file` URI, or a path. Shown without user name, password and query, all
/// of which can hold secrets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uri {
    text: String,
    scheme: Scheme,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    Http,
    Https,
    File,
}

/// Why a text is not a URI that can be fetched from. The text is not repeated: what cannot be
/// parsed cannot be cleared of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseUriError {
    /// Neither `http`, `https`, `file` nor a path.
    #[error("scheme `{0}` is not supported: use http, https, file or a path")]
    Scheme(String),
    /// No host where one is needed, or one where none can be.
    #[error("the URI names no usable host")]
    Host,
    /// Empty, or with spaces or control characters.
    #[error("the URI is empty or has spaces or control characters in it")]
    Characters,
}

impl Uri {
    /// All of the text, secrets included.
    pub(crate) fn secret_text(&self) -> &str {
        &self.text
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A path of this machine.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self {
            text: path.into().to_string_lossy().into_owned(),
            scheme: Scheme::File,
        }
    }

    /// The text without user name and password, for the request itself.
    pub(crate) fn request_text(&self) -> String {
        match (self.user_info(), self.text.split_once("://")) {
            (Some(_), Some((scheme, rest))) => {
                let from = self.authority().rfind('@').map_or(0, |at| at + 1);
                format!("{scheme}://{}", &rest[from..])
            }
            _ => self.text.clone(),
        }
    }

    /// User name and password as written, still percent-encoded.
    pub(crate) fn user_info(&self) -> Option<(&str, &str)> {
        let (info, _) = self.authority().rsplit_once('@')?;
        Some(info.split_once(':').unwrap_or((info, "")))
    }

    /// Host and port; empty for files.
    pub(crate) fn host(&self) -> &str {
        let authority = self.authority();
        authority.rsplit('@').next().unwrap_or(authority)
    }

    /// The host without its port.
    pub(crate) fn host_name(&self) -> &str {
        let host = self.host();
        let end = match host.rfind(']') {
            Some(bracket) => bracket + 1,
            None => host.find(':').unwrap_or(host.len()),
        };
        &host[..end]
    }

    fn authority(&self) -> &str {
        match (self.scheme, self.text.split_once("://")) {
            (Scheme::Http | Scheme::Https, Some((_, rest))) => {
                rest.split(['/', '?', '#']).next().unwrap_or_default()
            }
            _ => "",
        }
    }

    /// Whether it is on another machine, or asked for as if it were.
    pub const fn is_remote(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https)
    }

    /// Whether what is read from there can be changed by those who carry it: HTTP without TLS, to
    /// another machine.
    pub fn is_insecure(&self) -> bool {
        self.scheme == Scheme::Http && !crate::credentials::is_loopback(self.host_name())
    }

    /// Whether it has a query or a fragment.
    pub fn has_query(&self) -> bool {
        self.is_remote() && self.text.contains(['?', '#'])
    }

    /// The path of a file URI or path. Percent signs stand for themselves.
    pub fn file_path(&self) -> PathBuf {
        self.text
            .strip_prefix("file://")
            .unwrap_or(&self.text)
            .into()
    }

    /// The URI of the file beside this one whose name has `ending` on top. There is no query.
    #[must_use]
    pub fn beside(&self, ending: &str) -> Self {
        Self {
            text: format!("{}{ending}", self.text),
            scheme: self.scheme,
        }
    }

    /// The URI of the file of this name in the same directory. There is no query.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Self {
        let directory = self.text.rfind('/').map_or(0, |slash| slash + 1);
        Self {
            text: format!("{}{name}", &self.text[..directory]),
            scheme: self.scheme,
        }
    }

    /// The last component of the path, as it is written.
    pub fn file_name(&self) -> &str {
        let path = match self.scheme {
            Scheme::File => self.text.as_str(),
            _ => self.text.split(['?', '#']).next().unwrap_or_default(),
        };
        path.rsplit('/').next().unwrap_or_default()
    }

    /// The URI of a file in this directory. A query stays at the end.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let split = if self.scheme == Scheme::File {
            None
        } else {
            self.text.split_once('?')
        };
        let (base, query) = match split {
            Some((base, query)) => (base, format!("?{query}")),
            None => (self.text.as_str(), String::new()),
        };
        let text = format!("{}/{name}{query}", base.trim_end_matches('/'));
        Self {
            text,
            scheme: self.scheme,
        }
    }
}

impl FromStr for Uri {
    type Err = ParseUriError;

    fn from_str(text: &str) -> Result<Self, ParseUriError> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(ParseUriError::Characters);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self {
                text: text.to_owned(),
                scheme: Scheme::File,
            });
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "file" => Scheme::File,
            _ => return Err(ParseUriError::Scheme(scheme.chars().take(20).collect())),
        };
        if scheme == Scheme::File {
            return match rest.strip_prefix("localhost").unwrap_or(rest) {
                path if path.starts_with('/') => Ok(Self {
                    text: path.to_owned(),
                    scheme,
                }),
                _ => Err(ParseUriError::Host),
            };
        }
        if text.contains(char::is_whitespace) {
            return Err(ParseUriError::Characters);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') {
            return Err(ParseUriError::Host);
        }
        Ok(Self {
            text: text.to_owned(),
            scheme,
        })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::File => formatter.write_str(&self.text),
            Scheme::Http | Scheme::Https => formatter.write_str(&shown(&self.text)),
        }
    }
}

/// An address of any scheme, which need not be one that can be fetched from, without what can hold
/// secrets: user name, password, query and fragment. For messages.
pub fn shown(address: &str) -> String {
    let public = without_user(address);
    if !public.contains("://") {
        return public;
    }
    let end = public.find(['?', '#']).unwrap_or(public.len());
    let query = if public[end..].contains('?') {
        "?…"
    } else {
        ""
    };
    format!("{}{query}", &public[..end])
}

/// The same with query and fragment: what names the content, for documents.
pub fn without_user(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

impl fmt::Debug for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_no_secrets_of_an_address_that_it_cannot_read() {
        for (text, expected) in [
            ("ftp://u:SECRET@host/a?token=SECRET#part", "ftp://host/a?…"),
            ("git+ssh://u:SECRET@host", "git+ssh://host"),
            ("htps://host/a#SECRET", "htps://host/a"),
            ("https://u:SECRET@/?SECRET", "https:///?…"),
            ("a/path@b?c", "a/path@b?c"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(without_user("http://u:p@h/a?b=c"), "http://h/a?b=c");
    }

    #[test]
    fn shows_no_secrets() {
        let cases = [
            ("https://host/a/b.tar.gz", "https://host/a/b.tar.gz"),
            ("https://user:pass@host:8080/a", "https://host:8080/a"),
            ("https://user:p@ss@host", "https://host"),
            ("http://host?token=1", "http://host?…"),
            ("http://host/a?u=me@x#part", "http://host/a?…"),
            ("http://host/a@b", "http://host/a@b"),
            ("HTTP://host/a", "HTTP://host/a"),
            ("file:///a b/c?d", "/a b/c?d"),
            ("file://localhost/a", "/a"),
            ("relative/path", "relative/path"),
        ];
        for (text, shown) in cases {
            let uri: Uri = text.parse().unwrap();
            assert_eq!(
                (uri.to_string(), format!("{uri:?}")),
                (shown.into(), shown.into())
            );
        }
    }

    #[test]
    fn refuses() {
        let cases = [
            ("", ParseUriError::Characters),
            ("a\nb", ParseUriError::Characters),
            ("http://host/a b", ParseUriError::Characters),
            ("ftp://host/a", ParseUriError::Scheme("ftp".into())),
            ("http://", ParseUriError::Host),
            ("http://user@/a", ParseUriError::Host),
            ("http://:80/a", ParseUriError::Host),
            ("file://host/a", ParseUriError::Host),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Uri>(), Err(error), "{text}");
        }
    }

    #[test]
    fn joins() {
        let cases = [
            ("http://host", "http://host/name"),
            ("http://host/a/?sig=1", "http://host/a/name?sig=1"),
            ("/a/b?", "/a/b?/name"),
        ];
        for (base, joined) in cases {
            assert_eq!(
                base.parse::<Uri>().unwrap().join("name").secret_text(),
                joined
            );
        }
    }

    proptest! {
        #[test]
        fn never_shows_a_password(text in "(https?|HTTP)://[!-~]{0,20}SECRET[!-~]{0,5}@[a-z]{1,9}[!-~]{0,20}") {
            if let Ok(uri) = text.parse::<Uri>() {
                let authority = text.split_once("://").unwrap().1;
                let authority = authority.split(['/', '?', '#']).next().unwrap();
                prop_assert!(!authority.contains('@') || !authority[..authority.rfind('@').unwrap()]
                    .contains("SECRET") || !uri.to_string().contains("SECRET"));
            }
        }
    }
}
