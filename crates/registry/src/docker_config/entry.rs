//! One entry of `auths`.

use crate::login::Login;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    auth: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    identitytoken: String,
    #[serde(default)]
    registrytoken: String,
}

#[derive(Debug, Clone)]
pub(super) struct Entry(Login);

impl Entry {
    /// What an entry says; an empty one, as Docker writes beside a helper, says nothing.
    pub(super) fn read(written: &Written) -> Option<Self> {
        if !written.registrytoken.is_empty() {
            return Some(Self(Login::RegistryToken(written.registrytoken.clone())));
        }
        if !written.identitytoken.is_empty() {
            return Some(Self(Login::IdentityToken(written.identitytoken.clone())));
        }
        let (user, password) = if written.auth.is_empty() {
            (written.username.clone(), written.password.clone())
        } else {
            let decoded = STANDARD.decode(&written.auth).ok()?;
            let decoded = String::from_utf8(decoded).ok()?;
            let (user, password) = decoded.split_once(':')?;
            // Docker pads with NUL.
            (user.to_owned(), password.trim_matches('\0').to_owned())
        };
        if user.is_empty() && password.is_empty() {
            return Some(Self(Login::Anonymous));
        }
        if user.contains(':') || user.chars().any(char::is_control) {
            return None;
        }
        Some(Self(Login::Password { user, password }))
    }

    pub(super) fn login(&self) -> Login {
        self.0.clone()
    }
}
