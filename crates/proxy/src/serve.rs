//! One guest, from its configuration to its end.

use crate::authority::{Authority, AuthorityError};
use crate::policy::{Pattern, PatternError};
use crate::protocol::{Config, MAX_CONFIG, Mode, Report};
use crate::replay::Replay;
use crate::reporting::Reporter;
use crate::session::Shared;
use crate::spool::Spool;
use crate::target::Origin;
use crate::tunnel;
use crate::upstream::Upstream;
use bessemer_relay::{RelayError, Side, relay};
use bessemer_vm_proto::{Entry, MAX_STREAMS, Streams};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::fs::File;
use std::io::{self, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How long a connection of the guest may be idle.
const GUEST_IDLE: Duration = Duration::from_secs(900);
/// How often the end looks for exchanges that are not finished.
const TICK: Duration = Duration::from_millis(20);

/// The proxy cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The control side did not give what is needed.
    #[error("cannot receive the configuration")]
    Receive(#[source] io::Error),
    /// The configuration cannot be read.
    #[error("the configuration cannot be read")]
    Config(#[from] serde_json::Error),
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A server is not named as it has to be.
    #[error("`{0}` is not HOST:PORT")]
    Private(String),
    /// No certificates.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// The control side has gone.
    #[error("cannot tell the control side")]
    Tell(#[source] io::Error),
    /// The guest broke the rules of the data port, or it failed.
    #[error(transparent)]
    Relay(#[from] RelayError),
}

/// What the control side gives with its first byte.
struct Given {
    guest: OwnedFd,
    config: Config,
    bodies: Option<File>,
}

/// Serves one guest until it has gone: the control side is standard input, bodies go to standard
/// output.
pub fn serve() -> Result<(), ServeError> {
    let control = io::stdin().as_fd().try_clone_to_owned();
    let control = UnixStream::from(control.map_err(ServeError::Receive)?);
    let spool = io::stdout().as_fd().try_clone_to_owned();
    let spool = File::from(spool.map_err(ServeError::Receive)?);
    let given = receive(&control)?;
    let ending = Arc::new(AtomicBool::new(false));
    let shared = Arc::new(shared(given.config, given.bodies, control, spool, &ending)?);
    let certificate = shared.authority.certificate().to_owned();
    let tell = |report| shared.reporter.tell(&report).map_err(ServeError::Tell);
    tell(Report::Ready(certificate))?;
    let active = Arc::new(AtomicUsize::new(0));
    let mut host = Host {
        shared: Arc::clone(&shared),
        active: Arc::clone(&active),
    };
    let carried = relay(given.guest, Streams::of_host(), &mut host);
    ending.store(true, Ordering::Relaxed);
    while active.load(Ordering::Acquire) > 0 {
        std::thread::sleep(TICK);
    }
    tell(Report::Done)?;
    Ok(carried?)
}

fn receive(control: &UnixStream) -> Result<Given, ServeError> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg(control, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
    message.map_err(|error| ServeError::Receive(error.into()))?;
    let mut descriptors = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            descriptors.extend(received);
        }
    }
    let mut descriptors = descriptors.into_iter();
    let missing = || ServeError::Receive(io::ErrorKind::UnexpectedEof.into());
    let guest = descriptors.next().ok_or_else(missing)?;
    let config = File::from(descriptors.next().ok_or_else(missing)?);
    let mut text = Vec::new();
    let read = config.take(MAX_CONFIG).read_to_end(&mut text);
    read.map_err(ServeError::Receive)?;
    Ok(Given {
        guest,
        config: serde_json::from_slice(&text)?,
        bodies: descriptors.next().map(File::from),
    })
}

fn shared(
    config: Config,
    bodies: Option<File>,
    control: UnixStream,
    spool: File,
    ending: &Arc<AtomicBool>,
) -> Result<Shared, ServeError> {
    let patterns = |list: &[String]| -> Result<Vec<Pattern>, PatternError> {
        list.iter().map(|text| text.parse()).collect()
    };
    let named = |text: &String| {
        let named = text.contains(':').then(|| Origin::parse(true, text));
        let origin = named
            .flatten()
            .ok_or_else(|| ServeError::Private(text.clone()))?;
        Ok((origin.host, origin.port))
    };
    let credentials = config.credentials.into_iter();
    Ok(Shared {
        mode: config.mode,
        allow: patterns(&config.allow)?,
        deny: patterns(&config.deny)?,
        limits: config.limits,
        authority: Authority::new()?,
        upstream: Upstream {
            tls: Arc::new(client(&config.authorities)?),
            private: config
                .private
                .iter()
                .map(named)
                .collect::<Result<_, ServeError>>()?,
            open: config.mode == Mode::Open,
            credentials: credentials
                .map(|one| (one.host.to_ascii_lowercase(), one.authorization))
                .collect(),
            limits: config.limits,
            ending: Arc::clone(ending),
        },
        replay: Replay::new(config.recorded, bodies),
        spool: Spool::new(spool, config.limits.total_bytes),
        reporter: Reporter::new(control),
        exchanges: AtomicU64::new(0),
    })
}

/// How servers are believed. An authority that cannot be read is left out, as everywhere.
fn client(authorities: &str) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_slice_iter(authorities.as_bytes());
    roots.add_parsable_certificates(found.filter_map(Result::ok));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Serves each connection with a thread.
struct Host {
    shared: Arc<Shared>,
    active: Arc<AtomicUsize>,
}

/// One less when dropped, however the thread ends.
struct Active(Arc<AtomicUsize>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl Side for Host {
    fn opened(&mut self, entry: Entry) -> io::Result<OwnedFd> {
        if self.active.load(Ordering::Acquire) >= 2 * MAX_STREAMS {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let (ours, theirs) = UnixStream::pair()?;
        theirs.set_read_timeout(Some(GUEST_IDLE))?;
        theirs.set_write_timeout(Some(Duration::from_secs(
            self.shared.limits.exchange_seconds.max(1),
        )))?;
        self.active.fetch_add(1, Ordering::AcqRel);
        let active = Active(Arc::clone(&self.active));
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new().spawn(move || {
            let _active = active;
            // An error says that the connection is over; what matters was told.
            let _ = tunnel::serve(&shared, theirs, entry);
        })?;
        Ok(ours.into())
    }
}
