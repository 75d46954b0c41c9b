//! A guest's proxy, from its start to what it recorded.

use super::heard::Heard;
use super::{Network, NetworkError, Recorded, Refused, java, limits, record, replay};
use bessemer_attest::documents::{GuestNetwork, JailObservation, Network as Mode};
use bessemer_proxy::protocol;
use bessemer_sift::Certificate;
use bessemer_store::Store;
use bessemer_vm::VmProcess;
use bessemer_vm::{GuestNetwork as Settings, JailReport, Launcher, ProcessLimits, ProxyRequest};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::fs::File;
use std::io::{self, IoSlice, Read as _, Seek as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a proxy may take to be ready.
const READY: Duration = Duration::from_secs(30);
/// How long it may take to finish after its guest has gone, beside a server's silence.
const FINISH: Duration = Duration::from_secs(30);
/// What a proxy may use.
const MEMORY_MIB: u32 = 1024;
const TASKS: u32 = 1024;
const CPU_PERCENT: u32 = 100;
/// Most of what it printed that is shown.
const MAX_SAID: u64 = 2000;

/// A running proxy. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct GuestProxy {
    process: Box<dyn VmProcess>,
    jail: JailReport,
    heard: Arc<Mutex<Heard>>,
    bodies: File,
    said: File,
    settings: Settings,
    /// Told by it before anything else.
    authority: Option<Certificate>,
    network: Network,
}

impl GuestProxy {
    /// Starts a proxy for a guest that lives at most `whole`; the socket is QEMU's end of the data
    /// port. Files go to `folder`, under `name`.
    pub(crate) fn start(
        network: &Network,
        launcher: &dyn Launcher,
        store: &Store,
        folder: &Path,
        name: &str,
        whole: Duration,
    ) -> Result<(Self, OwnedFd), NetworkError> {
        let file = |kind: &str| {
            let path = folder.join(format!("{name}-{kind}"));
            let mut options = File::options();
            options
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(path)
        };
        let limits = limits(network.policy.limits);
        let bodies = file("network-bodies")?;
        bodies.set_len(limits.spool_bytes())?;
        let replay = match &network.replay {
            Some(record) => Some(replay::gather(record, store, file("network-replay")?)?),
            None => None,
        };
        let (control, theirs) = UnixStream::pair()?;
        let said =
            File::from(memfd_create("proxy-said", MemfdFlags::CLOEXEC).map_err(io::Error::from)?);
        let seconds = u32::try_from(whole.as_secs()).unwrap_or(u32::MAX);
        let launched = launcher.launch_proxy(ProxyRequest {
            control: theirs.into(),
            bodies: bodies.try_clone()?.into(),
            diagnostics: said.try_clone()?.into(),
            limits: ProcessLimits {
                memory_mib: MEMORY_MIB,
                tasks: TASKS,
                cpu_percent: CPU_PERCENT,
                seconds: seconds.saturating_add(600),
            },
        })?;
        let (data, guests) = UnixStream::pair()?;
        let (recorded, replayed) =
            replay.map_or((Vec::new(), None), |(list, file)| (list, Some(file)));
        give(
            &control,
            &guests,
            &config(network, recorded)?,
            replayed.as_ref(),
        )?;
        let heard = Heard::new(control, limits.exchanges)?;
        let mut proxy = Self {
            process: launched.process,
            jail: launched.jail,
            heard: Arc::new(Mutex::new(heard)),
            bodies,
            said,
            settings: Settings {
                authority_pem: String::new(),
                java_store: Vec::new(),
            },
            authority: None,
            network: network.clone(),
        };
        proxy.await_ready()?;
        proxy.listen()?;
        Ok((proxy, data.into()))
    }

    /// What the guest needs to use it.
    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What no output may have in it.
    pub(crate) const fn authority(&self) -> Option<&Certificate> {
        self.authority.as_ref()
    }

    /// The first request that was refused so far. A proxy tells before it answers its guest, so
    /// nothing that a finished step asked for is missing.
    pub(crate) fn refused(&self) -> Option<Refused> {
        let mut heard = self.heard();
        heard.drain();
        heard.refusals.first().cloned()
    }

