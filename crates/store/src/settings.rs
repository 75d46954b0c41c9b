//! How a client reaches the world, and its limits.

use crate::credentials::Credentials;
use crate::uri::Uri;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

/// Where distributions keep the certificate authorities that their administrator trusts.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];
/// Limits of one [`crate::Client::fetch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of content.
    pub bytes: u64,
    /// Time for everything.
    pub total: Duration,
    /// Time for one attempt at one place.
    pub attempt: Duration,
    /// Time for one connection to be made, and for the next bytes to arrive.
    pub stall: Duration,
    /// Attempts at one place; failures that will not pass, such as 404, are not repeated.
    pub attempts: u32,
    /// Wait before the second attempt; doubled before each further one.
    pub back_off: Duration,
    /// Redirects followed in one attempt.
    pub redirects: u32,
}

/// How a client reaches the world.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Limits of each fetch.
    pub limits: Limits,
    /// A file with trusted certificate authorities (PEM); by default that of the system.
    pub authorities: Option<PathBuf>,
    /// URI of a proxy for HTTP and HTTPS.
    pub proxy: Option<Uri>,
    /// What servers are told of who asks.
    pub credentials: Credentials,
    /// Ask nothing of other machines.
    pub offline: bool,
    /// Is told of every piece that arrives.
    pub observer: Option<Arc<dyn Observer>>,
}

/// Follows transfers, which may be several at a time.
pub trait Observer: Send + Sync + std::fmt::Debug {
    /// `bytes` of the content of `uri` are here, of `total` where the server said so. Comes about
    /// once for 64 KiB.
    fn received(&self, uri: &Uri, bytes: u64, total: Option<u64>);
}

/// What a client reaches the world with.
pub(crate) struct Reach {
    pub(crate) agent: ureq::Agent,
    pub(crate) limits: Limits,
    pub(crate) trusts_authorities: bool,
    pub(crate) credentials: Credentials,
    pub(crate) offline: bool,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

/// Why a client cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The file of certificate authorities cannot be read.
    #[error("cannot read certificate authorities from `{path}`")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file of certificate authorities holds none.
    #[error("no certificate authorities in `{path}`")]
    NoAuthorities {
        /// The file.
        path: PathBuf,
    },
    /// The proxy's URI is not one of a proxy.
    #[error("the proxy's URI is not valid")]
    Proxy,
}

/// The certificate authorities that this machine's administrator trusts, PEM; `None` when there are
/// none where distributions keep them.
pub fn authorities() -> Option<String> {
    let mut paths = AUTHORITIES.iter();
    paths.find_map(|path| std::fs::read_to_string(path).ok())
}

impl Default for Limits {
    /// 4 GiB, 30 minutes in all, 15 an attempt, one of silence; 4 attempts from 1 second apart; 10
    /// redirects.
    fn default() -> Self {
        Self {
            bytes: 4 << 30,
            total: Duration::from_secs(30 * 60),
            attempt: Duration::from_secs(15 * 60),
            stall: Duration::from_secs(60),
            attempts: 4,
            back_off: Duration::from_secs(1),
            redirects: 10,
        }
    }
}

impl Settings {
    pub(crate) fn reach(&self) -> Result<Reach, ClientError> {
        let (agent, trusts_authorities) = self.agent()?;
        Ok(Reach {
            agent,
            limits: self.limits,
            trusts_authorities,
            credentials: self.credentials.clone(),
            offline: self.offline,
            observer: self.observer.clone(),
        })
    }

    /// An HTTP client, and whether it can trust any server: for protocols that are more than
    /// fetching. Only authorities, proxy and the limits of silence and redirects go into it.
    pub fn agent(&self) -> Result<(ureq::Agent, bool), ClientError> {
        let system = || {
            AUTHORITIES
                .iter()
                .map(PathBuf::from)
                .find(|path| path.is_file())
        };
        let roots = match self.authorities.clone().or_else(system) {
            Some(path) => read_authorities(&path)?,
            None => Vec::new(),
        };
        let trusts_authorities = !roots.is_empty();
        let proxy = self
            .proxy
            .as_ref()
            .map(|uri| ureq::Proxy::new(uri.secret_text()))
            .transpose();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy.map_err(|_| ClientError::Proxy)?)
            .http_status_as_error(false)
            .max_redirects(self.limits.redirects)
            .max_redirects_will_error(true)
            .timeout_connect(Some(self.limits.stall))
            .timeout_per_read(Some(self.limits.stall))
            .user_agent(concat!("bessemer/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok((config.new_agent(), trusts_authorities))
    }
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate<'static>>, ClientError> {
    let pem = std::fs::read(path).map_err(|source| ClientError::Authorities {
        path: path.to_owned(),
        source,
    })?;
    let authorities: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if authorities.is_empty() {
        return Err(ClientError::NoAuthorities {
            path: path.to_owned(),
        });
    }
    Ok(authorities)
}
