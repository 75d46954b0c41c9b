//! What a registry is told of who asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// What a registry is told of who asks. Shown without secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Login {
    /// Nothing.
    #[default]
    Anonymous,
    /// A user name and a password (HTTP Basic, RFC 7617), also to get tokens with.
    Password {
        /// The user name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token that a token server changes into others (OAuth 2's refresh token).
    IdentityToken(String),
    /// A token that the registry itself takes.
    RegistryToken(String),
}

impl Login {
    /// The value of `Authorization` for HTTP Basic, where there is a password.
    pub(crate) fn basic(&self) -> Option<String> {
        match self {
            Self::Password { user, password } => Some(format!(
                "Basic {}",
                STANDARD.encode(format!("{user}:{password}"))
            )),
            _ => None,
        }
    }
}

// Written out because a derived one would show the secrets.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password { .. } => "Password",
            Self::IdentityToken(_) => "IdentityToken",
            Self::RegistryToken(_) => "RegistryToken",
        })
    }
}
