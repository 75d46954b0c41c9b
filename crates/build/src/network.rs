//! Guests with a network: their proxies, what was recorded, and what may not be packaged.

mod authority;
mod heard;
mod java;
mod proxy;
mod record;
mod replay;

pub use authority::AuthorityError;
pub(crate) use authority::search as search_for_authority;
pub(crate) use proxy::GuestProxy;
pub(crate) use record::Recorded;

use bessemer_attest::documents::{
    Component, Network as Mode, NetworkLimits, NetworkPolicy, NetworkRecord,
};
pub use bessemer_proxy::protocol::RefusalKind;
use bessemer_proxy::protocol::{Credential, Limits};
use bessemer_store::StoreError;
use bessemer_vm::LauncherError;

/// What the guests of a job may reach, and with what.
#[derive(Debug, Clone)]
pub struct Network {
    /// Anything but `none`.
    pub mode: Mode,
    /// Within which bounds.
    pub policy: NetworkPolicy,
    /// Certificate authorities that servers are believed by, PEM.
    pub authorities: String,
    /// What servers are told: host, and the value of `Authorization`.
    pub credentials: Vec<(String, String)>,
    /// In a replay: what was recorded.
    pub replay: Option<NetworkRecord>,
    /// The proxy's program.
    pub proxy: Component,
}

/// Why a guest has no network, or nothing can be said of it.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A file or socket.
    #[error("cannot prepare the guest's network")]
    Io(#[from] std::io::Error),
    /// The proxy did not start.
    #[error(transparent)]
    Launcher(#[from] LauncherError),
    /// The configuration has no JSON form.
    #[error("cannot write the proxy's configuration")]
    Config(#[from] serde_json::Error),
    /// The proxy said nothing, or nonsense, or ended too early.
    #[error("the proxy {what}{}", after(said))]
    Proxy {
        /// What it did.
        what: String,
        /// What it printed.
        said: String,
    },
    /// The store refused.
    #[error("cannot store what was recorded")]
    Store(#[from] StoreError),
    /// A body is not the one that the proxy tells of.
    #[error("the answer to {url} is not stored as the proxy tells")]
    Body {
        /// Of which exchange.
        url: String,
    },
    /// A body of the record that is replayed is gone.
    #[error("the recorded answer to {url} ({sha256}) is not in the store")]
    Missing {
        /// Of which exchange.
        url: String,
        /// Its digest.
        sha256: bessemer_digest::Digest,
    },
    /// The proxy's certificate cannot be read.
    #[error("the proxy's certificate cannot be read")]
    Certificate,
}

fn after(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for.
    pub url: String,
    /// Why not.
    pub reason: String,
    /// What kind of reason, for advice.
    pub kind: RefusalKind,
}

/// The limits that are written into a job when nothing else is said.
pub fn usual_limits() -> NetworkLimits {
    let usual = Limits::default();
    NetworkLimits {
        body_bytes: usual.body_bytes,
        request_bytes: usual.request_bytes,
        total_bytes: usual.total_bytes,
        exchanges: usual.exchanges,
        idle_seconds: usual.idle_seconds,
        exchange_seconds: usual.exchange_seconds,
    }
}

/// Whether a text names servers and paths as the lists have them.
pub fn is_pattern(text: &str) -> bool {
    text.parse::<bessemer_proxy::Pattern>().is_ok()
}

const fn limits(limits: NetworkLimits) -> Limits {
    Limits {
        body_bytes: limits.body_bytes,
        request_bytes: limits.request_bytes,
        total_bytes: limits.total_bytes,
        exchanges: limits.exchanges,
        idle_seconds: limits.idle_seconds,
        exchange_seconds: limits.exchange_seconds,
    }
}

impl Network {
    fn credentials(&self) -> Vec<Credential> {
        let credentials = self.credentials.iter();
        credentials
            .map(|(host, authorization)| Credential {
                host: host.clone(),
                authorization: authorization.clone(),
            })
            .collect()
    }
}
