//! Tokens, and where they come from.
//!
//! Source: distribution's `docs/content/spec/auth` (`token.md`, `oauth.md`).

use super::cause::RequestCause;
use super::{Transport, read_limited};
use crate::challenge::Challenge;
use crate::login::Login;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Most bytes of a token server's answer.
const ANSWER_LIMIT: u64 = 1 << 20;
/// How long a token holds whose server does not say (`token.md`).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// Longest life that is believed: more would not fit into a clock's arithmetic everywhere.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// A token is not used so shortly before its end.
const MARGIN: Duration = Duration::from_secs(10);
/// What stands in a query as it is (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is known of how a registry wants to be asked.
#[derive(Default)]
pub(super) struct Authorization {
    /// Its last challenge; none until it makes one.
    challenge: Option<Challenge>,
    /// The token, and until when it is used.
    token: Option<(String, Instant)>,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Transport {
    /// The value of `Authorization` for the next request.
    pub(super) fn authorization(&self) -> Result<Option<String>, RequestCause> {
        if let Login::RegistryToken(token) = &self.login {
            return Ok(Some(format!("Bearer {token}")));
        }
        let mut state = self.state()?;
        match &state.challenge {
            None => Ok(None),
            Some(Challenge::Basic) => Ok(self.login.basic()),
            Some(Challenge::Bearer {
                realm,
                service,
                scope,
            }) => {
                if let Some((token, until)) = &state.token
                    && Instant::now() < *until
                {
                    return Ok(Some(format!("Bearer {token}")));
                }
                let scopes = self.scopes(scope.as_deref());
                let (token, until) = self.fetch_token(realm, service.as_deref(), &scopes)?;
                let value = format!("Bearer {token}");
                state.token = Some((token, until));
                Ok(Some(value))
            }
        }
    }

    /// Takes note of a challenge. Whether asking again may help: not when the same was tried.
    pub(super) fn challenged(
        &self,
        header: &str,
        used: Option<&str>,
    ) -> Result<bool, RequestCause> {
        let challenge = Challenge::parse(header).ok_or(RequestCause::Challenge)?;
        if matches!(self.login, Login::RegistryToken(_)) {
            return Ok(false);
        }
        let mut state = self.state()?;
        let helps = match &challenge {
            Challenge::Basic => used.is_none() && self.login.basic().is_some(),
            Challenge::Bearer { .. } => true,
        };
        // Another thread may have changed the token since.
        let current = state
            .token
            .as_ref()
            .map(|(token, _)| format!("Bearer {token}"));
        if current.as_deref() == used {
            state.token = None;
        }
        state.challenge = Some(challenge);
        Ok(helps)
    }

    fn state(&self) -> Result<std::sync::MutexGuard<'_, Authorization>, RequestCause> {
        // Poisoned only if a thread panicked while it held a token.
        self.authorization.lock().map_err(|_| RequestCause::Token)
    }

    /// What this connection is for, and what the registry said that it needs on top.
    fn scopes(&self, demanded: Option<&str>) -> Vec<String> {
        let mut scopes = self.scopes.clone();
        let demanded = demanded.into_iter().flat_map(|scope| scope.split(' '));
        for scope in demanded.filter(|scope| !scope.is_empty()) {
            let resource = scope
                .rsplit_once(':')
                .map_or(scope, |(resource, _)| resource);
            if !scopes
                .iter()
                .any(|own| own.starts_with(&format!("{resource}:")))
            {
                scopes.push(scope.to_owned());
            }
        }
        scopes
    }

    /// A token of the server at `realm`, and until when it is used.
    fn fetch_token(
        &self,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
    ) -> Result<(String, Instant), RequestCause> {
        // A registry that is trusted over TLS could be told by its answer to send the login in
        // plain; one that is not is this machine's.
        let is_safe = realm.starts_with("https://")
            || (realm.starts_with("http://") && self.is_plain() && is_on_this_machine(realm));
        if !is_safe {
            return Err(RequestCause::InsecureLogin);
        }
        let service = service.map(|service| ("service", service));
        let mut response = match &self.login {
            Login::IdentityToken(identity) => {
                self.change_token(realm, service, &scopes.join(" "), identity)?
            }
            _ => self.ask_for_token(realm, service, scopes)?,
        };
        let body = read_limited(&mut response, ANSWER_LIMIT)?;
        if !response.status().is_success() {
            return Err(self.refused(response.status().as_u16(), &body));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| RequestCause::Token)?;
        let life = answer.expires_in.map_or(DEFAULT_LIFE, Duration::from_secs);
        let token = answer.token.filter(|token| !token.is_empty());
        let token = token.or(answer.access_token).unwrap_or_default();
        let usable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !usable {
            return Err(RequestCause::Token);
        }
        let life = life.min(LONGEST_LIFE);
        Ok((token, Instant::now() + life.saturating_sub(MARGIN)))
    }

    /// By user name and password, or by nothing (`token.md`).
    fn ask_for_token(
        &self,
        realm: &str,
        service: Option<(&str, &str)>,
        scopes: &[String],
    ) -> Result<super::Answer, RequestCause> {
        let mut fields: Vec<(&str, &str)> = service.into_iter().collect();
        fields.extend(scopes.iter().map(|scope| ("scope", scope.as_str())));
        if let Login::Password { user, .. } = &self.login {
            fields.push(("account", user));
        }
        let separator = if realm.contains('?') { '&' } else { '?' };
        let address = format!("{realm}{separator}{}", query(&fields));
        let mut request = self.agent.get(address);
        if let Some(basic) = self.login.basic() {
            request = request.header("authorization", basic);
        }
        let request = request.config().https_only(realm.starts_with("https://"));
        let request = request.timeout_global(Some(self.limits.stall)).build();
        Ok(request.call()?)
    }

    /// By an identity token (`oauth.md`).
    fn change_token(
        &self,
        realm: &str,
        service: Option<(&str, &str)>,
        scope: &str,
        identity: &str,
    ) -> Result<super::Answer, RequestCause> {
        let mut fields: Vec<(&str, &str)> = service.into_iter().collect();
        fields.extend([
            ("grant_type", "refresh_token"),
            ("client_id", "bessemer"),
            ("scope", scope),
            ("refresh_token", identity),
        ]);
        let kind = "application/x-www-form-urlencoded";
        let request = self.agent.post(realm).header("content-type", kind);
        let request = request.config().max_redirects(0);
        let request = request.timeout_global(Some(self.limits.stall)).build();
        Ok(request.send(query(&fields))?)
    }
}

fn query(fields: &[(&str, &str)]) -> String {
    let field =
        |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED));
    fields.iter().map(field).collect::<Vec<_>>().join("&")
}

fn is_on_this_machine(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    super::is_loopback(authority)
}
