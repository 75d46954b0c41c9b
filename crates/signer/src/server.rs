//! The socket: who may connect, and one thread a connection.

use crate::frame::{FrameError, REPLY_LIMIT, REQUEST_LIMIT, receive, receive_files, send};
use crate::protocol::{Reply, Request};
use crate::service::{answer, descriptors};
use crate::state::State;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::error::Error;
use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The most descriptors that one request may bring.
pub const DESCRIPTOR_LIMIT: usize = 900;
/// The most connections at a time; further ones wait to be accepted. A build holds two.
const CONNECTION_LIMIT: usize = 64;
/// How long to wait when something that others hold has run out.
const PAUSE: Duration = Duration::from_millis(20);

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be made.
    #[error("cannot listen on `{path}`")]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Waiting for connections failed.
    #[error("cannot wait for connections")]
    Wait(#[from] io::Error),
}

/// A listening socket.
#[derive(Debug)]
pub struct Server {
    state: Arc<State>,
    listener: UnixListener,
    /// Where it was bound here; a socket that somebody else bound is his to remove.
    path: Option<PathBuf>,
    allowed: u32,
}

impl Server {
    /// Listens on `path`, in place of a socket that an earlier signer left there. Anybody may
    /// connect as far as the file's mode goes; only peers of uid `allowed` are answered.
    pub fn bind(state: State, path: &Path, allowed: u32) -> Result<Self, ServeError> {
        let error = |source| ServeError::Listen {
            path: path.to_owned(),
            source,
        };
        match std::fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(error(cause)),
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(error)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(error)?;
        Ok(Self {
            state: Arc::new(state),
            listener,
            path: Some(path.to_owned()),
            allowed,
        })
    }

    /// Serves a socket that somebody else bound and listens on: a service manager.
    pub fn inherited(state: State, socket: OwnedFd, allowed: u32) -> Result<Self, ServeError> {
        if !rustix::net::sockopt::socket_acceptconn(&socket).map_err(io::Error::from)? {
            let error = io::Error::other("what was handed over is no listening socket");
            return Err(error.into());
        }
        Ok(Self {
            state: Arc::new(state),
            listener: UnixListener::from(socket),
            path: None,
            allowed,
        })
    }

    /// Serves until `parent` (if given) reaches its end.
    pub fn run(&self, parent: Option<BorrowedFd<'_>>) -> Result<(), ServeError> {
        // One copy for this loop and one for each connection.
        let open = Arc::new(());
        loop {
            let full = Arc::strong_count(&open) > CONNECTION_LIMIT;
            let (ended, waiting) = self.wait(parent, full)?;
            if ended {
                // Leaving a socket behind is harmless, so a failure to remove it is, too.
                let _ = self.path.as_ref().map(std::fs::remove_file);
                return Ok(());
            }
            if !waiting {
                continue;
            }
            match self.listener.accept() {
                Ok((stream, _)) => self.start(stream, Arc::clone(&open)),
                Err(error) if passes(&error) => thread::sleep(PAUSE),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for the parent's end or, unless the signer is `full`, for a connection; returns which.
    fn wait(&self, parent: Option<BorrowedFd<'_>>, full: bool) -> io::Result<(bool, bool)> {
        // Without events to wait for, a descriptor of a full signer only shows errors.
        let events = if full {
            PollFlags::empty()
        } else {
            PollFlags::IN
        };
        let mut watched = vec![PollFd::from_borrowed_fd(self.listener.as_fd(), events)];
        watched.extend(parent.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let pause = Timespec::try_from(PAUSE).ok().filter(|_| full);
        rustix::io::retry_on_intr(|| poll(&mut watched, pause.as_ref()))?;
        let ended = watched
            .get(1)
            .is_some_and(|parent| !parent.revents().is_empty());
        Ok((ended, !full && !watched[0].revents().is_empty()))
    }

    /// Serves a connection in a thread of its own. Without a thread the connection is closed.
    fn start(&self, stream: UnixStream, open: Arc<()>) {
        let (state, allowed) = (Arc::clone(&self.state), self.allowed);
        let started = thread::Builder::new().spawn(move || {
            // Whatever goes wrong on one connection ends that connection only.
            let _ = serve(&state, &stream, allowed);
            drop((stream, open));
        });
        if started.is_err() {
            thread::sleep(PAUSE);
        }
    }
}

/// Whether a later attempt to accept a connection may succeed.
fn passes(error: &io::Error) -> bool {
    [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::AGAIN,
    ]
    .iter()
    .any(|known| error.raw_os_error() == Some(known.raw_os_error()))
}

fn serve(state: &State, stream: &UnixStream, allowed: u32) -> Result<(), FrameError> {
    // Not rustix's: a peer outside this process's pid namespace has the process id 0, which its type lacks.
    let peer = getsockopt(stream, PeerCredentials).map_err(io::Error::from)?;
    if peer.uid() != allowed {
        let reason = format!("uid {} may not use this signer", peer.uid());
        return send(stream, &Reply::Refused(vec![reason]), REPLY_LIMIT);
    }
    while let Some(request) = receive::<Request>(stream, REQUEST_LIMIT)? {
        let wanted = descriptors(&request);
        if wanted > DESCRIPTOR_LIMIT {
            let reason = format!("{wanted} files are more than {DESCRIPTOR_LIMIT}");
            return send(stream, &Reply::Refused(vec![reason]), REPLY_LIMIT);
        }
        let files = receive_files(stream, wanted)?;
        let reply = match answer(state, request, &files) {
            Ok(reply) => reply,
            Err(refusal) => Reply::Refused(chain(&refusal)),
        };
        send(stream, &reply, REPLY_LIMIT)?;
    }
    Ok(())
}

/// An error and its causes, outermost first.
pub(crate) fn chain(error: &dyn Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts
}
