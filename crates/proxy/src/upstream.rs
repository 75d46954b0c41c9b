//! Asking servers. The address that was checked is the one that is connected to.

use crate::address::is_public;
use crate::head::{Headers, ResponseHead, parse_response};
use crate::protocol::{Limits, RefusalKind};
use crate::target::{Origin, Target};
use crate::wire::{Connection, ReadError};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(20);
/// How often a wait looks whether it should end.
const TICK: Duration = Duration::from_millis(250);
/// Most responses before the final one.
const MAX_INTERIM: usize = 8;
/// Headers of a request that concern one connection, or that the proxy says itself.
const NOT_PASSED_ON: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// No answer of a server.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It may not be asked.
    Refused(RefusalKind, String),
    /// It could not be asked, or its answer cannot be read.
    Failed(String),
}

/// What servers are asked with.
pub(crate) struct Upstream {
    pub(crate) tls: Arc<ClientConfig>,
    /// Servers that may be at any address.
    pub(crate) private: Vec<(String, u16)>,
    /// Whether every server may be.
    pub(crate) open: bool,
    pub(crate) credentials: Vec<(String, String)>,
    pub(crate) limits: Limits,
    /// Set when the guest has gone.
    pub(crate) ending: Arc<AtomicBool>,
}

/// A server's answer, its body still to be read.
pub(crate) struct Answering {
    pub(crate) head: ResponseHead,
    pub(crate) connection: Connection<Stream>,
}

impl Upstream {
    /// Whether this server may be at an address that is not public.
    pub(crate) fn may_be_private(&self, origin: &Origin) -> bool {
        let named = |(host, port): &(String, u16)| *host == origin.host && *port == origin.port;
        self.open || self.private.iter().any(named)
    }

    /// Sends a request and reads the head of its answer.
    pub(crate) fn ask(
        &self,
        method: &str,
        target: &Target,
        headers: &Headers,
        body: &[u8],
    ) -> Result<Answering, NoAnswer> {
        let stream = self.connect(&target.origin)?;
        let mut connection = Connection::new(stream);
        let head = self.request_head(method, target, headers, body);
        let failed = |error: io::Error| NoAnswer::Failed(format!("cannot send: {error}"));
        connection.write_all(head.as_bytes()).map_err(failed)?;
        connection.write_all(body).map_err(failed)?;
        connection.flush().map_err(failed)?;
        for _ in 0..MAX_INTERIM {
            let head = read_head(&mut connection)
                .map_err(|error| NoAnswer::Failed(format!("cannot read the answer: {error}")))?;
            match head.status {
                101 => return Err(NoAnswer::Failed("it changed the protocol".to_owned())),
                100..=199 => {}
                _ => return Ok(Answering { head, connection }),
            }
        }
        Err(NoAnswer::Failed("it never came to an answer".to_owned()))
    }

