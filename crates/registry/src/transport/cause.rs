//! Why a request failed.

use serde::Deserialize;
use std::fmt;
use std::io;

/// Most bytes of an answer that says what is wrong.
pub(super) const COMPLAINTS_LIMIT: u64 = 64 << 10;
/// Most characters of what a registry says that are shown.
const SHOWN: usize = 200;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{request}{}", if *.attempts > 1 { format!(" ({} attempts)", .attempts) } else { String::new() })]
pub struct RequestError {
    /// Method and address, without secrets.
    pub request: String,
    /// Attempts made.
    pub attempts: u32,
    /// Why the last one failed.
    #[source]
    pub cause: RequestCause,
}

/// Why one attempt of a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestCause {
    /// The registry, or its token server, answered with another status than one of success.
    #[error("the server answered with status {status}{complaints}")]
    Status {
        /// HTTP's status.
        status: u16,
        /// What it said.
        complaints: Complaints,
    },
    /// The registry does not take who asks.
    #[error("{}{complaints}", if *.known { "the registry refuses this login" } else { "the registry wants a login" })]
    Unauthorized {
        /// Whether it was told who asks.
        known: bool,
        /// What it said.
        complaints: Complaints,
    },
    /// It asks for something that is neither Basic nor Bearer.
    #[error("the registry wants a kind of login that is not known here")]
    Challenge,
    /// The token server's answer has no token in it.
    #[error("the token server gave no token")]
    Token,
    /// A password or token would be readable on the way.
    #[error("a login would be sent over plain HTTP, or to a place that plain HTTP leads to")]
    InsecureLogin,
    /// The connection failed or broke off.
    #[error(transparent)]
    Connection(ureq::Error),
    /// No certificate authorities are known, so no registry can be trusted.
    #[error("no certificate authorities were found on this machine")]
    NoAuthorities,
    /// A limit of time was reached.
    #[error("the time limit was reached")]
    Deadline,
    /// The registry sends somewhere else, in a way that is not followed.
    #[error("the registry sends somewhere that is not followed")]
    Location,
    /// An answer is larger than it can be.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// An answer has another digest than what was asked for.
    #[error("the answer is not what was asked for: it has another digest or size")]
    Mismatch,
    /// The answer does not follow the distribution specification.
    #[error("the answer does not follow the specification: {0}")]
    Answer(&'static str),
    /// What is sent cannot be read, or what is received not be kept.
    #[error("a file of this machine failed")]
    File(#[source] io::Error),
}

/// What a registry says is wrong (`errors` of the distribution specification); shortened, and
/// without control characters. Shown with a separator before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Complaints(Vec<Complaint>);

#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
struct Complaint {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    errors: Vec<Complaint>,
}

impl Complaints {
    pub(super) fn read(body: &[u8]) -> Self {
        let written = serde_json::from_slice::<Written>(body);
        Self(written.map(|written| written.errors).unwrap_or_default())
    }

    /// Whether one of them has this code.
    pub(crate) fn have(&self, code: &str) -> bool {
        self.0.iter().any(|complaint| complaint.code == code)
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.0.iter().take(3).enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            let text = format!("{}: {}", complaint.code, complaint.message);
            let clean = text.chars().filter(|char| !char.is_control());
            write!(
                formatter,
                "{separator}{}",
                clean.take(SHOWN).collect::<String>()
            )?;
        }
        Ok(())
    }
}

impl RequestCause {
    /// Whether the same request may do better in a while.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 506..)
            }
            Self::Deadline | Self::Mismatch => true,
            Self::Connection(error) => matches!(
                error,
                ureq::Error::Io(_)
                    | ureq::Error::Protocol(_)
                    | ureq::Error::HostNotFound
                    | ureq::Error::ConnectionFailed
            ),
            _ => false,
        }
    }

    /// The status that the registry answered with.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl RequestError {
    /// The status that the registry answered with.
    pub fn status(&self) -> Option<u16> {
        self.cause.status()
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

impl From<ureq::Error> for RequestCause {
    // Some of the variants hold whole addresses; their texts go no further.
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::BadUri(_)
            | ureq::Error::Http(_)
            | ureq::Error::RequireHttpsOnly(_)
            | ureq::Error::TooManyRedirects
            | ureq::Error::RedirectFailed => Self::Location,
            ureq::Error::Timeout(_) => Self::Deadline,
            ureq::Error::Io(error) => error.into(),
            error => Self::Connection(error),
        }
    }
}

impl From<io::Error> for RequestCause {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Deadline,
            _ => Self::Connection(ureq::Error::Io(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_registry_says_without_control_characters() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[31m way","detail":{}}]}"#;
        let complaints = Complaints::read(body);
        assert!(complaints.have("DENIED"));
        assert_eq!(complaints.to_string(), ": DENIED: no[31m way");
        assert_eq!(Complaints::read(b"<html>").to_string(), "");
        let long = format!(r#"{{"errors":[{{"message":"{}"}}]}}"#, "x".repeat(1000));
        assert_eq!(Complaints::read(long.as_bytes()).to_string().len(), 202);
    }

    #[test]
    fn knows_what_may_pass() {
        for (status, passing) in [
            (404, false),
            (401, false),
            (429, true),
            (500, true),
            (501, false),
            (503, true),
        ] {
            let complaints = Complaints::default();
            let cause = RequestCause::Status { status, complaints };
            assert_eq!(cause.is_passing(), passing, "{status}");
        }
    }
}
