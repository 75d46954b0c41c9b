//! By what a server tells one state of a resource from another (RFC 9110, section 8.8).

use ureq::http::HeaderMap;

/// Longest header value that is kept, in bytes.
const LONGEST: usize = 1024;

/// `ETag` and `Last-Modified` of a response, as they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
}

impl Validators {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let value = |name| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty() && value.len() <= LONGEST).then(|| value.to_owned())
        };
        Self {
            etag: value("etag"),
            last_modified: value("last-modified"),
        }
    }

    /// Whether the rest of the same bytes can be asked for: a weak tag names bytes that only mean
    /// the same, and a date cannot tell two changes within a second apart, but is what many servers
    /// have; what is fetched is checked as a whole in either case.
    pub(crate) fn is_strong(&self) -> bool {
        match &self.etag {
            Some(etag) => !etag.starts_with("W/"),
            None => self.last_modified.is_some(),
        }
    }

    /// The value of `If-Range`.
    pub(crate) fn if_range(&self) -> &str {
        let value = self.etag.as_deref().or(self.last_modified.as_deref());
        value.unwrap_or_default()
    }

    /// The headers with which the server sends nothing if nothing has changed.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let etag = self.etag.iter();
        let date = self.last_modified.iter();
        etag.map(|value| ("if-none-match", value.as_str()))
            .chain(date.map(|value| ("if-modified-since", value.as_str())))
    }
}
