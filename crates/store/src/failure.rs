//! Why content could not be fetched.

use crate::store::StoreError;
use crate::uri::Uri;
use std::fmt;
use std::io;

/// Why content could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The store itself failed, so no other place was tried.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The request names no place.
    #[error("there is no place to fetch from")]
    NoPlace,
    /// Every place failed.
    #[error("cannot fetch {}", Joined(.0))]
    Failed(Vec<Failure>),
}

impl FetchError {
    /// Whether the only place was a path, and there is nothing.
    pub fn is_missing_file(&self) -> bool {
        let Self::Failed(failures) = self else {
            return false;
        };
        matches!(failures.as_slice(), [Failure { cause: FailureCause::File(error), .. }]
            if error.kind() == io::ErrorKind::NotFound)
    }

    /// Whether every place that was asked is a server that answered, and gives no such thing: status
    /// 4xx, which some use for files that do not exist whatever the number.
    pub fn is_refusal(&self) -> bool {
        let refused = |failure: &Failure| {
            matches!(failure.cause, FailureCause::Status(400..500)) && !failure.cause.is_passing()
        };
        matches!(self, Self::Failed(failures) if failures.iter().all(refused))
    }

    /// Whether every place is a server that says there is no such thing: 404 or 410.
    pub fn is_absence(&self) -> bool {
        self.all_status(|status| matches!(status, 404 | 410))
    }

    /// Whether every place is a server that wants to know who asks: 401, or 407 of a proxy.
    pub fn is_unauthorized(&self) -> bool {
        self.all_status(|status| matches!(status, 401 | 407))
    }

    /// Whether no place answered at all, or none in time.
    pub fn is_silence(&self) -> bool {
        let silent = |failure: &Failure| {
            let cause = &failure.cause;
            cause.is_passing() && !matches!(cause, FailureCause::Status(_))
        };
        matches!(self, Self::Failed(failures) if failures.iter().all(silent))
    }

    fn all_status(&self, is: fn(u16) -> bool) -> bool {
        let meant =
            |failure: &Failure| matches!(failure.cause, FailureCause::Status(status) if is(status));
        matches!(self, Self::Failed(failures) if failures.iter().all(meant))
    }

    /// Whether nothing was asked, because nothing is asked of other machines.
    pub fn is_offline(&self) -> bool {
        let offline = |failure: &Failure| matches!(failure.cause, FailureCause::Offline);
        matches!(self, Self::Failed(failures) if failures.iter().all(offline))
    }
}

/// The last failure at one place.
#[derive(Debug)]
pub struct Failure {
    /// The place.
    pub uri: Uri,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub cause: FailureCause,
}

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FailureCause {
    /// The server answered with another status than 200.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// There is more content than allowed.
    #[error("content is larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: u64,
    },
    /// The connection ended before the content did.
    #[error("the connection ended before the content did")]
    Truncated,
    /// A limit of time was reached.
    #[error("the time limit was reached")]
    Deadline,
    /// The content is not the expected one.
    #[error("content is {found}, expected {expected}")]
    Mismatch {
        /// The digest as expected.
        expected: String,
        /// The digest as found.
        found: String,
    },
    /// More redirects than allowed.
    #[error("the server redirects too often")]
    Redirects,
    /// A redirect leads from https to something else.
    #[error("the server redirects from https to an insecure place")]
    Insecure,
    /// The URI, or one that was redirected to, is not one that HTTP knows.
    #[error("the URI is not valid")]
    Uri,
    /// The proxy refused.
    #[error("the proxy does not connect")]
    Proxy,
    /// No certificate authorities are known, so no server can be trusted.
    #[error("no certificate authorities were found on this machine")]
    NoAuthorities,
    /// A user name and password are known for the host, and would be readable on the way.
    #[error("its user name and password would be sent over plain HTTP; use https")]
    InsecureCredentials,
    /// Nothing is asked of other machines, and there is no copy.
    #[error("it was never fetched before, and this run is offline")]
    Offline,
    /// The connection failed.
    #[error(transparent)]
    Connection(ureq::Error),
    /// The path leads to something else than a regular file.
    #[error("it is not a regular file")]
    NotAFile,
    /// A local file failed to be read.
    #[error("cannot read the file")]
    File(#[source] io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl FailureCause {
    /// Whether the same place may do better in a while.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..),
            Self::Truncated | Self::Deadline | Self::Proxy => true,
            Self::Connection(error) => matches!(
                error,
                ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed
            ),
            _ => false,
        }
    }
}

impl From<ureq::Error> for FailureCause {
    // Some of the variants hold whole URIs; their texts go no further.
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Self::Uri,
            ureq::Error::RequireHttpsOnly(_) => Self::Insecure,
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => Self::Proxy,
            ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => Self::Redirects,
            ureq::Error::Timeout(_) => Self::Deadline,
            ureq::Error::Io(error) => error.into(),
            error => Self::Connection(error),
        }
    }
}

impl From<io::Error> for FailureCause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            io::ErrorKind::TimedOut => Self::Deadline,
            _ => Self::Connection(ureq::Error::Io(error)),
        }
    }
}

struct Joined<'a>(&'a [Failure]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}`{}`: {}", failure.uri, failure.cause)?;
            let mut source = std::error::Error::source(&failure.cause);
            while let Some(cause) = source {
                write!(formatter, ": {cause}")?;
                source = cause.source();
            }
            if failure.attempts > 1 {
                write!(formatter, " (after {} attempts)", failure.attempts)?;
            }
        }
        Ok(())
    }
}