    /// After the guest has gone: everything that was recorded, its bodies in the store.
    pub(crate) fn finish(mut self, store: &Store) -> Result<Recorded, NetworkError> {
        let idle = Duration::from_secs(self.network.policy.limits.idle_seconds);
        self.await_until(FINISH + idle, |heard| heard.done)?;
        let (exchanges, refusals) = {
            let mut heard = self.heard();
            let exchanges = std::mem::take(&mut heard.exchanges);
            (exchanges, std::mem::take(&mut heard.refusals))
        };
        let record = record::keep(self.network.mode, exchanges, &refusals, &self.bodies, store)?;
        Ok(Recorded {
            guest: GuestNetwork {
                test: None,
                record: record.digest,
                proxy: self.network.proxy.clone(),
                jail: JailObservation {
                    profile: self.jail.profile.clone(),
                    applied: self.jail.applied.clone(),
                    missing: self.jail.missing.clone(),
                },
            },
            bytes: record.bytes,
            refused: refusals.into_iter().next(),
        })
    }

    fn await_ready(&mut self) -> Result<(), NetworkError> {
        self.await_until(READY, |heard| heard.authority.is_some())?;
        let pem = self.heard().authority.clone().unwrap_or_default();
        let authority = Certificate::of(&pem).ok_or(NetworkError::Certificate)?;
        self.settings = Settings {
            java_store: java::store(authority.der()),
            authority_pem: pem,
        };
        self.authority = Some(authority);
        Ok(())
    }

    /// Waits until something was told.
    fn await_until(
        &mut self,
        limit: Duration,
        told: impl Fn(&Heard) -> bool,
    ) -> Result<(), NetworkError> {
        let until = Instant::now() + limit;
        loop {
            let broken = {
                let mut heard = self.heard();
                heard.drain();
                if told(&heard) {
                    return Ok(());
                }
                heard.broken.clone()
            };
            if let Some(what) = broken {
                return Err(self.failed(what));
            }
            if Instant::now() >= until {
                return Err(self.failed("did not answer in time".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes in what is told while the guest works, so that the proxy never waits for it.
    fn listen(&self) -> io::Result<()> {
        let heard = Arc::downgrade(&self.heard);
        let socket = self.heard().socket()?;
        std::thread::Builder::new().spawn(move || {
            let timeout = Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            };
            while let Some(heard) = heard.upgrade() {
                {
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    heard.drain();
                    if heard.is_over() {
                        return;
                    }
                }
                drop(heard);
                let mut fds = [PollFd::new(&socket, PollFlags::IN)];
                // Interrupted or over: the loop looks.
                let _ = poll(&mut fds, Some(&timeout));
            }
        })?;
        Ok(())
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&mut self, what: String) -> NetworkError {
        self.process.kill();
        self.process.wait(Duration::from_secs(5));
        let mut said = String::new();
        // Only shortens a message for a person.
        let _ = self.said.rewind();
        let _ = (&self.said).take(MAX_SAID).read_to_string(&mut said);
        let said = said.trim().replace(char::is_control, " ");
        NetworkError::Proxy { what, said }
    }
}

impl Drop for GuestProxy {
    fn drop(&mut self) {
        self.process.kill();
    }
}

fn config(network: &Network, recorded: Vec<protocol::Recorded>) -> Result<File, NetworkError> {
    let config = protocol::Config {
        mode: match network.mode {
            Mode::Replay => protocol::Mode::Replay,
            Mode::Open => protocol::Mode::Open,
            Mode::Recorded | Mode::None => protocol::Mode::Recorded,
        },
        allow: network.policy.allow.clone(),
        deny: network.policy.deny.clone(),
        private: network.policy.private.clone(),
        limits: limits(network.policy.limits),
        authorities: network.authorities.clone(),
        credentials: network.credentials(),
        recorded,
    };
    let memory = memfd_create("proxy-config", MemfdFlags::CLOEXEC).map_err(io::Error::from)?;
    let mut file = File::from(memory);
    file.write_all(&serde_json::to_vec(&config)?)?;
    file.rewind()?;
    Ok(file)
}

/// One byte, and beside it the guest's end of the data port, the configuration and what is replayed.
fn give(
    control: &UnixStream,
    guest: &UnixStream,
    config: &File,
    replayed: Option<&File>,
) -> io::Result<()> {
    let mut descriptors: Vec<BorrowedFd<'_>> = vec![guest.as_fd(), config.as_fd()];
    descriptors.extend(replayed.map(|file| file.as_fd()));
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("too many descriptors"));
    }
    let byte = [IoSlice::new(b"!")];
    sendmsg(control, &byte, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}