    fn request_head(
        &self,
        method: &str,
        target: &Target,
        headers: &Headers,
        body: &[u8],
    ) -> String {
        let origin = &target.origin;
        let mut text = format!("{method} {} HTTP/1.1\r\n", target.path);
        let _ = write!(
            text,
            "Host: {}\r\nConnection: close\r\n",
            origin.authority()
        );
        for (name, value) in headers.iter() {
            if !NOT_PASSED_ON.contains(&name) && !headers.lists("connection", name) {
                let _ = write!(text, "{name}: {value}\r\n");
            }
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        let authority = origin.authority();
        let named = |host: &str| host == origin.host || host == authority;
        let known = self.credentials.iter().find(|(host, _)| named(host));
        // In the clear only to a server that the operator named.
        let safe = origin.tls || self.may_be_private(origin);
        if let (Some((_, value)), None, true) = (known, headers.get("authorization"), safe) {
            let _ = write!(text, "Authorization: {value}\r\n");
        }
        text.push_str("\r\n");
        text
    }

    fn connect(&self, origin: &Origin) -> Result<Stream, NoAnswer> {
        let socket = self.reach(origin)?;
        let now = Instant::now();
        let patient = Patient {
            socket,
            idle: Duration::from_secs(self.limits.idle_seconds),
            deadline: now + Duration::from_secs(self.limits.exchange_seconds),
            ending: Arc::clone(&self.ending),
        };
        patient
            .prepare()
            .map_err(|error| NoAnswer::Failed(error.to_string()))?;
        if !origin.tls {
            return Ok(Stream::Plain(patient));
        }
        let failed = |error: &dyn std::fmt::Display| NoAnswer::Failed(format!("TLS: {error}"));
        let name = ServerName::try_from(origin.bare_host().to_owned());
        let name = name.map_err(|error| failed(&error))?;
        let tls = ClientConnection::new(Arc::clone(&self.tls), name);
        let tls = tls.map_err(|error| failed(&error))?;
        let mut stream = StreamOwned::new(tls, patient);
        while stream.conn.is_handshaking() {
            let done = stream.conn.complete_io(&mut stream.sock);
            done.map_err(|error| failed(&error))?;
        }
        Ok(Stream::Tls(Box::new(stream)))
    }

    /// Connects to one of the addresses that the name has and that may be connected to.
    fn reach(&self, origin: &Origin) -> Result<TcpStream, NoAnswer> {
        let found = (origin.bare_host(), origin.port).to_socket_addrs();
        let found: Vec<SocketAddr> = found
            .map_err(|error| NoAnswer::Failed(format!("cannot resolve the name: {error}")))?
            .collect();
        let any = self.may_be_private(origin);
        let allowed: Vec<&SocketAddr> = found
            .iter()
            .filter(|address| any || is_public(address.ip()))
            .collect();
        if let (true, Some(address)) = (allowed.is_empty(), found.first()) {
            let reason = format!("{} is no public address", address.ip());
            return Err(NoAnswer::Refused(RefusalKind::PrivateAddress, reason));
        }
        let mut reason = "the name has no address".to_owned();
        for address in allowed {
            match TcpStream::connect_timeout(address, CONNECT) {
                Ok(socket) => return Ok(socket),
                Err(error) => reason = format!("cannot connect to {address}: {error}"),
            }
        }
        Err(NoAnswer::Failed(reason))
    }
}

fn read_head(connection: &mut Connection<Stream>) -> Result<ResponseHead, ReadError> {
    let bytes = connection.head()?;
    let bytes = bytes.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
    Ok(parse_response(&bytes)?)
}

/// A connection to a server.
pub(crate) enum Stream {
    Plain(Patient),
    Tls(Box<StreamOwned<ClientConnection, Patient>>),
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(out),
            Self::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Waits as long as it may, and no longer than there is a guest.
pub(crate) struct Patient {
    socket: TcpStream,
    idle: Duration,
    deadline: Instant,
    ending: Arc<AtomicBool>,
}

impl Patient {
    fn prepare(&self) -> io::Result<()> {
        self.socket.set_nodelay(true)?;
        self.socket.set_read_timeout(Some(TICK))?;
        self.socket.set_write_timeout(Some(TICK))
    }

    fn patiently<T>(
        &mut self,
        mut attempt: impl FnMut(&mut TcpStream) -> io::Result<T>,
    ) -> io::Result<T> {
        let begun = Instant::now();
        loop {
            let passing = match attempt(&mut self.socket) {
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => error,
                    io::ErrorKind::Interrupted => continue,
                    _ => return Err(error),
                },
                done => return done,
            };
            let now = Instant::now();
            let over = now >= self.deadline || now.duration_since(begun) >= self.idle;
            if over || self.ending.load(Ordering::Relaxed) {
                return Err(io::Error::new(io::ErrorKind::TimedOut, passing.to_string()));
            }
        }
    }
}

impl Read for Patient {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.patiently(|socket| socket.read(out))
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
